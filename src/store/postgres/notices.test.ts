import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { FaultyProxy } from '../../../test/faults/proxy.ts'
import { freshDatabase, type TestDatabase } from '../../../test/servers/postgres-database.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import { readAddress } from './address.ts'
import { Connector } from './connector.ts'
import { Notices } from './notices.ts'
import { PostgresSql } from './postgres-sql.ts'

let database: TestDatabase
let proxy: FaultyProxy
let notices: Notices
let sql: PostgresSql

/** Fifty times as fast as it should be. */
const clock: Clock = {
  now: () => systemClock.now(),
  elapsed: () => systemClock.elapsed() * 50,
  sleep: (ms, signal) => systemClock.sleep(ms / 50, signal),
  after: (ms, run) => systemClock.after(ms / 50, run),
}

beforeAll(async () => {
  database = await freshDatabase()
  proxy = new FaultyProxy(database.url)
  const random = seededRandom(1)
  const direct = new Connector({ address: readAddress(database.url), clock: systemClock, random })
  sql = new PostgresSql({ connector: direct, clock: systemClock, random })
  const connector = new Connector({ address: readAddress(await proxy.start()), clock, random })
  notices = new Notices({ connector, clock, random })
})

afterEach(() => {
  proxy.faults.stallAfterBytes = Number.POSITIVE_INFINITY
})

afterAll(async () => {
  await notices.close()
  await sql.close()
  await proxy.stop()
  await database.drop()
})

let heard = 0
const heardOf = (count: number): Promise<void> =>
  expect.poll(() => heard, { timeout: 10_000, interval: 10 }).toBe(count)
const notify = (): Promise<void> => sql.transaction((tx) => tx.notify())

test('a listener hears of its beginning, and then of each notice', async () => {
  notices.listen(() => {
    heard++
  })
  await heardOf(1)
  for (let count = 2; count < 5; count++) {
    await notify()
    await heardOf(count)
  }
})

test('what may have been missed while the connection was broken is told once', async () => {
  const before = heard
  proxy.switchOff()
  await notify()
  await notify()
  await systemClock.sleep(50)
  expect(heard).toBe(before)
  proxy.switchOn()
  await heardOf(before + 1)
  await notify()
  await heardOf(before + 2)
})

test('a connection that is dead and does not say so is found out, and made anew', async () => {
  const before = heard
  const { connections } = proxy.counts
  proxy.faults.stallAfterBytes = 0
  await expect
    .poll(() => proxy.counts.connections, { timeout: 10_000, interval: 10 })
    .toBeGreaterThan(connections)
  proxy.faults.stallAfterBytes = Number.POSITIVE_INFINITY
  await heardOf(before + 1)
})

test('a server that lets in and keeps nobody is asked with a rest', async () => {
  proxy.faults.cutAfterBytes = 600
  const { connections } = proxy.counts
  proxy.switchOff()
  proxy.switchOn()
  await systemClock.sleep(500)
  // Twenty-five seconds.
  expect(proxy.counts.connections - connections).toBeLessThan(50)
  expect(proxy.counts.connections - connections).toBeGreaterThan(1)
  proxy.faults.cutAfterBytes = Number.POSITIVE_INFINITY
})

test('after it was closed it hears nothing and keeps no connection', async () => {
  await notices.close()
  const before = heard
  await notify()
  await systemClock.sleep(50)
  expect(heard).toBe(before)
  expect(proxy.open).toBe(0)
})
