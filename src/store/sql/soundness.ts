import { busySlots, readiness } from './queues.ts'
import type { Sql } from './sql.ts'

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
    'a queue is active exactly if something of it could be claimed',
    `select count(*) as count from queue join lane on lane.id = queue.lane_id
       join source on source.id = queue.source_id
       left join ${busySlots} as busy on busy.queue_id = queue.id
     where not exists (select 1 from stirred where stirred.source_id = source.id)
       and queue.is_active <> ${readiness(1_000_000)}`,
  ],
  [
    'a lane is active exactly if one of its queues is',
    `select count(*) as count from lane where is_active <> case when
       exists (select 1 from queue where queue.lane_id = lane.id and queue.is_active = 1) then 1 else 0 end`,
  ],
  [
    'an open listing has a task that goes on with it',
    `select count(*) as count from round where ended_ms is null and not exists
       (select 1 from task where task.round_id = round.id and task.state <> 3)`,
  ],
]

/** What does not hold: nothing, unless there is a fault in Roundelay or the file was changed by others. */
export async function unsoundRows(db: Sql): Promise<Unsound[]> {
  const unsound: Unsound[] = []
  for (const [rule, sql] of rules) {
    const { count } = (await db.get<{ count: number }>(sql)) ?? { count: 0 }
    if (count > 0) unsound.push({ rule, count })
  }
  return unsound
}
