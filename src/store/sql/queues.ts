import { firstExpectationMs } from '../../engine/fair.ts'
import type { Pool, WorkClass } from '../../engine/task.ts'
import type { Transaction } from './sql.ts'
import { touch, type Turning } from './turning.ts'

/** The queue of a source in the lane of its owner; both are made when they are first needed. */
export async function queueOf(
  t: Turning,
  pool: Pool,
  workClass: WorkClass,
  sourceId: number,
): Promise<number> {
  const known = t.ledger
    .queuesOf(sourceId)
    .find((queue) => queue.pool === pool && queue.workClass === workClass)
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
  const made = await t.tx.get<{ id: number; lane_id: number; weight: number }>(
    `insert into queue (lane_id, source_id, is_active, "window", cost_ms)
     select lane.id, source.id, 0, ?, ? from source join lane on lane.owner_id = source.owner_id
     where source.id = ? and lane.pool = ? and lane.class = ?
     returning id, lane_id, (select owner.weight from lane join owner on owner.id = lane.owner_id
       where lane.id = queue.lane_id) as weight`,
    t.policy.windowStart,
    firstExpectationMs,
    sourceId,
    pool,
    workClass,
  )
  if (made === undefined) throw new Error(`assertion failed: source ${sourceId} is there`)
  t.ledger.open({
    id: made.id,
    laneId: made.lane_id,
    sourceId,
    pool,
    workClass,
    weight: made.weight,
    isActive: false,
    served: 0,
    costMs: firstExpectationMs,
    window: { window: t.policy.windowStart, streak: 0 },
  })
  return made.id
}

/** Slots that hold something of a queue, by queue: all of them, and those that read an item for the first time. */
export const busySlots = `(select queue_id, count(*) as slots,
    sum(case when task_id is null and item_id is not null then 1 else 0 end) as reads
  from slot where queue_id is not null group by queue_id)`

/**
 * A queue is ready if something of it could be claimed: a task is, or an item is owed that no slot reads, its source is well
 * and not paused, and its window has room. Of `queue`, `lane`, `source` and `busy` (`busySlots`); owed items are counted
 * up to `most`, of which there are never so many in slots.
 */
export function readiness(most: string): string {
  return `case when source.health = 0 and source.is_paused = 0
    and coalesce(busy.slots, 0) < queue."window"
    and ((select task.id from task where task.queue_id = queue.id and task.state = 0
        order by task.id limit 1) is not null
      or (lane.pool = 'read' and coalesce(busy.reads, 0) < (select count(*) from (
        select 1 from item where item.source_id = source.id and item.state = 1
        order by item.seq limit ${most}) as owed)))
    then 1 else 0 end`
}

interface QueueState {
  readonly id: number
  readonly lane_id: number
  readonly is_active: number
  readonly is_ready: number
}

/**
 * Active is what is ready, a lane whatever has an active queue. Looks at these queues, and believes that `unready` are not.
 * Only of queues and lanes that are locked by this turn.
 */
export async function refreshQueues(
  { tx, policy }: Pick<Turning, 'tx' | 'policy'>,
  queueIds: Iterable<number>,
  unready: readonly { readonly id: number; readonly lane_id: number }[] = [],
): Promise<void> {
  const stale = await staleQueues(tx, [...queueIds], policy.windowMax + 1)
  const woken = stale.filter((queue) => queue.is_ready === 1)
  const asleep = [...stale.filter((queue) => queue.is_ready === 0), ...unready]
  if (woken.length > 0) {
    await tx.run(
      `update queue set is_active = 1,
         served = greatest(served, (select floor from lane where lane.id = queue.lane_id))
       where id = any(?)`,
      woken.map(({ id }) => id),
    )
  }
  if (asleep.length > 0) {
    await tx.run(
      'update queue set is_active = 0 where id = any(?)',
      asleep.map(({ id }) => id),
    )
  }
  const lanes = new Set([...woken, ...asleep].map((queue) => queue.lane_id))
  if (lanes.size > 0) await refreshLanes(tx, [...lanes])
}

async function staleQueues(
  tx: Transaction,
  queueIds: readonly number[],
  most: number,
): Promise<QueueState[]> {
  if (queueIds.length === 0) return []
  const looked = await tx.all<QueueState>(
    `select queue.id, queue.lane_id, queue.is_active, ${readiness('?1')} as is_ready
     from queue join lane on lane.id = queue.lane_id join source on source.id = queue.source_id
     left join ${busySlots} as busy on busy.queue_id = queue.id
     where queue.id = any(?2)`,
    most,
    queueIds,
  )
  return looked.filter((queue) => queue.is_active !== queue.is_ready)
}

/**
 * Looks at lanes when all of their queues have been looked at: one that went on with another queue has not slept.
 * A lane that wakes up starts at the present virtual time: idling earns nothing.
 */
async function refreshLanes(tx: Transaction, laneIds: readonly number[]): Promise<void> {
  const woken = await tx.run(
    `update lane set is_active = 1, vt = greatest(vt, coalesce(
       (select v from clockwork where pool = lane.pool and class = lane.class), 0))
     where id = any(?) and is_active = 0
       and exists (select 1 from queue where lane_id = lane.id and is_active = 1)`,
    laneIds,
  )
  if (woken > 0) await tx.notify()
  await tx.run(
    `update lane set is_active = 0 where id = any(?) and is_active = 1
       and not exists (select 1 from queue where lane_id = lane.id and is_active = 1)`,
    laneIds,
  )
}

/** All queues of a source, in every pool and class: a handful. Its health has changed, or a person has changed it. */
export function touchSource(t: Turning, sourceId: number): void {
  for (const { id } of t.ledger.queuesOf(sourceId)) t.shifting.add(id)
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
