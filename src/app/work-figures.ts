import { Gauge, type Registry as MetricsRegistry } from 'prom-client'
import type { Clock } from '../base/clock.ts'
import type { Operations, WorkFigures as Figures } from '../engine/operations.ts'
import { within } from '../http/deadline.ts'
import { databaseAges, type DatabaseAges } from '../store/postgres/database-ages.ts'
import type { SqlDatabase } from '../store/sql/sql.ts'

export interface WorkFiguresParts {
  readonly operations: Pick<Operations, 'figures'>
  readonly sql: SqlDatabase
  readonly clock: Clock
  readonly metrics: MetricsRegistry
}

/** Milliseconds that the database may take: whoever scrapes wants the figures of the process when it is away, too. */
const maxLookMs = 1_500

/**
 * Figures of the whole database, looked up when they are asked for: every process that shares it tells the same, so they
 * are not to be added up. What cannot be looked up in time is left out.
 */
export class WorkFigures {
  readonly #parts: WorkFiguresParts
  readonly #up: Gauge
  readonly #lanes: Gauge<'pool'>
  readonly #unwell: Gauge<'state'>
  readonly #parked: Gauge
  readonly #transaction: Gauge
  readonly #dead: Gauge<'table'>
  #present: Promise<Looked> | null = null

  constructor(parts: WorkFiguresParts) {
    this.#parts = parts
    const registers = [parts.metrics]
    this.#up = new Gauge({
      name: 'sync_database_up',
      help: 'Whether the database has answered now, in time: 1 or 0; at 0 the figures of the whole database are left out.',
      registers,
    })
    this.#lanes = new Gauge({
      name: 'sync_lanes_active',
      help: 'Users with something that could run now, by pool, at most 100,000 counted.',
      labelNames: ['pool'],
      registers,
    })
    this.#unwell = new Gauge({
      name: 'sync_sources_unwell',
      help: 'Sources with an open breaker: resting until their next check, or stopped until a person acts.',
      labelNames: ['state'],
      registers,
    })
    this.#parked = new Gauge({
      name: 'sync_tasks_parked',
      help: 'Tasks that failed too often and wait for a person.',
      registers,
    })
    this.#transaction = new Gauge({
      name: 'sync_database_oldest_transaction_seconds',
      help: 'Age of the oldest transaction on the database that this user may see (PostgreSQL).',
      registers,
    })
    this.#dead = new Gauge({
      name: 'sync_database_dead_rows',
      help: 'Rows that nobody can see any more and nobody has removed yet, by table (PostgreSQL).',
      labelNames: ['table'],
      registers,
    })
  }

  /** Looks everything up anew, within `maxLookMs`. Never throws: figures are wanted most when something is amiss. */
  async look(): Promise<void> {
    const deadline = { clock: this.#parts.clock, ms: maxLookMs, what: 'Looking up the figures' }
    try {
      this.#show(await within(deadline, () => this.#ask()))
    } catch {
      // The database does not answer: /health says so.
      this.#show(null)
    }
  }

  /** However many look at once, and however late the answer is, it is asked once. */
  #ask(): Promise<Looked> {
    this.#present ??= this.#lookUp().finally(() => {
      this.#present = null
    })
    return this.#present
  }

  async #lookUp(): Promise<Looked> {
    const { operations, sql } = this.#parts
    const figures = await operations.figures()
    return { figures, ages: sql.isShared ? await databaseAges(sql) : null }
  }

  #show(looked: Looked | null): void {
    for (const gauge of [this.#lanes, this.#unwell, this.#dead]) gauge.reset()
    // Without labels, `reset` would say 0.
    for (const gauge of [this.#parked, this.#transaction]) gauge.remove()
    this.#up.set(looked === null ? 0 : 1)
    if (looked === null) return
    const { lanes, resting, stopped, parked } = looked.figures
    for (const { pool, active } of lanes) this.#lanes.set({ pool }, active)
    this.#unwell.set({ state: 'resting' }, resting)
    this.#unwell.set({ state: 'stopped' }, stopped)
    this.#parked.set(parked)
    if (looked.ages === null) return
    this.#transaction.set(looked.ages.oldestMs / 1_000)
    for (const { name, rows } of looked.ages.dead) this.#dead.set({ table: name }, rows)
  }
}

interface Looked {
  readonly figures: Figures
  /** Null where the database is a file. */
  readonly ages: DatabaseAges | null
}
