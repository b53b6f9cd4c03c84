import type { Database } from './database.ts'

/** Something that must hold between the rows of the database, and how many break it. */
export interface Unsound {
  readonly rule: string
  readonly count: number
}

const rules: readonly (readonly [rule: string, sql: string])[] = [
  [
    'every item with a task has one, and no other',
    `select count(*) as count from item where (state in (2, 4)) <>
       exists (select 1 from task where task.item_id = item.id)`,
  ],
  [
    'every leased task is in the slot of its fence',
    `select count(*) as count from task where state = 1 and not exists
       (select 1 from slot where slot.task_id = task.id and slot.fence = task.fence)`,
  ],
  [
    'a queue is active exactly if one of its tasks could be claimed',
    `select count(*) as count from queue join source on source.id = queue.source_id
     where not exists (select 1 from stirred where stirred.source_id = source.id)
       and queue.is_active <> (source.health = 0 and source.is_paused = 0
         and exists (select 1 from task where task.queue_id = queue.id and task.state = 0)
         and (select count(*) from slot where slot.queue_id = queue.id) < queue.window)`,
  ],
  [
    'a lane is active exactly if one of its queues is',
    `select count(*) as count from lane where is_active <>
       exists (select 1 from queue where queue.lane_id = lane.id and queue.is_active = 1)`,
  ],
  [
    'an open listing has a task that goes on with it',
    `select count(*) as count from round where ended_ms is null and not exists
       (select 1 from task where task.round_id = round.id and task.state <> 3)`,
  ],
]

/** What does not hold: nothing, unless there is a fault in Roundelay or the file was changed by others. */
export function unsoundRows(db: Database): Unsound[] {
  return rules.flatMap(([rule, sql]) => {
    const { count } = db.prepare<{ count: number }>(sql).get() ?? { count: 0 }
    return count === 0 ? [] : [{ rule, count }]
  })
}

/** What SQLite itself says of the file; empty when all is well. */
export function damage(db: Database): string[] {
  return db
    .prepare<{ quick_check: string }>('pragma quick_check(10)')
    .all()
    .map((row) => row.quick_check)
    .filter((line) => line !== 'ok')
}
