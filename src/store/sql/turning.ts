import type { Random } from '../../base/random.ts'
import { expectation, timeCharge } from '../../engine/fair.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import { longLeases, type Policy } from '../../engine/policy.ts'
import type { Claim, Pool, WorkClass } from '../../engine/task.ts'
import type { Ledger } from './ledger.ts'
import type { Transaction, Write } from './sql.ts'

/** One turn under way: the same moment for everything in it. */
export interface Turning {
  readonly tx: Transaction
  readonly nowMs: number
  readonly policy: Policy
  readonly random: Random
  readonly effects: EffectWriter<Transaction>
  /** The process that takes this turn. */
  readonly nodeId: number
  /** The newest fence that it knows of. */
  readonly toldFence: number
  /** Other processes take turns on the same database. */
  readonly isShared: boolean
  /** Sources, lanes and queues that this turn has to itself. */
  readonly ledger: Ledger
  /** Queues that may wake, or must not be claimed from any more: looked at before claiming. */
  readonly shifting: Set<number>
  /** Active queues of which less may be left: claiming finds out by itself, they are looked at after it. */
  readonly touched: Set<number>
  /** Which class of a pool had something to run last: a guess. */
  readonly lively: Map<Pool, WorkClass>
  /** Sources that may owe items, so that they need a queue for reading. */
  readonly hungry: Set<number>
}

/** What claiming needs of a turn. */
export type Claiming = Pick<
  Turning,
  'tx' | 'nowMs' | 'policy' | 'nodeId' | 'touched' | 'ledger' | 'lively'
>

/** Where a task runs, and what its lane was charged for it. */
export interface Hold {
  readonly fence: number
  readonly tag: number
  readonly charged: number
  readonly queue_id: number
}

/**
 * What a slot holds, as long as it counts. A read that has never failed has no row of its own (`id` null): it can be
 * made again from its item.
 */
export interface HeldTask extends Hold {
  readonly id: number | null
  readonly source_id: number
  readonly round_id: number | null
  readonly item_id: number | null
  /** The item's number when it was claimed, and its number now. */
  readonly seq: number | null
  readonly item_seq: number | null
  readonly step: string | null
  readonly version: string | null
  readonly parent_place_id: number | null
  readonly attempts: number
  readonly crashes: number
  readonly failed_ms: number | null
}

const heldColumns = `slot.fence, slot.tag, slot.charged, slot.queue_id, slot.seq, queue.source_id,
  task.id, task.round_id, coalesce(task.item_id, slot.item_id) as item_id, item.seq as item_seq,
  task.step, task.version, task.parent_place_id, coalesce(task.attempts, 0) as attempts,
  coalesce(task.crashes, 0) as crashes, task.failed_ms`

const heldRows = `from slot join queue on queue.id = slot.queue_id
  left join task on task.id = slot.task_id and task.state = 1 and task.fence = slot.fence
  left join item on item.id = slot.item_id
  where (task.id is not null or (slot.task_id is null and item.id is not null))`

/** Those of these fences of ours that still count: the slot holds it, the lease has not passed, the task is there. */
export async function heldTasks(
  t: Turning,
  fences: readonly number[],
): Promise<ReadonlyMap<number, HeldTask>> {
  const rows = await t.tx.all<HeldTask>(
    `select ${heldColumns} ${heldRows}
       and slot.node_id = ? and slot.fence = any(?) and slot.until_ms > ?`,
    t.nodeId,
    fences,
    t.nowMs,
  )
  return new Map(rows.map((row) => [row.fence, row]))
}

/** What these slots of anybody hold, whether or not the lease has passed. */
export async function tasksInSlots(
  t: Turning,
  fences: readonly number[],
): Promise<ReadonlyMap<number, HeldTask>> {
  const rows = await t.tx.all<HeldTask>(
    `select ${heldColumns} ${heldRows} and slot.fence = any(?)`,
    fences,
  )
  return new Map(rows.map((row) => [row.fence, row]))
}

/**
 * A listing goes on: its lease begins anew, within its bound, unless as many slots of the pool as may are held longer
 * than a lease already. Returns when the lease ends.
 */
export async function extendLease(
  { tx, nowMs, policy, nodeId }: Turning,
  { pool, slot, untilMs }: Claim,
): Promise<number> {
  const row = await tx.get<{ until_ms: number }>(
    `update slot set until_ms = greatest(until_ms, least(?, started_ms + ?))
     where node_id = ? and pool = ? and n = ?
       and (select count(*) from slot as other
         where other.node_id = slot.node_id and other.pool = slot.pool and other.n <> slot.n
           and other.until_ms > other.started_ms + ?) < ?
     returning until_ms`,
    nowMs + policy.leaseMs,
    policy.longestListMs,
    nodeId,
    pool,
    slot,
    policy.leaseMs,
    longLeases(policy, pool),
  )
  return row?.until_ms ?? untilMs
}

/** Empties slots, and writes what goes with it. What they owe is settled by `settleCharge`. */
export function emptySlots(
  { tx }: Turning,
  fences: readonly number[],
  also: readonly Write[] = [],
): void {
  if (fences.length === 0) return
  const text = `update slot set task_id = null, item_id = null, seq = null, queue_id = null, fence = null,
    started_ms = null, until_ms = null, tag = null, charged = null where fence = any(?)`
  tx.later(tx.together([{ text, values: [fences] }, ...also]))
}

/** A slot is given back: its lane pays for the time that was really used. */
export function settleCharge(
  t: Turning,
  { tag, charged, queue_id: queueId }: Hold,
  usedMs: number,
): void {
  const { book } = t.ledger
  const queue = book.queue(queueId)
  if (queue === null) return
  ripen(t, queueId)
  if (t.policy.charge === 'tasks') return
  const { lane } = queue
  const used = timeCharge(usedMs, lane.weight)
  book.charge(lane, used - timeCharge(charged, lane.weight), tag + used)
  const owed = timeCharge(usedMs, 1) - timeCharge(charged, 1)
  book.serve(queue, owed, expectation(queue.costMs, usedMs))
}

/** More of a queue may be ready than before, and not less: where some of it was, nothing changes. */
export function ripen(t: Turning, queueId: number): void {
  if (t.ledger.book.queue(queueId)?.isActive !== true) t.shifting.add(queueId)
}

/** The readiness of a queue may have changed. */
export function touch(t: Turning, queueId: number): void {
  if (t.ledger.book.queue(queueId)?.isActive === true) t.touched.add(queueId)
  else t.shifting.add(queueId)
}

/** Every pool, in the order in which slots are filled. */
export const pools = ['list', 'read', 'cpu', 'peer'] as const satisfies readonly Pool[]
