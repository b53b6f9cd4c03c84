import type { EffectWriter } from '../../engine/handler.ts'
import type { Sql, SqlDatabase, Transaction } from './sql.ts'

/** True of a source that is there: what was removed has rows until they have gone, a portion at a time. */
export const isThere = 'source.removed_ms is null'

/**
 * From the end of this transaction on nothing of the source is there any more, however much it has: whatever it has in
 * slots is void, nothing of it is due, and nobody finds it. What it has left is `clearPortion`'s; a delayed task among it may
 * have a turn taken for nothing.
 */
export async function removeSource(tx: Transaction, id: number): Promise<void> {
  if (!(await lockWithLanes(tx, id))) return
  const slotsOfIt = `from slot join queue on queue.id = slot.queue_id where queue.source_id = ?`
  await tx.run(
    `update task set state = 0, fence = null where state = 1 and id in (select slot.task_id ${slotsOfIt})`,
    id,
  )
  // Slots stay taken until they tell, or their lease passes; what they bring is refused.
  await tx.run(
    `update slot set task_id = null, item_id = null, seq = null
     where queue_id in (select id from queue where source_id = ?)`,
    id,
  )
  const lanes = await tx.all<{ lane_id: number }>(
    'delete from queue where source_id = ? returning lane_id',
    id,
  )
  await tx.run(
    `update lane set is_active = 0 where id = any(?) and is_active = 1
       and not exists (select 1 from queue where lane_id = lane.id and is_active = 1)`,
    lanes.map((queue) => queue.lane_id),
  )
  await tx.run('delete from stirred where source_id = ?', id)
  await tx.run(
    `update round set ended_ms = ?, outcome = 'removed' where source_id = ? and ended_ms is null`,
    tx.nowMs,
    id,
  )
  // Its name is free for another one: nobody may call one so.
  await tx.run(
    `update source set removed_ms = ?1, name = '#' || cast(id as text), address = '', settings = '{}', secret = null,
       is_paused = 1, is_asked = 0, due_ms = ?1, health = 0, rest_until_ms = null, error_code = null,
       error_message = null, withheld = 0 where id = ?2`,
    tx.nowMs,
    id,
  )
}

/**
 * Removes at most `limit` rows that removed sources have left, in a transaction of its own. Returns how many there were; 0
 * when nothing is left, or another process is at it. Whoever dies in between leaves the rest to the next one.
 */
export async function clearPortion(
  db: SqlDatabase,
  effects: EffectWriter<Transaction>,
  limit: number,
): Promise<number> {
  const work = async (tx: Transaction): Promise<number> => {
    const source = await tx.get<{ id: number; owner_id: number }>(
      `select id, owner_id from source where removed_ms is not null
       order by id limit 1 for update skip locked`,
    )
    if (source === undefined) return 0
    // Nobody else changes the library of its owner meanwhile.
    await lockLanes(tx, source.owner_id)
    let left = limit
    left -= await effects.sourceRemoved(tx, source.id, left)
    for (const clear of [clearItems, ...others, clearSource]) {
      if (left > 0) left -= await clear(tx, source.id, left)
    }
    return limit - left
  }
  const isAny = await db.get('select 1 from source where removed_ms is not null limit 1')
  return isAny === undefined ? 0 : db.transaction(work, { isDurable: false })
}

type Clear = (tx: Transaction, sourceId: number, limit: number) => Promise<number>

/** With their tasks: an item that is said to have one has it. */
const clearItems: Clear = async (tx, sourceId, limit) => {
  const items = await tx.all<{ id: number }>(
    'select id from item where source_id = ? limit ?',
    sourceId,
    limit,
  )
  if (items.length === 0) return 0
  const ids = items.map(({ id }) => id)
  await tx.run('delete from task where item_id = any(?)', ids)
  return tx.run('delete from item where id = any(?)', ids)
}

const others = ['task', 'place', 'round'].map(
  (table): Clear =>
    (tx, sourceId, limit) =>
      tx.run(
        `delete from ${table} where id in (select id from ${table} where source_id = ? limit ?)`,
        sourceId,
        limit,
      ),
)

const clearSource: Clear = (tx, id) => tx.run('delete from source where id = ?', id)

/**
 * A source and the lanes of its owner, in the order in which turns lock them: whatever is read behind it is not changed by a
 * turn that was under way, and no turn gives a fence to a task of it. False: it is not there.
 */
export async function lockWithLanes(tx: Sql, sourceId: number): Promise<boolean> {
  const source = await tx.get<{ owner_id: number }>(
    `select owner_id from source where id = ? and ${isThere} for update`,
    sourceId,
  )
  if (source === undefined) return false
  await lockLanes(tx, source.owner_id)
  return true
}

async function lockLanes(tx: Sql, ownerId: number): Promise<void> {
  await tx.all('select id from lane where owner_id = ? order by id for no key update', ownerId)
}
