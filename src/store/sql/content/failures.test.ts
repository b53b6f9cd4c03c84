import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { made, offerOf } from '../../../../test/content/deployments.ts'
import { VirtualClock } from '../../../../test/sim/virtual-clock.ts'
import { Database } from '../../sqlite/database.ts'
import { sqliteSchema } from '../../sqlite/sqlite-schema.ts'
import { SqliteSql } from '../../sqlite/sqlite-sql.ts'
import { migrate } from '../migrate.ts'
import { migrations } from '../migrations/migrations.ts'
import { failuresOf, recordFailures, takeDueFailures } from './failures.ts'

function failureOf(name: string): Parameters<typeof recordFailures>[1][number] {
  return { ...offerOf(made(name)), description: 'no good', snapshotHash: null }
}

test('of more failures than are remembered those go first that were tried most often, of them the oldest', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'failures-'))
  const database = new Database(join(folder, 'node.db'))
  onTestFinished(async () => {
    database.close()
    await rm(folder, { recursive: true })
  })
  await migrate(sqliteSchema(database), migrations)
  const clock = new VirtualClock()
  const db = new SqliteSql(database, clock)
  const fail = (...names: string[]): Promise<void> =>
    db.transaction((tx) => {
      const failures = names.map(failureOf)
      return recordFailures(tx, failures, { nowMs: clock.now(), sourceId: 7, most: 3 })
    })
  const left = async (): Promise<string[]> =>
    (await failuresOf(db, { offset: 0, limit: 10 })).map(({ entityId }) => entityId).toSorted()
  const ids = (...names: string[]): string[] => names.map((name) => made(name).entityId).toSorted()

  await fail('a')
  clock.setWall(86_400_000)
  await db.transaction((tx) => takeDueFailures(tx, 10, 1_000))
  await fail('b')
  clock.setWall(1_000)
  await fail('c')
  expect(await left()).toEqual(ids('a', 'b', 'c'))
  clock.setWall(1_000)
  await fail('d')
  // Tried twice.
  expect(await left()).toEqual(ids('b', 'c', 'd'))
  clock.setWall(1_000)
  await fail('e')
  expect(await left()).toEqual(ids('c', 'd', 'e'))
})
