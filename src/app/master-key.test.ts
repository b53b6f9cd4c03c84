import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { emptyTables, openPostgres } from '../../test/contract/postgres-subject.ts'
import { freshDatabase, type TestDatabase } from '../../test/servers/postgres-database.ts'
import type { PostgresSql } from '../store/postgres/postgres-sql.ts'
import { adoptMasterKey, openMasterKey } from './master-key.ts'

let database: TestDatabase
let db: PostgresSql
let root: string

beforeAll(async () => {
  database = await freshDatabase(emptyTables)
  db = openPostgres(database.url)
})

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'master-key-'))
})

afterEach(async () => {
  await db.run('delete from setting')
  await rm(root, { recursive: true })
})

afterAll(async () => {
  await db.close()
  await database.drop()
})

async function machine(): Promise<{ dataFolder: string; key: null }> {
  return { dataFolder: await mkdtemp(join(root, 'data-')), key: null }
}

test('of machines that come first at the same time one makes the key, and no other keeps one', async () => {
  const machines = await Promise.all(Array.from({ length: 4 }, machine))
  const opened = await Promise.allSettled(machines.map((config) => openMasterKey(db, config)))
  const keys = await Promise.all(machines.map(({ dataFolder }) => readdir(dataFolder)))
  expect(opened.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const [index, outcome] of opened.entries()) {
    if (outcome.status === 'fulfilled') {
      expect(keys[index]).toEqual(['key'])
      continue
    }
    expect(outcome.reason).toMatchObject({ code: 'bad-key' })
    expect(keys[index]).toEqual([])
  }
})

test('a database that was bound is bound to the key that is adopted, and to the old one again', async () => {
  const [old, next] = [await machine(), await machine()]
  expect((await openMasterKey(db, old)).firstFile).toBe(join(old.dataFolder, 'key'))
  await adoptMasterKey(db, next)
  expect((await openMasterKey(db, next)).firstFile).toBeNull()
  await expect(openMasterKey(db, old)).rejects.toMatchObject({ code: 'bad-key' })
  await adoptMasterKey(db, old)
  expect((await openMasterKey(db, old)).firstFile).toBeNull()
})
