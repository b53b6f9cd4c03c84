import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Client } from 'pg'
import { freshDatabase, type TestDatabase } from '../../../test/servers/postgres-database.ts'
import { systemClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import { rowsOf } from '../sql/sql.ts'
import { readAddress } from './address.ts'
import { Connector } from './connector.ts'
import { type PostgresParts, PostgresSql } from './postgres-sql.ts'

let database: TestDatabase
const opened: PostgresSql[] = []

function open(parts: Partial<PostgresParts> = {}, settings = ''): PostgresSql {
  const address = readAddress(`${database.url}?${settings}`)
  const together = { clock: systemClock, random: seededRandom(1) }
  const connector = new Connector({ address, ...together })
  const sql = new PostgresSql({ connector, ...together, ...parts })
  opened.push(sql)
  return sql
}

beforeAll(async () => {
  database = await freshDatabase()
  await open().transaction((tx) =>
    tx.script('create table shelf (id bigint primary key, n bigint not null default 0, name text)'),
  )
})

afterEach(async () => {
  const sql = open()
  await sql.run('truncate shelf')
  await Promise.all(opened.splice(0).map((one) => one.close()))
})

afterAll(() => database.drop())

test('values come back as they do with SQLite', async () => {
  const row = await open().get<Record<string, unknown>>(
    `select 9007199254740991::bigint as big, 12::numeric / 5 as share, count(*) as many, sum(2::bigint) as sum,
       true as yes, false as no, '{"a": [1]}'::json as json, '{"a":1}'::jsonb as jsonb, null as none,
       ?::bytea as bytes, ?::double precision as half from pg_database where false
     group by () `,
    new Uint8Array([0, 255]),
    0.5,
  )
  expect(row).toMatchObject({ big: 9_007_199_254_740_991, share: 2.4, many: 0, sum: null })
  expect(row).toMatchObject({ yes: 1, no: 0, json: '{"a": [1]}', jsonb: '{"a": 1}', none: null })
  expect(row).toMatchObject({ bytes: Buffer.from([0, 255]), half: 0.5 })
})

test('texts of a list come back as they were, whatever stands in them', async () => {
  const texts = ['', 'NULL', 'a"b', 'a\\b', '{x,y}', ' ü, 🎵 ', "it's", '\t\n']
  const found = await open().all<{ text: string }>('select unnest(?::text[]) as text', [
    ...texts,
    null,
  ])
  expect(found.map(({ text }) => text)).toEqual([...texts, null])
})

test('a statement whose values were refused at first works with others, and at the same time', async () => {
  const sql = open()
  const read = 'select ?::bigint as n, null::text as nothing'
  await expect(sql.all(read, 'seven')).rejects.toThrow('bigint')
  const rows = await sql.transaction((tx) => Promise.all([1, 2, 3].map((n) => tx.all(read, n))))
  expect(rows).toEqual([1, 2, 3].map((n) => [{ n, nothing: null }]))
  expect(await sql.all(read, 4)).toEqual([{ n: 4, nothing: null }])
})

test('rows, lists and texts that PostgreSQL cannot keep are stored all the same', async () => {
  const sql = open()
  const rows = [
    { id: 1, name: 'a\0b \ud800 "\\u0000"' },
    { id: 2, name: 'Müller 🎵' },
    { id: 3, name: null },
  ]
  const insert = `insert into shelf (id, name)
    select id, name from json_to_recordset(?) as r (id bigint, name text)`
  expect(await sql.run(insert, rowsOf(rows))).toBe(3)
  await sql.run('insert into shelf (id, name) values (?, ?)', 4, 'x\0\udc00')
  expect(
    await sql.all('select name from shelf where id = any(?) order by id', [1, 2, 3, 4]),
  ).toEqual([
    { name: 'a\uFFFDb \uFFFD "\\u0000"' },
    { name: 'Müller 🎵' },
    { name: null },
    { name: 'x\uFFFD\uFFFD' },
  ])
  expect(await sql.all('select id from shelf where name = any(?)', ['Müller 🎵', 'y\0'])).toEqual([
    { id: 2 },
  ])
  expect(await sql.all('select id from shelf where id = any(?)', [])).toEqual([])
  expect(await sql.run('delete from shelf where id = any(?2) and n = ?1', 0, [1, 2, 9])).toBe(2)
  expect(await sql.get('select 1 from shelf where id = ?', 1)).toBeUndefined()
})

test('a statement is prepared once on a connection, under a name', async () => {
  const sql = open({ size: 1 })
  const select = 'select n from shelf where id = ?'
  for (let id = 0; id < 20; id++) await sql.get(select, id)
  expect(
    await sql.all(
      `select generic_plans + custom_plans as runs from pg_prepared_statements where statement like ?`,
      'select n from shelf%',
    ),
  ).toEqual([{ runs: 20 }])
})

test('a transaction is all or nothing', async () => {
  const sql = open()
  await sql.transaction((tx) => tx.run('insert into shelf (id) values (1)'))
  const failing = sql.transaction(async (tx) => {
    await tx.run('insert into shelf (id) values (2)')
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await sql.all('select id from shelf')).toEqual([{ id: 1 }])
})

test('a savepoint undoes its part and nothing else, one inside another, too', async () => {
  const sql = open()
  await sql.transaction(async (tx) => {
    await tx.run('insert into shelf (id) values (1)')
    await tx.savepoint(async () => {
      await tx.run('insert into shelf (id) values (2)')
      const inner = tx.savepoint(async () => {
        await tx.run('insert into shelf (id) values (3)')
        await tx.run('insert into shelf (id) values (1)')
      })
      await expect(inner).rejects.toThrow('duplicate key')
    })
    expect(await tx.savepoint(() => tx.run('insert into shelf (id) values (4)'))).toBe(1)
  })
  expect(await sql.all('select id from shelf order by id')).toEqual([
    { id: 1 },
    { id: 2 },
    { id: 4 },
  ])
})

test('a transaction in which a statement failed is no success, even if nobody minded', async () => {
  const sql = open()
  const careless = sql.transaction(async (tx) => {
    await tx.run('insert into shelf (id) values (1)')
    await tx.run('insert into shelf (id) values (1)').catch(() => undefined)
  })
  await expect(careless).rejects.toThrow('went on as if it had not')
  expect(await sql.all('select id from shelf')).toEqual([])
})

test('a transaction that is over takes nothing more', async () => {
  const sql = open({ size: 1 })
  let late: (() => Promise<unknown>) | undefined
  const part = sql.transaction(async (tx) => {
    late = () => tx.run('insert into shelf (id) values (1)')
    throw new Error('first')
  })
  await expect(part).rejects.toThrow('first')
  await expect(late?.()).rejects.toThrow('after the end of its transaction')
  expect(await sql.all('select id from shelf')).toEqual([])
})

test('statements that do not wait for each other come in their order', async () => {
  const sql = open()
  const seen = await sql.transaction(async (tx) => {
    const asked = [
      tx.run('insert into shelf (id) values (1)'),
      tx.run('update shelf set n = n + 1 where id = 1'),
      tx.run('update shelf set n = n * 5 where id = 1'),
    ]
    await Promise.all(asked)
    return tx.get('select n from shelf where id = 1')
  })
  expect(seen).toEqual({ n: 5 })
})

test('each statement sees what others have committed in the meantime', async () => {
  const sql = open()
  await sql.transaction(async (tx) => {
    expect(await tx.all('select id from shelf')).toEqual([])
    await sql.run('insert into shelf (id) values (1)')
    expect(await tx.all('select id from shelf')).toEqual([{ id: 1 }])
  })
})

test('what a loss of power may undo does not wait for the disk', async () => {
  const sql = open()
  const setting = `select current_setting('synchronous_commit') as setting`
  expect(await sql.transaction((tx) => tx.get(setting), { isDurable: false })).toEqual({
    setting: 'off',
  })
  expect(await sql.transaction((tx) => tx.get(setting))).toEqual({ setting: 'on' })
})

test('the time is that of the server, or the one that is given', async () => {
  const sql = open()
  const asked = await sql.transaction(async ({ nowMs }) => nowMs)
  expect(Number.isInteger(asked)).toBe(true)
  expect(Math.abs(asked - Date.now())).toBeLessThan(5_000)
  expect(Math.abs((await sql.now()) - Date.now())).toBeLessThan(5_000)
  const moved = open({ time: { now: () => 7 } })
  expect(await moved.transaction(async ({ nowMs }) => nowMs)).toBe(7)
  expect(await moved.now()).toBe(7)
})

test('of two transactions that wait for each other one begins anew', async () => {
  const sql = open()
  await sql.run('insert into shelf (id) values (1), (2)')
  const begun = [0, 0]
  let meet = (): void => undefined
  const met = new Promise<void>((resolve) => {
    meet = resolve
  })
  const crossing = (me: 0 | 1): Promise<void> =>
    sql.transaction(async (tx) => {
      begun[me]!++
      await tx.run('update shelf set n = n + 1 where id = ?', me + 1)
      if (begun[0]! > 0 && begun[1]! > 0) meet()
      await met
      // Whoever swallows the failure does not hide it.
      await tx
        .savepoint(() => tx.run('update shelf set n = n + 1 where id = ?', 2 - me))
        .catch(() => undefined)
    })
  await Promise.all([crossing(0), crossing(1)])
  expect(begun[0]! + begun[1]!).toBe(3)
  expect(await sql.all('select n from shelf order by id')).toEqual([{ n: 2 }, { n: 2 }])
})

test('whoever stands in the way for ever is given up after a few times', async () => {
  const sql = open()
  let begun = 0
  const hopeless = sql.transaction(async (tx) => {
    begun++
    await tx.script(`do $$ begin raise exception 'no luck' using errcode = '40001'; end $$`)
  })
  await expect(hopeless).rejects.toMatchObject({ code: 'database', remedy: 'retry' })
  expect(begun).toBe(6)
})

test('tables that change under a prepared statement cost nobody anything', async () => {
  const sql = open({ size: 2 })
  await sql.run('create table changing (a bigint)')
  const select = 'select * from changing where a = ?'
  const inTransaction = () => sql.transaction((tx) => tx.all(select, 1))
  await Promise.all([inTransaction(), inTransaction(), sql.all(select, 1)])
  await sql.transaction((tx) => tx.script(`alter table changing add column c text default 'x'`))
  await sql.run('insert into changing (a) values (1)')
  expect(await Promise.all([inTransaction(), inTransaction()])).toMatchObject([
    [{ c: 'x' }],
    [{ c: 'x' }],
  ])
  expect(await sql.all(select, 1)).toMatchObject([{ c: 'x' }])
})

test('a process that hangs costs others a few seconds at most', async () => {
  const settings = await open().all(
    `select name, setting::bigint as ms from pg_settings
     where name = any(?) order by name`,
    ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'],
  )
  expect(settings).toEqual([
    { name: 'idle_in_transaction_session_timeout', ms: 5_000 },
    { name: 'lock_timeout', ms: 5_000 },
    { name: 'statement_timeout', ms: 10_000 },
  ])
})

test('whoever hangs in the middle of a transaction loses it, and the locks it held', async () => {
  const sql = open({}, 'idle_in_transaction_session_timeout=300')
  await sql.run('insert into shelf (id) values (1)')
  let settle = (): void => undefined
  const hanging = sql.transaction(async (tx) => {
    await tx.run('update shelf set n = 7 where id = 1')
    await new Promise<void>((resolve) => {
      settle = resolve
    })
  })
  await sql.run('update shelf set n = n + 1 where id = 1')
  settle()
  await expect(hanging).rejects.toMatchObject({ code: 'database-away' })
  expect(await sql.get('select n from shelf')).toEqual({ n: 1 })
})

test('neither a lock nor a statement may take for ever, unless the work is a long one', async () => {
  const sql = open({}, 'lock_timeout=200&statement_timeout=400')
  const holder = new Client(database.url)
  await holder.connect()
  try {
    await holder.query('begin; lock table shelf')
    const trouble = (words: string) => ({
      code: 'database',
      message: expect.stringContaining(words),
    })
    await expect(sql.all('select id from shelf')).rejects.toMatchObject(trouble('lock timeout'))
    await expect(sql.all('select pg_sleep(9)')).rejects.toMatchObject(trouble('statement timeout'))
    const patient = sql.transaction((tx) => tx.all('select id from shelf'), { isLong: true })
    const early = systemClock.sleep(600).then(() => 'still waiting')
    expect(await Promise.race([patient, early])).toBe('still waiting')
    await holder.query('commit')
    expect(await patient).toEqual([])
  } finally {
    await holder.end()
  }
})

test('a notice goes out with the commit and not before', async () => {
  const sql = open()
  const listener = new Client(database.url)
  await listener.connect()
  const heard: string[] = []
  listener.on('notification', ({ channel }) => heard.push(channel))
  try {
    await listener.query('listen roundelay')
    await sql.transaction(async (tx) => {
      await tx.notify()
      await tx.notify()
      await listener.query('select 1')
      expect(heard).toEqual([])
    })
    await listener.query('select 1')
    expect(heard).toEqual(['roundelay'])
  } finally {
    await listener.end()
  }
})

test('no more connections are opened than there may be, and everybody is served', async () => {
  const sql = open({ size: 3 })
  const work = Array.from({ length: 40 }, (_, id) => [
    sql.transaction((tx) => tx.run('insert into shelf (id) values (?)', id)),
    sql.get('select pg_sleep(0.01)'),
  ])
  await Promise.all(work.flat())
  const count = `select count(*) as n from pg_stat_activity
    where application_name = 'roundelay' and datname = current_database()`
  const row = await sql.get<{ n: number }>(count)
  expect(row?.n).toBe(3)
})

test('after it was closed it serves nobody, and leaves no connection behind', async () => {
  const sql = open()
  let release = (): void => undefined
  const inUse = sql.transaction(async (tx) => {
    await tx.run('insert into shelf (id) values (1)')
    await new Promise<void>((resolve) => {
      release = resolve
    })
  })
  await sql.get('select 1')
  const closing = sql.close()
  await expect(sql.get('select 1')).rejects.toMatchObject({ code: 'cancelled' })
  release()
  await inUse
  await closing
  const other = open({ size: 1 })
  expect(
    await other.get(`select count(*) as n from pg_stat_activity
      where application_name = 'roundelay' and datname = current_database()`),
  ).toEqual({ n: 1 })
  expect(await other.all('select id from shelf')).toEqual([{ id: 1 }])
})

test('a transaction that cannot begin leaves its connection as it was', async () => {
  const own = await freshDatabase()
  const admin = new Client(own.url)
  await admin.connect()
  const name = new URL(own.url).pathname.slice(1)
  await admin.query(`create schema odd; alter database ${name} set search_path = odd, pg_catalog`)
  await admin.query(`create function odd.clock_timestamp() returns timestamptz language plpgsql
    as 'begin raise exception ''no time''; end'`)
  const address = readAddress(own.url)
  const together = { clock: systemClock, random: seededRandom(1) }
  const sql = new PostgresSql({
    connector: new Connector({ address, ...together }),
    ...together,
    size: 1,
  })
  await expect(sql.transaction((tx) => tx.get('select 1 as one'))).rejects.toThrow('no time')
  await admin.query('drop function odd.clock_timestamp()')
  expect(await sql.transaction((tx) => tx.get('select 1 as one'))).toEqual({ one: 1 })
  await sql.close()
  await admin.end()
  await own.drop()
})
