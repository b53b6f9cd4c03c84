import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { made, offerOf } from '../../../../test/content/deployments.ts'
import { VirtualClock } from '../../../../test/sim/virtual-clock.ts'
import { Database } from '../../sqlite/database.ts'
import { sqliteSchema } from '../../sqlite/sqlite-schema.ts'
import { SqliteSql } from '../../sqlite/sqlite-sql.ts'
import { migrate } from '../migrate.ts'
import { migrations } from '../migrations/migrations.ts'
import { failuresOf, recordFailures, takeDueFailures } from './failures.ts'

type NewFailure = Parameters<typeof recordFailures>[1][number]

function failureOf(name: string, sourceId: number, pointers = ['a']): NewFailure {
  const offer = { ...offerOf(made(name)), pointers }
  return { ...offer, sourceId, description: 'no good', snapshotHash: null }
}

const clock = new VirtualClock()
let db: SqliteSql
beforeEach(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'failures-'))
  const database = new Database(join(folder, 'node.db'))
  onTestFinished(async () => {
    database.close()
    await rm(folder, { recursive: true })
  })
  await migrate(sqliteSchema(database), migrations)
  db = new SqliteSql(database, clock)
})

async function record(failures: readonly NewFailure[]): Promise<void> {
  const most = { count: 3, size: 1_500 }
  await db.transaction((tx) => recordFailures(tx, failures, { nowMs: clock.now(), most }))
}

async function left(): Promise<string[]> {
  const page = await failuresOf(db, { offset: 0, limit: 100 })
  return page.map(({ entityId }) => entityId).toSorted()
}

const ids = (...names: string[]): string[] => names.map((name) => made(name).entityId).toSorted()

test('of more failures than are remembered those go first that were tried most often, of them the oldest', async () => {
  const fail = (...names: string[]): Promise<void> =>
    record(names.map((name) => failureOf(name, 7)))
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

test('a source that floods pushes out nothing that others offered', async () => {
  await record([failureOf('honest', 1)])
  clock.setWall(86_400_000)
  await db.transaction((tx) => takeDueFailures(tx, 10, 1_000))
  for (let n = 0; n < 10; n++) await record([failureOf(`fake${n}`, 2), failureOf(`made${n}`, 2)])
  expect(await left()).toHaveLength(4)
  expect(await left()).toContain(made('honest').entityId)
})

test('few that are big are as many as a lot of small ones', async () => {
  await record([failureOf('small', 7)])
  clock.setWall(1_000)
  await record([failureOf('big', 7, ['p'.repeat(1_000)])])
  expect(await left()).toEqual(ids('big', 'small'))
  clock.setWall(1_000)
  await record([failureOf('bigger', 7, ['p'.repeat(1_100)])])
  expect(await left()).toEqual(ids('bigger'))
  await record([failureOf('too big', 7, ['p'.repeat(2_000)])])
  expect(await left()).toEqual(ids('bigger'))
})
