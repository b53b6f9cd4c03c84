import { health } from '../../engine/breaker.ts'
import { expectation, firstExpectationMs, timeCharge } from '../../engine/fair.ts'
import type { Pool, WorkClass } from '../../engine/task.ts'
import type {
  Hold,
  ItemRow,
  LaneRow,
  QueueRow,
  SlotRow,
  SourceRow,
  TaskRow,
  Turning,
} from './rows.ts'
import { planWeights } from '../../engine/policy.ts'

/** The queue of a source in the lane of its owner; both are made when they are first needed. */
export function queueOf(
  { rows, policy }: Turning,
  pool: Pool,
  workClass: WorkClass,
  source: SourceRow,
): QueueRow {
  const owner = rows.owners.get(source.entry.ownerId)
  if (owner === undefined) throw new Error('assertion failed: a source has an owner')
  let lane = rows.lanes.find(
    (row) => row.pool === pool && row.workClass === workClass && row.owner === owner,
  )
  if (lane === undefined) {
    lane = { pool, workClass, owner, queues: [], vt: 0, floor: 0, isActive: false }
    rows.lanes.push(lane)
  }
  let queue = lane.queues.find((row) => row.source === source)
  if (queue === undefined) {
    const window = { window: policy.windowStart, streak: 0 }
    queue = { lane, source, served: 0, window, costMs: firstExpectationMs, isActive: false }
    lane.queues.push(queue)
  }
  return queue
}

/**
 * What of the queue would be claimed now: the oldest task that is ready, or else the item that was owed first. Null if
 * nothing of it can be.
 */
export function claimable({ rows }: Turning, queue: QueueRow): TaskRow | ItemRow | null {
  const { source } = queue
  if (source.isPaused || source.breaker.health !== health.well) return null
  const inFlight = rows.slots.filter(({ held }) => held?.queue === queue).length
  if (inFlight >= queue.window.window) return null
  let first: TaskRow | null = null
  for (const task of rows.tasks) {
    if (task.queue !== queue || task.state !== 'ready') continue
    if (first === null || task.id < first.id) first = task
  }
  return first ?? (queue.lane.pool === 'read' ? oldestOwed(source) : null)
}

function oldestOwed({ items }: SourceRow): ItemRow | null {
  let first: ItemRow | null = null
  for (const item of items.values()) {
    if (item.state === 'owed' && (first === null || item.seq < first.seq)) first = item
  }
  return first
}

/**
 * Looks at every queue: whoever wakes up begins where the others stand.
 * (T9: active means claimable, so that nothing but this and the claims themselves has to be told of a change.)
 */
export function refresh(t: Turning): void {
  for (const lane of t.rows.lanes) {
    for (const queue of lane.queues) {
      const isReady = claimable(t, queue) !== null
      if (isReady && !queue.isActive) queue.served = Math.max(queue.served, lane.floor)
      queue.isActive = isReady
    }
    const isReady = lane.queues.some(({ isActive }) => isActive)
    if (isReady && !lane.isActive) {
      lane.vt = Math.max(lane.vt, t.rows.virtualTimes.get(`${lane.pool} ${lane.workClass}`) ?? 0)
    }
    lane.isActive = isReady
  }
}

/** Slot time not charged yet that is charged while a task still runs, in milliseconds. */
const accrualMs = 10

/** Running tasks pay while they run. */
export function accrue(t: Turning, pool: Pool): void {
  if (t.policy.charge !== 'time') return
  for (const slot of t.rows.slots) {
    if (slot.pool !== pool || slot.held === null || !isThere(t, slot.held)) continue
    const usedMs = t.nowMs - slot.held.startedMs
    if (usedMs < slot.held.chargedMs + accrualMs) continue
    charge(slot.held, usedMs)
    slot.held.chargedMs = usedMs
  }
}

/** Nobody pays for a source that was removed. */
function isThere({ rows }: Turning, { queue }: Hold): boolean {
  return rows.sources.has(queue.source.entry.id)
}

function charge({ queue, chargedMs }: Hold, usedMs: number): void {
  const more = (weight: number): number =>
    timeCharge(usedMs, weight) - timeCharge(chargedMs, weight)
  queue.lane.vt += more(weightOf(queue.lane))
  queue.served = Math.max(0, queue.served + more(1))
}

/** The slot is free again, and its lane has paid for the time that was really used. */
export function release(t: Turning, slot: SlotRow, usedMs: number): void {
  const { held } = slot
  slot.held = null
  if (held === null || t.policy.charge !== 'time') return
  if (!isThere(t, held)) return
  charge(held, usedMs)
  const { lane } = held.queue
  lane.vt = Math.max(lane.vt, held.tag + timeCharge(usedMs, weightOf(lane)))
  held.queue.costMs = expectation(held.queue.costMs, usedMs)
}

export function weightOf(lane: LaneRow): number {
  return planWeights[lane.owner.plan]
}
