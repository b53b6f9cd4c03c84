import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshDatabase, type TestDatabase } from '../../../test/servers/postgres-database.ts'
import { systemClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import { readAddress } from '../postgres/address.ts'
import { Connector } from '../postgres/connector.ts'
import { postgresSchema } from '../postgres/postgres-schema.ts'
import { PostgresSql } from '../postgres/postgres-sql.ts'
import { Database } from '../sqlite/database.ts'
import { sqliteSchema } from '../sqlite/sqlite-schema.ts'
import { SqliteSql } from '../sqlite/sqlite-sql.ts'
import { migrate, type Schema } from './migrate.ts'
import type { Sql } from './sql.ts'

const same = (text: string) => ({ sqlite: text, postgres: text })

const first = same(
  'create table shelf (id bigint, name text); create index shelf_name on shelf (name);',
)
const second = same(
  'alter table shelf add column n bigint; insert into shelf (id, n) values (1, 7);',
)
const third = same('alter table shelf add column shade text;')
const broken = same('create table half (id bigint); select no_such_thing;')

interface Opened {
  readonly sql: Sql
  readonly schema: Schema
  close(): Promise<void>
}

let database: TestDatabase
let dir: string
let files = 0

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'roundelay-migrate-'))
})

afterAll(async () => {
  await rm(dir, { recursive: true })
})

async function openSqlite(): Promise<Opened> {
  const db = new Database(join(dir, `${files++}.db`))
  const sql = new SqliteSql(db, systemClock)
  return { sql, schema: sqliteSchema(db), close: async () => db.close() }
}

async function openPostgres(url?: string): Promise<Opened> {
  const own = url === undefined ? await freshDatabase() : null
  const address = readAddress(own?.url ?? url ?? '')
  const parts = { clock: systemClock, random: seededRandom(1) }
  const sql = new PostgresSql({ ...parts, connector: new Connector({ ...parts, address }) })
  const close = async (): Promise<void> => {
    await sql.close()
    await own?.drop()
  }
  return { sql, schema: postgresSchema(sql), close }
}

describe.each([
  ['SQLite', openSqlite],
  ['PostgreSQL', () => openPostgres()],
])('%s', (_, open) => {
  let opened: Opened

  beforeAll(async () => {
    opened = await open()
  })

  afterAll(() => opened.close())

  test('a new database gets all of it, one that has some gets the rest, once', async () => {
    const { sql, schema } = opened
    await migrate(schema, [first])
    expect(await sql.all('select id from shelf')).toEqual([])
    await migrate(schema, [first, second])
    await migrate(schema, [first, second])
    expect(await sql.all('select id, name, n from shelf')).toEqual([{ id: 1, name: null, n: 7 }])
  })

  test('a migration that fails leaves everything as it was', async () => {
    const { sql, schema } = opened
    await expect(migrate(schema, [first, second, third, broken])).rejects.toThrow('no_such_thing')
    expect(await sql.all('select id, name, n from shelf')).toEqual([{ id: 1, name: null, n: 7 }])
    await expect(sql.all('select 1 from half')).rejects.toThrow('half')
    await migrate(schema, [first, second])
  })

  test('a database that a newer Roundelay wrote is refused and left alone', async () => {
    await expect(migrate(opened.schema, [first])).rejects.toMatchObject({
      code: 'newer-schema',
      message: 'The database has version 2 of the tables, this Roundelay knows 1.',
    })
    await migrate(opened.schema, [first, second])
  })
})

test('of several processes that start at once on PostgreSQL one migrates', async () => {
  database = await freshDatabase()
  const processes = await Promise.all(Array.from({ length: 6 }, () => openPostgres(database.url)))
  try {
    const slow = { ...first, postgres: `select pg_sleep(0.2); ${first.postgres}` }
    await Promise.all(processes.map(({ schema }) => migrate(schema, [slow, second])))
    expect(await processes[0]?.sql.all('select n from shelf')).toEqual([{ n: 7 }])
    expect(await processes[0]?.sql.all('select version from schema_version')).toEqual([
      { version: 2 },
    ])
  } finally {
    await Promise.all(processes.map((one) => one.close()))
    await database.drop()
  }
})
