import type { Breaker } from '../../engine/breaker.ts'
import type { Failure } from '../../engine/task.ts'
import type { Window } from '../../engine/window.ts'
import type { Database } from './database.ts'

/** What a queue and its lane owe and are owed, while a turn is under way. */
export interface QueueAccount {
  readonly id: number
  readonly laneId: number
  readonly weight: number
  served: number
  costMs: number
  window: Window
}

/** A source's breaker and what it said last, while a turn is under way. */
export interface SourceAccount {
  readonly id: number
  breaker: Breaker
  /** Its work has moved in this turn. */
  isMoved: boolean
  /** What to show as its last error: a new one, none any more (null), or what stands there already. */
  error: Failure | null | undefined
}

/** Counters that never go back. */
export type Counter = 'fence' | 'seq'

/**
 * Rows that many results of one turn change: read when first needed, written once when all results are in.
 * Until then SQL does not see the changes; `write` comes before anything that looks at these rows by itself.
 */
export class Ledger {
  readonly #db: Database
  readonly #queues = new Map<number, QueueAccount>()
  readonly #lanes = new Map<number, number>()
  readonly #sources = new Map<number, SourceAccount | null>()
  readonly #counters = new Map<Counter, { value: number; written: number }>()

  constructor(db: Database) {
    this.#db = db
  }

  queue(id: number): QueueAccount | null {
    const known = this.#queues.get(id)
    if (known !== undefined) return known
    const row = this.#db.prepare<QueueRow>(queueSql).get(id)
    if (row === undefined) return null
    const { window, streak } = row
    const account = {
      id,
      laneId: row.lane_id,
      weight: row.weight,
      served: row.served,
      costMs: row.cost_ms,
      window: { window, streak },
    }
    this.#queues.set(id, account)
    if (!this.#lanes.has(row.lane_id)) this.#lanes.set(row.lane_id, row.vt)
    return account
  }

  /** Moves a lane on, or back by what it was charged too much, but never behind `least`. */
  charge({ laneId }: QueueAccount, units: number, least: number): void {
    const vt = this.#lanes.get(laneId) ?? 0
    this.#lanes.set(laneId, Math.max(vt + units, least))
  }

  source(id: number): SourceAccount | null {
    const known = this.#sources.get(id)
    if (known !== undefined) return known
    const row = this.#db.prepare<BreakerRow>(breakerSql).get(id)
    const account =
      row === undefined ? null : { id, breaker: breakerOf(row), isMoved: false, error: undefined }
    this.#sources.set(id, account)
    return account
  }

  /** The next number of a counter. */
  next(counter: Counter): number {
    const state = this.#counter(counter)
    return ++state.value
  }

  /** The newest number of a counter. */
  newest(counter: Counter): number {
    return this.#counter(counter).value
  }

  /** Writes what has changed and forgets it: whoever needs a row again reads it again. */
  write(nowMs: number): void {
    for (const account of this.#queues.values()) this.#writeQueue(account)
    const move = this.#db.prepare('update lane set vt = ? where id = ?')
    for (const [laneId, vt] of this.#lanes) move.run(vt, laneId)
    for (const account of this.#sources.values()) {
      if (account !== null) this.#writeSource(account, nowMs)
    }
    this.#queues.clear()
    this.#lanes.clear()
    this.#sources.clear()
    this.writeCounters()
  }

  writeCounters(): void {
    for (const [name, state] of this.#counters) {
      if (state.value === state.written) continue
      this.#db.prepare('update counter set value = ? where name = ?').run(state.value, name)
      state.written = state.value
    }
  }

  #counter(name: Counter): { value: number; written: number } {
    let state = this.#counters.get(name)
    if (state === undefined) {
      const row = this.#db
        .prepare<{ value: number }>('select value from counter where name = ?')
        .get(name)
      const value = row?.value ?? 0
      state = { value, written: value }
      this.#counters.set(name, state)
    }
    return state
  }

  #writeQueue({ id, served, costMs, window }: QueueAccount): void {
    this.#db
      .prepare('update queue set served = ?, cost_ms = ?, window = ?, streak = ? where id = ?')
      .run(served, costMs, window.window, window.streak, id)
  }

  #writeSource({ id, breaker, isMoved, error }: SourceAccount, nowMs: number): void {
    const { health, restUntilMs, trips, failures, recent, fenceFloor, okMs } = breaker
    this.#db
      .prepare(
        `update source set health = ?, rest_until_ms = ?, trips = ?, failures = ?, recent = ?, fence_floor = ?, ok_ms = ?
         where id = ?`,
      )
      .run(health, restUntilMs, trips, failures, recent, fenceFloor, okMs, id)
    if (isMoved) this.#db.prepare('update source set progress_ms = ? where id = ?').run(nowMs, id)
    if (error === undefined) return
    this.#db
      .prepare(
        `update source set error_code = ?, error_message = ?, error_ms = coalesce(?, error_ms) where id = ?`,
      )
      .run(error?.code ?? null, error?.message ?? null, error === null ? null : nowMs, id)
  }
}

interface QueueRow {
  readonly lane_id: number
  readonly weight: number
  readonly vt: number
  readonly served: number
  readonly cost_ms: number
  readonly window: number
  readonly streak: number
}

const queueSql = `select queue.lane_id, owner.weight, lane.vt, queue.served, queue.cost_ms, queue.window, queue.streak
  from queue join lane on lane.id = queue.lane_id join owner on owner.id = lane.owner_id where queue.id = ?`

interface BreakerRow {
  readonly health: number
  readonly rest_until_ms: number | null
  readonly trips: number
  readonly failures: number
  readonly recent: number
  readonly fence_floor: number
  readonly ok_ms: number | null
}

const breakerSql = `select health, rest_until_ms, trips, failures, recent, fence_floor, ok_ms from source where id = ?`

function breakerOf(row: BreakerRow): Breaker {
  const { health, trips, failures, recent } = row
  const { rest_until_ms: restUntilMs, fence_floor: fenceFloor, ok_ms: okMs } = row
  return { health, restUntilMs, trips, failures, recent, fenceFloor, okMs }
}
