import type { Random } from '../../base/random.ts'
import { timeCharge, expectation } from '../../engine/fair.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import type { Policy } from '../../engine/policy.ts'
import type { Claim, Pool } from '../../engine/task.ts'
import type { Database } from './database.ts'

/** One turn under way: the same moment for everything in it. */
export interface Turning {
  readonly db: Database
  readonly nowMs: number
  readonly policy: Policy
  readonly random: Random
  readonly effects: EffectWriter
  /** Queues whose readiness may have changed; looked at again before and after claiming. */
  readonly touched: Set<number>
}

/** The next number of a counter that never goes back. */
export function nextNumber(db: Database, name: 'fence' | 'seq' | `${Pool} turn`, step = 1): number {
  const row = db
    .prepare<{ value: number }>(
      'update counter set value = value + ? where name = ? returning value',
    )
    .get(step, name)
  return row?.value ?? 0
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
export function heldTask(t: Turning, claim: Claim): HeldTask | null {
  const slot = t.db
    .prepare<{ until_ms: number }>(
      'select until_ms from slot where pool = ? and n = ? and fence = ? and task_id = ?',
    )
    .get(claim.pool, claim.slot, claim.fence, claim.taskId)
  if (slot === undefined || slot.until_ms <= t.nowMs) return null
  const task = t.db
    .prepare<HeldTask>('select * from task where id = ? and state = 1 and fence = ?')
    .get(claim.taskId, claim.fence)
  return task ?? null
}

interface Charged {
  readonly tag: number
  readonly charged: number
  readonly weight: number
  readonly lane_id: number
  readonly queue_id: number
}

/** Which slot. */
type Place = Pick<Claim, 'pool' | 'slot'>

/** Empties the slot of a task that ends and settles what its lane owes for the time really used. */
export function releaseSlot(t: Turning, { pool, slot: n }: Place, usedMs: number): void {
  const slot = t.db
    .prepare<Charged>(
      `select slot.tag, slot.charged, owner.weight, queue.lane_id, slot.queue_id
       from slot join queue on queue.id = slot.queue_id join lane on lane.id = queue.lane_id
       join owner on owner.id = lane.owner_id where slot.pool = ? and slot.n = ?`,
    )
    .get(pool, n)
  emptySlot(t.db, pool, n)
  if (slot === undefined) return
  if (t.policy.charge === 'time') {
    const owed = timeCharge(usedMs, slot.weight) - timeCharge(slot.charged, slot.weight)
    const least = slot.tag + timeCharge(usedMs, slot.weight)
    t.db.prepare('update lane set vt = max(vt + ?, ?) where id = ?').run(owed, least, slot.lane_id)
    const queue = t.db
      .prepare<{ cost_ms: number }>('select cost_ms from queue where id = ?')
      .get(slot.queue_id)
    const used = timeCharge(usedMs, 1) - timeCharge(slot.charged, 1)
    t.db
      .prepare('update queue set served = max(0, served + ?), cost_ms = ? where id = ?')
      .run(used, expectation(queue?.cost_ms ?? usedMs, usedMs), slot.queue_id)
  }
  t.touched.add(slot.queue_id)
}

/** A result whose task is gone (its source was removed, its round restarted) still gives its slot back. */
export function abandonSlot(t: Turning, claim: Claim, usedMs: number): void {
  const slot = t.db
    .prepare('select 1 from slot where pool = ? and n = ? and fence = ? and until_ms > ?')
    .get(claim.pool, claim.slot, claim.fence, t.nowMs)
  if (slot !== undefined) releaseSlot(t, claim, usedMs)
}

function emptySlot(db: Database, pool: string, n: number): void {
  db.prepare(
    `update slot set task_id = null, queue_id = null, fence = null, started_ms = null,
     until_ms = null, tag = null, charged = null where pool = ? and n = ?`,
  ).run(pool, n)
}

interface Occupied extends Charged {
  readonly pool: string
  readonly n: number
  readonly used: number
}

/** Slot time not charged yet that is charged while a task still runs, in milliseconds. */
const accrualMs = 10

/** Charges running tasks for the time they have used so far: whoever hangs pays while he hangs. */
export function accrue(t: Turning, pool: string): void {
  if (t.policy.charge !== 'time') return
  const slots = t.db
    .prepare<Occupied>(
      `select slot.pool, slot.n, slot.tag, slot.charged, ? - slot.started_ms as used,
              owner.weight, queue.lane_id, slot.queue_id
       from slot join queue on queue.id = slot.queue_id join lane on lane.id = queue.lane_id
       join owner on owner.id = lane.owner_id
       where slot.pool = ? and slot.task_id is not null and ? - slot.started_ms >= slot.charged + ?`,
    )
    .all(t.nowMs, pool, t.nowMs, accrualMs)
  for (const slot of slots) {
    const more = (weight: number): number =>
      timeCharge(slot.used, weight) - timeCharge(slot.charged, weight)
    t.db.prepare('update lane set vt = vt + ? where id = ?').run(more(slot.weight), slot.lane_id)
    t.db.prepare('update queue set served = served + ? where id = ?').run(more(1), slot.queue_id)
    t.db
      .prepare('update slot set charged = ? where pool = ? and n = ?')
      .run(slot.used, slot.pool, slot.n)
  }
}
