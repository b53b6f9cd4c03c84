import type { Pool, WorkClass } from '../../engine/task.ts'
import type { Window } from '../../engine/window.ts'
import type { Transaction, Write } from './sql.ts'

/** Where a lane stands. */
export interface LaneAccount {
  readonly id: number
  readonly ownerId: number
  readonly pool: Pool
  readonly workClass: WorkClass
  readonly weight: number
  vt: number
  floor: number
  /** One of its queues is. */
  isActive: boolean
}

/** Where a queue stands in its lane. */
export interface QueueAccount {
  readonly id: number
  readonly sourceId: number
  readonly lane: LaneAccount
  served: number
  costMs: number
  window: Window
  /** Something of it could be claimed. */
  isActive: boolean
}

export const laneColumns = `lane.id, lane.owner_id, lane.pool, lane.class, lane.vt, lane.floor, lane.is_active, owner.weight`
export const queueColumns = `queue.id, queue.lane_id, queue.source_id, queue.served, queue.cost_ms, queue."window",
  queue.streak, queue.is_active`

export interface LaneRow {
  readonly id: number
  readonly owner_id: number
  readonly pool: Pool
  readonly class: WorkClass
  readonly vt: number
  readonly floor: number
  readonly is_active: number
  readonly weight: number
}

export interface QueueRow {
  readonly id: number
  readonly lane_id: number
  readonly source_id: number
  readonly served: number
  readonly cost_ms: number
  readonly window: number
  readonly streak: number
  readonly is_active: number
}

/** The virtual time of a class in a pool: where a lane begins that wakes up. */
export type Clockwork = (lane: LaneAccount) => number

/**
 * Lanes and queues that a turn has locked, as they stand now: whoever settles and whoever claims change them here, and
 * they are written once, when all is claimed. SQL sees none of it before.
 */
export class LaneBook {
  readonly #tx: Transaction
  readonly #lanes = new Map<number, LaneAccount>()
  readonly #queues = new Map<number, QueueAccount>()
  readonly #changedLanes = new Set<LaneAccount>()
  readonly #changedQueues = new Set<QueueAccount>()
  /** Lanes that slept when they were taken. */
  readonly #slept = new Set<LaneAccount>()
  /** Queues that have woken up, or were put to sleep. */
  readonly #shifted = new Set<QueueAccount>()

  constructor(tx: Transaction) {
    this.#tx = tx
  }

  /** Locked by this turn. One that is in the book already stays as it is there. */
  takeLane(row: LaneRow): LaneAccount {
    const known = this.#lanes.get(row.id)
    if (known !== undefined) return known
    const { id, pool, weight, vt, floor } = row
    const isActive = row.is_active === 1
    const lane = {
      id,
      ownerId: row.owner_id,
      pool,
      workClass: row.class,
      weight,
      vt,
      floor,
      isActive,
    }
    this.#lanes.set(id, lane)
    if (!isActive) this.#slept.add(lane)
    return lane
  }

  /** The same. Null: its lane is another's. */
  takeQueue(row: QueueRow): QueueAccount | null {
    const known = this.#queues.get(row.id)
    if (known !== undefined) return known
    const lane = this.#lanes.get(row.lane_id)
    if (lane === undefined) return null
    const { id, served, window, streak } = row
    const queue = {
      id,
      sourceId: row.source_id,
      lane,
      served,
      costMs: row.cost_ms,
      window: { window, streak },
      isActive: row.is_active === 1,
    }
    this.#queues.set(id, queue)
    return queue
  }

  lane(id: number): LaneAccount | null {
    return this.#lanes.get(id) ?? null
  }

  queue(id: number): QueueAccount | null {
    return this.#queues.get(id) ?? null
  }

  get queueIds(): ReadonlySet<number> {
    return new Set(this.#queues.keys())
  }

  /** Forgets the other queues: they were never made. */
  keepOnly(queueIds: ReadonlySet<number>): void {
    for (const [id, queue] of this.#queues) {
      if (queueIds.has(id)) continue
      this.#queues.delete(id)
      this.#changedQueues.delete(queue)
      this.#shifted.delete(queue)
    }
  }

  queuesOf(sourceId: number): QueueAccount[] {
    return [...this.#queues.values()].filter((queue) => queue.sourceId === sourceId)
  }

  lanesOf(pool: Pool, workClass: WorkClass): LaneAccount[] {
    return [...this.#lanes.values()].filter(
      (lane) => lane.pool === pool && lane.workClass === workClass,
    )
  }

  /** Queues of these lanes that are active here and not yet where SQL looks. */
  wokenIn(lanes: ReadonlySet<LaneAccount>): QueueAccount[] {
    return [...this.#shifted].filter((queue) => queue.isActive && lanes.has(queue.lane))
  }

  /** Moves a lane on, or back by what it was charged too much, but never behind `least`. */
  charge(lane: LaneAccount, units: number, least: number): void {
    lane.vt = Math.max(lane.vt + units, least)
    this.#changedLanes.add(lane)
  }

  serve(queue: QueueAccount, units: number, costMs = queue.costMs): void {
    queue.served = Math.max(0, queue.served + units)
    queue.costMs = costMs
    this.#changedQueues.add(queue)
  }

  setWindow(queue: QueueAccount, window: Window): void {
    if (window === queue.window) return
    queue.window = window
    this.#changedQueues.add(queue)
  }

  /** One of a lane's queues is served: whichever wakes up after it has had as much. */
  setFloor(lane: LaneAccount, floor: number): void {
    lane.floor = floor
    this.#changedLanes.add(lane)
  }

  /** A queue is active exactly if it is ready. One that wakes up has had what its lane's others have. */
  setActive(queue: QueueAccount, isReady: boolean): void {
    if (queue.isActive === isReady) return
    queue.isActive = isReady
    if (isReady) queue.served = Math.max(queue.served, queue.lane.floor)
    this.#changedQueues.add(queue)
    this.#shifted.add(queue)
  }

  get isStirred(): boolean {
    return this.#shifted.size > 0
  }

  /** A lane that wakes up starts at the present virtual time: idling earns nothing. */
  wakeLanes(clockwork: Clockwork): void {
    for (const { lane, isActive } of this.#shifted) {
      if (!isActive || lane.isActive) continue
      lane.isActive = true
      this.charge(lane, 0, clockwork(lane))
    }
  }

  /** Writes where all of them stand, once nothing can wake up any more. */
  async write(): Promise<void> {
    await this.#tx.together(this.writes())
  }

  /** What is to be written for it. */
  writes(): readonly Write[] {
    const lulled = this.#lulled()
    const known = this.#queuesIn(lulled).map(({ id }) => id)
    const isWoken = [...this.#slept].some((lane) => lane.isActive && !lulled.has(lane))
    if (isWoken) this.#tx.later(this.#tx.notify())
    return [this.#queueWrite(), this.#laneWrite(lulled, known)]
  }

  /** Lanes with a queue that was put to sleep, and none that is known to be awake. */
  #lulled(): ReadonlySet<LaneAccount> {
    const lulled = new Set<LaneAccount>()
    for (const { lane, isActive } of this.#shifted) if (!isActive && lane.isActive) lulled.add(lane)
    for (const { lane, isActive } of this.#queuesIn(lulled)) if (isActive) lulled.delete(lane)
    return lulled
  }

  #queuesIn(lanes: ReadonlySet<LaneAccount>): QueueAccount[] {
    if (lanes.size === 0) return []
    return [...this.#queues.values()].filter(({ lane }) => lanes.has(lane))
  }

  /** A lane sleeps when none of its queues is awake, those that this turn has not taken included. */
  async lullLanes(): Promise<void> {
    const lulled = this.#lulled()
    if (lulled.size === 0) return
    const others = await this.#tx.all<{ id: number }>(
      `select id from lane where id = any(?1) and ${otherIsAwake('lane.id', '?2')}`,
      [...lulled].map(({ id }) => id),
      this.#queuesIn(lulled).map(({ id }) => id),
    )
    const awake = new Set(others.map(({ id }) => id))
    for (const lane of lulled) {
      if (awake.has(lane.id)) continue
      lane.isActive = false
      this.#changedLanes.add(lane)
    }
  }

  #queueWrite(): Write {
    const rows = [...this.#changedQueues].map(({ id, served, costMs, window, isActive }) => ({
      id,
      served,
      cost_ms: costMs,
      width: window.window,
      streak: window.streak,
      is_active: Number(isActive),
    }))
    this.#changedQueues.clear()
    this.#shifted.clear()
    const text = `update queue set served = r.served, cost_ms = r.cost_ms, "window" = r.width, streak = r.streak,
         is_active = r.is_active
       from rows as r (id bigint, served bigint, cost_ms float8, width bigint, streak bigint, is_active bigint)
       where queue.id = r.id`
    return { text, rows }
  }

  /** Whether lanes that may sleep do so is found out when they are written. */
  #laneWrite(lulled: ReadonlySet<LaneAccount>, known: readonly number[]): Write {
    for (const lane of lulled) this.#changedLanes.add(lane)
    const rows = [...this.#changedLanes].map((lane) => ({
      id: lane.id,
      vt: lane.vt,
      floor: lane.floor,
      is_active: Number(lane.isActive),
      is_lulled: Number(lulled.has(lane)),
    }))
    this.#changedLanes.clear()
    this.#slept.clear()
    const text = `update lane set vt = r.vt, floor = r.floor,
         is_active = case when r.is_lulled = 1 and not ${otherIsAwake('r.id', '?1')} then 0 else r.is_active end
       from rows as r (id bigint, vt bigint, floor bigint, is_active bigint, is_lulled bigint)
       where lane.id = r.id`
    return { text, values: [known], rows }
  }
}

/** Of a lane: one of its queues is active that is not among these, which are known. */
function otherIsAwake(laneId: string, known: string): string {
  return `exists (select 1 from queue where queue.lane_id = ${laneId} and queue.is_active = 1
    and not (queue.id = any(${known})))`
}
