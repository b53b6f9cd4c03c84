import { firstExpectationMs } from '../../engine/fair.ts'
import type { Pool, WorkClass } from '../../engine/task.ts'
import {
  laneColumns,
  queueColumns,
  type LaneAccount,
  type LaneRow,
  type QueueRow,
} from './lane-book.ts'
import { touch, type Turning } from './turning.ts'

/** The queue of a source in the lane of its owner; both are made when they are first needed. */
export async function queueOf(
  t: Turning,
  pool: Pool,
  workClass: WorkClass,
  sourceId: number,
): Promise<number> {
  const { book } = t.ledger
  const known = book
    .queuesOf(sourceId)
    .find(({ lane }) => lane.pool === pool && lane.workClass === workClass)
  if (known !== undefined) return known.id
  await t.tx.run(
    `insert into lane (pool, class, owner_id, vt, is_active)
     select ?, ?, owner_id, 0, 0 from source where id = ? on conflict do nothing`,
    pool,
    workClass,
    sourceId,
  )
  await t.tx.run(
    'insert into clockwork (pool, class, v) values (?, ?, 0) on conflict do nothing',
    pool,
    workClass,
  )
  const lane = await laneOf(t, pool, workClass, sourceId)
  const made = await t.tx.get<QueueRow>(
    `insert into queue (lane_id, source_id, is_active, "window", cost_ms) values (?, ?, 0, ?, ?)
     returning ${queueColumns}`,
    lane.id,
    sourceId,
    t.policy.windowStart,
    firstExpectationMs,
  )
  if (made === undefined) throw new Error('assertion failed: what was inserted is there')
  book.takeQueue(made)
  return made.id
}

/** The queue in which a source is listed: of the pool that it was added for. */
export function listQueueOf(t: Turning, workClass: WorkClass, sourceId: number): Promise<number> {
  const pool = t.ledger.source(sourceId)?.listPool
  if (pool === undefined) throw new Error(`assertion failed: source ${sourceId} is taken`)
  return queueOf(t, pool, workClass, sourceId)
}

/** One of them that another turn has just made is not in the book yet. */
async function laneOf(
  t: Turning,
  pool: Pool,
  workClass: WorkClass,
  sourceId: number,
): Promise<LaneAccount> {
  const row = await t.tx.get<LaneRow>(
    `select ${laneColumns} from source join lane on lane.owner_id = source.owner_id
       join owner on owner.id = lane.owner_id
     where source.id = ? and lane.pool = ? and lane.class = ? for no key update of lane`,
    sourceId,
    pool,
    workClass,
  )
  if (row === undefined) throw new Error(`assertion failed: source ${sourceId} is there`)
  return t.ledger.book.takeLane(row)
}

/** Slots that hold something of a queue, by queue: all of them, and those that read an item for the first time. */
export const busySlots = `(select queue_id, count(*) as slots,
    sum(case when task_id is null and item_id is not null then 1 else 0 end) as reads
  from slot where queue_id is not null group by queue_id)`

/**
 * Whether something of a queue could be claimed if its window had room: a task is ready, or an item is owed that no slot
 * reads, and its source is well and not paused. Of `queue`, `lane`, `source` and `busy` (`busySlots`); owed items are
 * counted up to `most`, of which there are never so many in slots. It stands in the text: SQLite plans a statement anew
 * whenever its limit is bound.
 */
function hasWork(most: number): string {
  return `source.health = 0 and source.is_paused = 0
    and ((select task.id from task where task.queue_id = queue.id and task.state = 0
        order by task.id limit 1) is not null
      or (lane.pool = 'read' and coalesce(busy.reads, 0) < (select count(*) from (
        select 1 from item where item.source_id = source.id and item.state = 1
        order by item.seq limit ${most}) as owed)))`
}

/** Whether something of a queue could be claimed. */
export function readiness(most: number): string {
  return `case when coalesce(busy.slots, 0) < queue."window" and ${hasWork(most)} then 1 else 0 end`
}

interface Looked {
  readonly id: number
  readonly busy: number
  readonly has_work: number
}

/** Looks at queues of this turn's book: active is what is ready. */
export async function refreshQueues(
  { tx, policy, ledger }: Pick<Turning, 'tx' | 'policy' | 'ledger'>,
  queueIds: Iterable<number>,
): Promise<void> {
  const ids = [...queueIds]
  if (ids.length === 0) return
  const looked = await tx.all<Looked>(
    `select queue.id, coalesce(busy.slots, 0) as busy, case when ${hasWork(policy.windowMax + 1)} then 1 else 0 end as has_work
     from queue join lane on lane.id = queue.lane_id join source on source.id = queue.source_id
     left join ${busySlots} as busy on busy.queue_id = queue.id
     where queue.id = any(?)`,
    ids,
  )
  for (const { id, busy, has_work: works } of looked) {
    const queue = ledger.book.queue(id)
    if (queue !== null) ledger.book.setActive(queue, works === 1 && busy < queue.window.window)
  }
}

/** All queues of a source, in every pool and class: a handful. Its health has changed, or a person has changed it. */
export function touchSource(t: Turning, sourceId: number): void {
  for (const { id } of t.ledger.book.queuesOf(sourceId)) t.shifting.add(id)
}

/** Ends the task of an item, if it has one. A slot that runs it stays taken until it tells, or its lease passes. */
export async function endTaskOf(t: Turning, itemId: number): Promise<void> {
  const task = await t.tx.get<{ queue_id: number }>(
    'delete from task where item_id = ? returning queue_id',
    itemId,
  )
  if (task !== undefined) touch(t, task.queue_id)
  await t.tx.run('update slot set item_id = null where item_id = ?', itemId)
}
