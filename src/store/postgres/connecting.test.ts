import { inspect } from 'node:util'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { FaultyProxy } from '../../../test/faults/proxy.ts'
import { createDatabase } from '../../../test/servers/postgres-database.ts'
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { type Fields, type Log, silentLog } from '../../base/log.ts'
import { seededRandom } from '../../base/random.ts'
import { readAddress } from './address.ts'
import { Connector } from './connector.ts'
import { PostgresSql } from './postgres-sql.ts'
import { checkServer } from './server-check.ts'

const maxConnections = 16

let server: PostgresServer
let url: string
let proxy: FaultyProxy
let proxyUrl: string
const opened: PostgresSql[] = []

beforeAll(async () => {
  server = await startPostgres({ maxConnections })
  url = (await createDatabase(server.url)).url
  proxy = new FaultyProxy(url)
  proxyUrl = await proxy.start()
  await open(url).transaction((tx) => tx.script('create table shelf (id bigint)'))
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((sql) => sql.close()))
  Object.assign(proxy.faults, { isOn: true, delayMs: 0 })
  proxy.faults.stallAfterBytes = Number.POSITIVE_INFINITY
  proxy.faults.cutAfterBytes = Number.POSITIVE_INFINITY
  await server.resume()
})

afterAll(async () => {
  await proxy.stop()
  await server.stop()
})

interface Opening {
  readonly size?: number
  readonly clock?: Clock
  readonly log?: Log
}

function open(
  at: string,
  { size = 8, clock = systemClock, log = silentLog }: Opening = {},
): PostgresSql {
  const parts = { clock, random: seededRandom(1), size, log }
  const connector = new Connector({ ...parts, address: readAddress(at) })
  const sql = new PostgresSql({ ...parts, connector })
  opened.push(sql)
  return sql
}

/** Of the quick clock: a timer of this busy machine may be so late. */
const lateMs = 1_000

/** Twenty times as fast as it should be. */
const quickClock: Clock = {
  now: () => systemClock.now(),
  elapsed: () => systemClock.elapsed() * 20,
  sleep: (ms, signal) => systemClock.sleep(ms / 20, signal),
  after: (ms, run) => systemClock.after(ms / 20, run),
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await isSo()) return
    await systemClock.sleep(25)
  }
  throw new Error('it did not become so')
}

async function answers(sql: PostgresSql): Promise<boolean> {
  return sql.get('select 1').then(
    () => true,
    () => false,
  )
}

test('connections are opened one after the other, however many ask', async () => {
  const sql = open(proxyUrl)
  proxy.faults.delayMs = 20
  const before = proxy.counts.connections
  const asked = Promise.all(Array.from({ length: 40 }, () => sql.get('select pg_sleep(0.1)')))
  await systemClock.sleep(30)
  expect(proxy.counts.connections - before).toBe(1)
  await asked
  expect(proxy.counts.connections - before).toBeLessThanOrEqual(8)
})

test('a server that goes and comes back meets few attempts, and everybody is served again', async () => {
  const sql = open(proxyUrl)
  await Promise.all(Array.from({ length: 8 }, () => sql.get('select pg_sleep(0.1)')))
  const before = proxy.counts.connections
  await server.halt('QUIT')
  await until(async () => proxy.open === 0)
  const end = new AbortController()
  let served = 0
  const ask = async (): Promise<void> => {
    while (!end.signal.aborted) {
      expect(await sql.get('select 1 as one')).toEqual({ one: 1 })
      served++
    }
  }
  const askers = Promise.all(Array.from({ length: 40 }, ask))
  await systemClock.sleep(1_500)
  const attempts = proxy.counts.connections - before
  // Rests of at least 0.1 s, and of up to three times the last one.
  expect(attempts).toBeGreaterThan(1)
  expect(attempts).toBeLessThanOrEqual(9)
  expect(served).toBe(0)
  await server.resume()
  await until(async () => served > 400)
  end.abort()
  await askers
  expect(proxy.counts.connections - before - attempts).toBeLessThanOrEqual(8 + 9)
})

test('whoever asks while the server is away is told so in time, by name and with what to do', async () => {
  const sql = open(url, { clock: quickClock })
  await server.halt('INT')
  const startMs = quickClock.elapsed()
  const { port } = new URL(url)
  await expect(sql.get('select 1')).rejects.toMatchObject({
    code: 'database-away',
    remedy: 'retry',
    message: expect.stringMatching(
      new RegExp(
        `^The database 127\\.0\\.0\\.1:${port}/test_\\w+ cannot be reached: .*ECONNREFUSED`,
      ),
    ),
  })
  expect(quickClock.elapsed() - startMs).toBeLessThan(5_000 + lateMs)
})

test('when the next attempt comes too late for whoever asks, he does not wait for it', async () => {
  const sql = open(url, { clock: quickClock })
  await server.halt('INT')
  // Rests grow to half a minute; then nobody waits in vain.
  let quickest = Number.POSITIVE_INFINITY
  for (let asked = 0; asked < 40 && quickest > 100; asked++) {
    const startMs = quickClock.elapsed()
    await expect(sql.get('select 1')).rejects.toMatchObject({ code: 'database-away' })
    quickest = Math.min(quickest, quickClock.elapsed() - startMs)
  }
  expect(quickest).toBeLessThan(100)
})

test('a server that has been away for longer is told of within a second, and both ends of the outage are logged once', async () => {
  const lines: [message: string, fields: Fields][] = []
  const write = (fields: Fields, message: string): void => void lines.push([message, fields])
  const log = { ...silentLog, info: write, warn: write }
  const sql = open(proxyUrl, { clock: quickClock, log })
  expect(await sql.get('select 1 as one')).toEqual({ one: 1 })
  proxy.switchOff()
  await until(async () => proxy.open === 0)
  const startMs = quickClock.elapsed()
  await expect(sql.get('select 1')).rejects.toMatchObject({ code: 'database-away' })
  for (let asked = 0; asked < 5; asked++) {
    const askedMs = quickClock.elapsed()
    await expect(sql.get('select 1')).rejects.toMatchObject({ code: 'database-away' })
    expect(quickClock.elapsed() - askedMs).toBeLessThan(1_000 + lateMs)
  }
  proxy.switchOn()
  await until(() => answers(sql))
  const tookMs = quickClock.elapsed() - startMs
  expect(lines).toEqual([
    ['the database went away', expect.objectContaining({ code: 'database-away' })],
    ['the database is back', { awayMs: expect.any(Number) }],
  ])
  const awayMs = Number(lines[1]?.[1]['awayMs'])
  expect(awayMs).toBeGreaterThan(4_000)
  expect(awayMs).toBeLessThanOrEqual(tookMs)
})

test('a wrong password, user or database is told at once and by name, and no password is ever shown', async () => {
  const wrong = new URL(url)
  wrong.password = 'open%20sesame'
  const sql = open(wrong.href)
  const startMs = performance.now()
  const error: unknown = await sql.get('select 1').catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'database-login', remedy: 'retry' })
  const nobody = new URL(url)
  nobody.username = 'nobody'
  await expect(open(nobody.href).get('select 1')).rejects.toMatchObject({ code: 'database-login' })
  const nowhere = new URL(url)
  nowhere.pathname = '/nowhere'
  await expect(open(nowhere.href).get('select 1')).rejects.toMatchObject({
    code: 'database-missing',
    remedy: 'retry',
    message: expect.stringMatching(/\/nowhere is not there: database "nowhere" does not exist/),
  })
  // None of them was waited for in vain.
  expect(performance.now() - startMs).toBeLessThan(4_000)
  const away = open('postgres://anna:open%20sesame@127.0.0.1:1/music', { clock: quickClock })
  const unreachable: unknown = await away.get('select 1').catch((thrown: unknown) => thrown)
  expect(unreachable).toMatchObject({ code: 'database-away' })
  for (const shown of [error, unreachable, sql, away]) {
    const told = inspect(shown, { depth: Number.POSITIVE_INFINITY, showHidden: true })
    expect(told).not.toMatch(/sesame/)
  }
})

test('a transaction whose connection is cut is undone, and the next one has another connection', async () => {
  const sql = open(proxyUrl)
  const cut = sql.transaction(async (tx) => {
    await tx.run('insert into shelf (id) values (1)')
    proxy.switchOff()
    proxy.switchOn()
    // Whoever minds nothing commits nothing, either.
    await tx.run('insert into shelf (id) values (2)').catch(() => undefined)
  })
  await expect(cut).rejects.toMatchObject({
    code: 'database-away',
    message: expect.stringContaining('broke: '),
  })
  expect(await sql.transaction((tx) => tx.all('select id from shelf'))).toEqual([])
})

test('what the server was just asked is lost with it, and told', async () => {
  const sql = open(url)
  const asked = expect(sql.get('select pg_sleep(30)')).rejects.toMatchObject({
    code: 'database-away',
  })
  await until(async () => {
    const row = await sql.get(
      `select 1 from pg_stat_activity where query like 'select pg_sleep(30)%'`,
    )
    return row !== undefined
  })
  await server.halt('INT')
  await asked
  await server.resume()
  expect(await sql.get('select 1 as one')).toEqual({ one: 1 })
})

test('a server that accepts and says nothing is not waited for for ever', async () => {
  const sql = open(proxyUrl, { clock: quickClock })
  proxy.faults.stallAfterBytes = 0
  const startMs = quickClock.elapsed()
  const trouble = {
    code: 'database-away',
    message: expect.stringContaining('no answer within 4 s'),
  }
  const asked = Promise.all(
    Array.from({ length: 40 }, () => expect(sql.get('select 1')).rejects.toMatchObject(trouble)),
  )
  await until(async () => proxy.open > 0)
  expect(proxy.open).toBe(1)
  await asked
  expect(quickClock.elapsed() - startMs).toBeLessThan(5_000 + lateMs)
  proxy.faults.stallAfterBytes = Number.POSITIVE_INFINITY
  await until(() => answers(sql))
})

test('whoever connects for something else waits for his turn, too', async () => {
  const parts = { clock: quickClock, random: seededRandom(1), address: readAddress(proxyUrl) }
  const connector = new Connector(parts)
  proxy.faults.stallAfterBytes = 0
  const { signal } = new AbortController()
  const asked = [1, 2, 3].map(() => expect(connector.connect(signal)).rejects.toThrow('no answer'))
  await until(async () => proxy.open > 0)
  expect(proxy.open).toBe(1)
  await Promise.all(asked)
})

test('a server that falls silent in the middle is given up', async () => {
  const sql = open(proxyUrl, { clock: quickClock })
  const silenced = sql.transaction(async (tx) => {
    proxy.faults.stallAfterBytes = 0
    await tx.run('insert into shelf (id) values (1)')
  })
  await expect(silenced).rejects.toMatchObject({
    code: 'database-away',
    message: expect.stringContaining('no answer within 15 s'),
  })
  proxy.faults.stallAfterBytes = Number.POSITIVE_INFINITY
  expect(await sql.all('select id from shelf')).toEqual([])
})

test('a process for which the server has no room refuses to start, with the numbers', async () => {
  const sql = open(url, { size: 8 })
  // Its own are not counted twice.
  await Promise.all(Array.from({ length: 8 }, () => sql.get('select pg_sleep(0.1)')))
  await sql.checkConnections()
  const others: Client[] = []
  try {
    while (others.length < 6) {
      const other = new Client(url)
      await other.connect()
      others.push(other)
    }
    await expect(sql.checkConnections()).rejects.toMatchObject({
      code: 'database-unfit',
      remedy: 'stop',
      message: expect.stringMatching(
        /allows 16 connections in all \(max_connections\), 3 of them reserved, and others hold \d+: there is no room for the 9/,
      ),
    })
  } finally {
    await Promise.all(others.map((other) => other.end()))
  }
  await until(() =>
    sql.checkConnections().then(
      () => true,
      () => false,
    ),
  )
})

test.each([
  ['to this database', 'alter database DATABASE connection limit'],
  ['to this user', 'alter role USER connection limit'],
])('a limit of connections %s counts, too', async (what, statement) => {
  const operator = new Client(server.url)
  await operator.connect()
  const name = new URL(url).pathname.slice(1)
  const text = statement.replace('DATABASE', name).replace('USER', 'guest')
  const guest = new URL(url)
  guest.username = 'guest'
  guest.password = 'guest'
  try {
    await operator.query(`drop role if exists guest; create role guest login password 'guest'`)
    const sql = open(guest.href, { size: 4 })
    await sql.checkConnections()
    await operator.query(`${text} 4`)
    const words = expect.stringContaining(`allows 4 connections ${what}`)
    await expect(sql.checkConnections()).rejects.toMatchObject({
      code: 'database-unfit',
      message: words,
    })
  } finally {
    await operator.query(`${text} -1`)
    await operator.end()
  }
})

test('a server that is full is waited for', async () => {
  const others: Client[] = []
  const sql = open(url, { size: 2 })
  const guest = new URL(server.url)
  try {
    for (;;) {
      const other = new Client(guest.href)
      other.on('error', () => undefined)
      const isIn = await other.connect().then(
        () => true,
        () => false,
      )
      if (!isIn) break
      others.push(other)
    }
    const asked = sql.get('select 1 as one')
    await systemClock.sleep(300)
    await others.pop()?.end()
    expect(await asked).toEqual({ one: 1 })
  } finally {
    await Promise.all(others.map((other) => other.end()))
  }
})

test('a server that is too old is refused by name', async () => {
  // No such server is to be had here; this is what it answers.
  const old = { version: 140_012, name: '14.12 (Debian 14.12-1)' }
  const none = async (): Promise<never[]> => []
  const sql = { all: none, each: none, get: async () => old as never, run: async () => 0 }
  await expect(checkServer(sql, { size: 8, open: () => 1 })).rejects.toMatchObject({
    code: 'database-unfit',
    message:
      'The database server is PostgreSQL 14.12 (Debian 14.12-1); Roundelay needs 15 or newer.',
  })
})
