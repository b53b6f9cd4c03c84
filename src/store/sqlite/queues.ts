import { firstExpectationMs } from '../../engine/fair.ts'
import type { Pool, WorkClass } from '../../engine/task.ts'
import type { Turning } from './turning.ts'

/** The queue of a source in the lane of its owner; both are made when they are first needed. */
export function queueOf(t: Turning, pool: Pool, workClass: WorkClass, sourceId: number): number {
  const found = t.db
    .prepare<{ id: number }>(
      `select queue.id from source join lane on lane.owner_id = source.owner_id
       join queue on queue.lane_id = lane.id and queue.source_id = source.id
       where source.id = ? and lane.pool = ? and lane.class = ?`,
    )
    .get(sourceId, pool, workClass)
  if (found !== undefined) return found.id
  t.db
    .prepare(
      `insert into lane (pool, class, owner_id, vt, is_active)
       select ?, ?, owner_id, 0, 0 from source where id = ? on conflict do nothing`,
    )
    .run(pool, workClass, sourceId)
  const { lastId } = t.db
    .prepare(
      `insert into queue (lane_id, source_id, is_active, window, cost_ms)
       select lane.id, source.id, 0, ?, ? from source join lane on lane.owner_id = source.owner_id
       where source.id = ? and lane.pool = ? and lane.class = ?`,
    )
    .run(t.policy.windowStart, firstExpectationMs, sourceId, pool, workClass)
  return lastId
}

interface QueueState {
  readonly is_active: number
  readonly is_ready: number
  readonly lane_id: number
}

/**
 * A queue is active if a task of it could be claimed: one is ready, its source is well and not paused, and its window has room.
 * A lane is active if one of its queues is.
 */
export function refreshQueues(t: Turning): void {
  const lanes = new Set<number>()
  for (const queueId of t.touched) refreshQueue(t, queueId, lanes)
  t.touched.clear()
  for (const laneId of lanes) refreshLane(t, laneId)
}

function refreshQueue(t: Turning, queueId: number, lanes: Set<number>): void {
  const state = t.db
    .prepare<QueueState>(
      `select queue.is_active, queue.lane_id,
         source.health = 0 and source.is_paused = 0
         and exists (select 1 from task where task.queue_id = queue.id and task.state = 0)
         and (select count(*) from slot where slot.queue_id = queue.id) < queue.window as is_ready
       from queue join source on source.id = queue.source_id where queue.id = ?`,
    )
    .get(queueId)
  if (state === undefined || state.is_active === state.is_ready) return
  lanes.add(state.lane_id)
  const floor = `(select floor from lane where lane.id = queue.lane_id)`
  t.db
    .prepare(
      state.is_ready === 1
        ? `update queue set is_active = 1, served = max(served, ${floor}) where id = ?`
        : 'update queue set is_active = 0 where id = ?',
    )
    .run(queueId)
}

/**
 * Looks at a lane when all of its queues have been looked at: one that went on with another queue has not slept.
 * A lane that wakes up starts at the present virtual time: idling earns nothing.
 */
function refreshLane(t: Turning, laneId: number): void {
  t.db
    .prepare(
      `update lane set is_active = 1, vt = max(vt, coalesce(
         (select v from clockwork where pool = lane.pool and class = lane.class), 0))
       where id = ? and is_active = 0
         and exists (select 1 from queue where lane_id = lane.id and is_active = 1)`,
    )
    .run(laneId)
  t.db
    .prepare(
      `update lane set is_active = 0 where id = ? and is_active = 1
         and not exists (select 1 from queue where lane_id = lane.id and is_active = 1)`,
    )
    .run(laneId)
}

/** All queues of a source, in every pool and class: a handful. */
export function touchSource(t: Turning, sourceId: number): void {
  const rows = t.db
    .prepare<{ id: number }>('select id from queue where source_id = ?')
    .all(sourceId)
  for (const { id } of rows) t.touched.add(id)
}

/** Ends the task of an item, if it has one. A slot that runs it stays taken until it tells, or its lease passes. */
export function endTaskOf(t: Turning, itemId: number): void {
  const task = t.db
    .prepare<{ queue_id: number }>('delete from task where item_id = ? returning queue_id')
    .get(itemId)
  if (task !== undefined) t.touched.add(task.queue_id)
}

interface Owed {
  readonly id: number
}

/**
 * Makes read tasks of owed items, a few ahead of what is read: the tasks are bounded by the number of active sources,
 * not by the size of libraries, and can always be made again.
 */
export function feed(t: Turning, sourceId: number): void {
  const queueId = queueOf(t, 'read', 1, sourceId)
  const { ahead } = t.db
    .prepare<{ ahead: number }>(
      'select count(*) as ahead from task where queue_id = ? and state = 0',
    )
    .get(queueId) ?? { ahead: 0 }
  if (ahead * 2 > t.policy.readAhead) return
  const owed = t.db
    .prepare<Owed>('select id from item where source_id = ? and state = 1 order by seq limit ?')
    .all(sourceId, t.policy.readAhead - ahead)
  const insert = t.db.prepare(
    `insert into task (queue_id, source_id, kind, state, item_id) values (?, ?, 'read', 0, ?)`,
  )
  const mark = t.db.prepare('update item set state = 2 where id = ?')
  for (const { id } of owed) {
    insert.run(queueId, sourceId, id)
    mark.run(id)
  }
  if (owed.length > 0) t.touched.add(queueId)
}
