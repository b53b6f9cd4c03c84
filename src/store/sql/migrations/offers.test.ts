import { expect, it } from 'vitest'
import { systemClock } from '../../../base/clock.ts'
import { Database } from '../../sqlite/database.ts'
import { sqliteSchema } from '../../sqlite/sqlite-schema.ts'
import { SqliteSql } from '../../sqlite/sqlite-sql.ts'
import { failuresOf } from '../content/failures.ts'
import { migrate } from '../migrate.ts'
import { migrations } from './migrations.ts'
import { offers } from './offers.ts'

it('keeps what has failed, of a peer or of nobody in particular', async () => {
  const file = new Database(':memory:')
  const db = new SqliteSql(file, systemClock)
  await migrate(sqliteSchema(file), migrations.slice(0, migrations.indexOf(offers)))
  const add = (entityId: string, sourceId: number | null): Promise<number> =>
    db.run(
      `insert into failed_deployment (entity_id, type, entity_ms, failed_ms, next_ms, attempts,
         snapshot_hash, pointers, description, auth_chain, source_id)
       values (?, 'scene', 1, 2, 3, 4, 'hash', '["0,0"]', 'why', '[]', ?)`,
      entityId,
      sourceId,
    )
  await add('a', 7)
  await add('b', null)
  await migrate(sqliteSchema(file), migrations)
  const row = {
    entityType: 'scene',
    entityTimestamp: 1,
    failedMs: 2,
    nextMs: 3,
    attempts: 4,
    snapshotHash: 'hash',
    pointers: ['0,0'],
    description: 'why',
    authChain: [],
  }
  expect(await failuresOf(db, { offset: 0, limit: 10 })).toEqual([
    { ...row, entityId: 'a', sourceId: 7 },
    { ...row, entityId: 'b', sourceId: null },
  ])
  expect(await db.all('select sum(size) as size from failed_deployment')).toEqual([{ size: 18 }])
  file.close()
})
