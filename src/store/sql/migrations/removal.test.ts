import { expect, it } from 'vitest'
import { systemClock } from '../../../base/clock.ts'
import { Database } from '../../sqlite/database.ts'
import { sqliteSchema } from '../../sqlite/sqlite-schema.ts'
import { SqliteSql } from '../../sqlite/sqlite-sql.ts'
import { migrate } from '../migrate.ts'
import { migrations } from './migrations.ts'
import { removal } from './removal.ts'

it('keeps the tasks of a file, and gives none of their numbers again', async () => {
  const file = new Database(':memory:')
  const db = new SqliteSql(file, systemClock)
  const before = migrations.indexOf(removal)
  await migrate(sqliteSchema(file), migrations.slice(0, before))
  await db.run(`insert into owner (name, plan, weight) values ('anna', 'free', 1)`)
  await db.run(
    `insert into source (owner_id, name, kind, address, settings, interval_ms, due_ms)
     values (1, 'nas', 'folder', '/', '{}', 1, 1)`,
  )
  await db.run(
    `insert into lane (pool, class, owner_id, vt, is_active) values ('list', 1, 1, 0, 0)`,
  )
  await db.run(
    `insert into queue (lane_id, source_id, is_active, "window", cost_ms) values (1, 1, 0, 4, 1)`,
  )
  const add = (step: string): Promise<number> =>
    db.run(
      `insert into task (queue_id, source_id, kind, state, step, run_at_ms) values (1, 1, 'list', 2, ?, 7)`,
      step,
    )
  await add('a')
  await add('b')
  await db.run(`delete from task where step = 'b'`)
  await migrate(sqliteSchema(file), migrations)
  await add('c')
  expect(await db.all('select id, step, run_at_ms from task order by id')).toEqual([
    { id: 1, step: 'a', run_at_ms: 7 },
    { id: 3, step: 'c', run_at_ms: 7 },
  ])
  await db.run('delete from queue')
  expect(await db.all('select id from task')).toHaveLength(2)
  file.close()
})
