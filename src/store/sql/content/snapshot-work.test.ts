import { expect, onTestFinished, test } from 'vitest'
import { VirtualClock } from '../../../../test/sim/virtual-clock.ts'
import { Database } from '../../sqlite/database.ts'
import { SqliteSql } from '../../sqlite/sqlite-sql.ts'
import { migrations } from '../migrations/migrations.ts'
import { forgetSnapshots, noteProcessed, planSnapshot, takeSnapshot } from './snapshot-work.ts'

test('of snapshots of others that are too many those go that moved the longest ago, a few at a time', async () => {
  const file = new Database(':memory:')
  onTestFinished(() => file.close())
  for (const { sqlite } of migrations) file.exec(sqlite)
  const clock = new VirtualClock()
  const db = new SqliteSql(file, clock)
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    clock.setWall(1)
    await db.transaction((tx) => noteProcessed(tx, [`done ${name}`]))
    await db.transaction((tx) => takeSnapshot(tx, name, { sourceId: 1, patienceMs: 1 }))
    await db.transaction((tx) => planSnapshot(tx, name, [0, 1]))
  }
  clock.setWall(1)
  // It has moved since.
  await db.transaction((tx) => takeSnapshot(tx, 'a', { sourceId: 1, patienceMs: 1 }))
  const forget = (limit: number): Promise<boolean> =>
    db.transaction((tx) => forgetSnapshots(tx, limit, { processed: 2, open: 2 }))
  const hashes = async (table: string): Promise<string[]> => {
    const rows = await db.all<{ hash: string }>(`select distinct hash from ${table} order by hash`)
    return rows.map(({ hash }) => hash)
  }
  expect(await forget(2)).toBe(false)
  expect(await hashes('snapshot_work')).toEqual(['a', 'd', 'e'])
  expect(await forget(2)).toBe(true)
  expect(await forget(2)).toBe(true)
  expect(await hashes('processed_snapshot')).toEqual(['done d', 'done e'])
  expect(await hashes('snapshot_work')).toEqual(['a', 'e'])
  expect(await hashes('snapshot_part')).toEqual(['a', 'e'])
})
