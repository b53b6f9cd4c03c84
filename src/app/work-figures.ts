import { Gauge, type Registry as MetricsRegistry } from 'prom-client'
import type { Operations } from '../engine/operations.ts'
import { databaseAges } from '../store/postgres/database-ages.ts'
import type { SqlDatabase } from '../store/sql/sql.ts'

export interface WorkFiguresParts {
  readonly operations: Pick<Operations, 'figures'>
  readonly sql: SqlDatabase
  readonly metrics: MetricsRegistry
}

/**
 * Figures of the whole database, looked up when they are asked for: every process that shares it tells the same, so they
 * are not to be added up. What cannot be looked up is left out.
 */
export class WorkFigures {
  readonly #parts: WorkFiguresParts
  readonly #lanes: Gauge<'pool'>
  readonly #unwell: Gauge<'state'>
  readonly #parked: Gauge
  readonly #transaction: Gauge
  readonly #dead: Gauge<'table'>

  constructor(parts: WorkFiguresParts) {
    this.#parts = parts
    const registers = [parts.metrics]
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

  /** Looks everything up anew. Never throws: figures are wanted most when something is amiss. */
  async look(): Promise<void> {
    for (const gauge of [this.#lanes, this.#unwell, this.#dead]) gauge.reset()
    // Without labels, `reset` would say 0.
    for (const gauge of [this.#parked, this.#transaction]) gauge.remove()
    try {
      await this.#lookAtWork()
      if (this.#parts.sql.isShared) await this.#lookAtDatabase()
    } catch {
      // The database does not answer: /health says so.
    }
  }

  async #lookAtWork(): Promise<void> {
    const { lanes, resting, stopped, parked } = await this.#parts.operations.figures()
    for (const { pool, active } of lanes) this.#lanes.set({ pool }, active)
    this.#unwell.set({ state: 'resting' }, resting)
    this.#unwell.set({ state: 'stopped' }, stopped)
    this.#parked.set(parked)
  }

  async #lookAtDatabase(): Promise<void> {
    const { oldestMs, dead } = await databaseAges(this.#parts.sql)
    this.#transaction.set(oldestMs / 1_000)
    for (const { name, rows } of dead) this.#dead.set({ table: name }, rows)
  }
}
