import type { Random } from '../../base/random.ts'
import { timeCharge, expectation } from '../../engine/fair.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import { longLeases, type Policy } from '../../engine/policy.ts'
import type { Claim, Pool } from '../../engine/task.ts'
import type { Database } from './database.ts'
import type { Ledger } from './ledger.ts'

/** One turn under way: the same moment for everything in it. */
export interface Turning {
  readonly db: Database
  readonly nowMs: number
  readonly policy: Policy
  readonly random: Random
  readonly effects: EffectWriter
  /** Rows that many results change. */
  readonly ledger: Ledger
  /** Queues whose readiness may have changed; looked at again before and after claiming. */
  readonly touched: Set<number>
  /** Sources that may need more read tasks made of what they are owed. */
  readonly hungry: Set<number>
}

/** What a slot was charged to whom for the task it holds. */
export interface Charge {
  readonly tag: number
  readonly charged: number
  readonly queue_id: number
}

/** A task as its row tells, while somebody holds it. */
export interface HeldTask {
  readonly id: number
  readonly queue_id: number
  readonly source_id: number
  readonly round_id: number | null
  readonly item_id: number | null
  readonly seq: number | null
  readonly step: string | null
  readonly version: string | null
  readonly parent_place_id: number | null
  readonly attempts: number
  readonly failed_ms: number | null
}

/** The task of a claim if the claim still counts: its fence stands in the slot and in the task, and the lease has not passed. */
export function heldTask(
  t: Turning,
  { pool, slot, fence, taskId }: Claim,
): (HeldTask & Charge) | null {
  const task = t.db
    .prepare<HeldTask & Charge>(
      `select task.id, task.queue_id, task.source_id, task.round_id, task.item_id, task.seq, task.step,
         task.version, task.parent_place_id, task.attempts, task.failed_ms, slot.tag, slot.charged
       from slot join task on task.id = slot.task_id
       where slot.pool = ? and slot.n = ? and slot.fence = ? and slot.until_ms > ?
         and task.id = ? and task.state = 1 and task.fence = ?`,
    )
    .get(pool, slot, fence, t.nowMs, taskId, fence)
  return task ?? null
}

/**
 * A listing goes on: its lease begins anew, within its bound, unless as many slots of the pool as may are held longer
 * than a lease already. Returns when the lease ends.
 */
export function extendLease(
  { db, nowMs, policy }: Turning,
  { pool, slot, untilMs }: Claim,
): number {
  const row = db
    .prepare<{ until_ms: number }>(
      `update slot set until_ms = max(until_ms, min(?, started_ms + ?)) where pool = ? and n = ?
         and (select count(*) from slot as other where other.pool = slot.pool and other.n <> slot.n
           and other.until_ms > other.started_ms + ?) < ?
       returning until_ms`,
    )
    .get(
      nowMs + policy.leaseMs,
      policy.longestListMs,
      pool,
      slot,
      policy.leaseMs,
      longLeases(policy),
    )
  return row?.until_ms ?? untilMs
}

/** Which slot. */
type Place = Pick<Claim, 'pool' | 'slot'>

/** Empties the slot of a task that ends and settles what its lane owes for the time really used. */
export function releaseSlot(
  t: Turning,
  { pool, slot: n }: Place,
  { tag, charged, queue_id: queueId }: Charge,
  usedMs: number,
): void {
  t.db
    .prepare(
      `update slot set task_id = null, queue_id = null, fence = null, started_ms = null,
       until_ms = null, tag = null, charged = null where pool = ? and n = ?`,
    )
    .run(pool, n)
  const queue = t.ledger.queue(queueId)
  if (queue === null) return
  t.touched.add(queue.id)
  if (t.policy.charge === 'tasks') return
  const used = timeCharge(usedMs, queue.weight)
  t.ledger.charge(queue, used - timeCharge(charged, queue.weight), tag + used)
  const owed = timeCharge(usedMs, 1) - timeCharge(charged, 1)
  queue.served = Math.max(0, queue.served + owed)
  queue.costMs = expectation(queue.costMs, usedMs)
}

/** A result whose task is gone (its source was removed, its round restarted) still gives its slot back. */
export function abandonSlot(t: Turning, claim: Claim, usedMs: number): void {
  const slot = t.db
    .prepare<Charge>(
      'select tag, charged, queue_id from slot where pool = ? and n = ? and fence = ? and until_ms > ?',
    )
    .get(claim.pool, claim.slot, claim.fence, t.nowMs)
  if (slot !== undefined) releaseSlot(t, claim, slot, usedMs)
}

interface Occupied {
  readonly n: number
  readonly charged: number
  readonly used: number
  readonly queue_id: number
}

/** Slot time not charged yet that is charged while a task still runs, in milliseconds. */
const accrualMs = 10

/** Charges running tasks for the time they have used so far: whoever hangs pays while he hangs. */
export function accrue(t: Turning, pool: Pool): void {
  if (t.policy.charge !== 'time') return
  const slots = t.db
    .prepare<Occupied>(
      `select n, charged, ? - started_ms as used, queue_id from slot
       where pool = ? and task_id is not null and ? - started_ms >= charged + ?`,
    )
    .all(t.nowMs, pool, t.nowMs, accrualMs)
  for (const { n, charged, used, queue_id: queueId } of slots) {
    const queue = t.ledger.queue(queueId)
    if (queue === null) continue
    const more = (weight: number): number => timeCharge(used, weight) - timeCharge(charged, weight)
    t.ledger.charge(queue, more(queue.weight), 0)
    queue.served += more(1)
    t.db.prepare('update slot set charged = ? where pool = ? and n = ?').run(used, pool, n)
  }
}
