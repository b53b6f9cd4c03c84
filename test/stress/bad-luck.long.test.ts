import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { systemClock, type Clock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { seededRandom } from '../../src/base/random.ts'
import { MemoryDrive } from '../../src/drives/memory/memory-drive.ts'
import { Engine, type Observer } from '../../src/engine/engine.ts'
import { defaultPolicy } from '../../src/engine/policy.ts'
import type { PostgresSql } from '../../src/store/postgres/postgres-sql.ts'
import { SqlRegistry } from '../../src/store/sql/registry.ts'
import { SqlTaskStore } from '../../src/store/sql/task-store.ts'
import { faultsOf, plainSecrets } from '../contract/bench.ts'
import { emptyTables, openPostgres } from '../contract/postgres-subject.ts'
import { FaultyProxy } from '../faults/proxy.ts'
import { createDatabase, type TestDatabase } from '../servers/postgres-database.ts'
import { startPostgres, type PostgresServer } from '../servers/postgres.ts'
import { wholeFileHandler } from '../sim/world.ts'
import { CountedEffects } from './counted-effects.ts'

const files = 60
const policy = { ...defaultPolicy, slots: { list: 2, read: 4 }, leaseMs: 10_000 }
/** Connections that a process opens at most. */
const poolSize = 8

let server: PostgresServer
let database: TestDatabase
let proxy: FaultyProxy
let proxyUrl: string
/** Not through the proxy. */
let db: PostgresSql
let registry: SqlRegistry
let effects: CountedEffects
let drives: Map<number, MemoryDrive>
let running: { readonly engine: Engine; readonly db: PostgresSql }[]

beforeAll(async () => {
  server = await startPostgres()
})

afterAll(() => server.stop())

beforeEach(async () => {
  database = await createDatabase(server.url, emptyTables)
  proxy = new FaultyProxy(database.url)
  proxyUrl = await proxy.start()
  db = openPostgres(database.url)
  effects = new CountedEffects(db)
  await effects.open()
  const onChange = (): void => {
    for (const { engine } of running) engine.wake()
  }
  registry = new SqlRegistry({ db, secrets: plainSecrets, effects, onChange })
  drives = new Map()
  running = []
})

afterEach(async () => {
  for (const process of running) {
    await process.engine.stop(0)
    await process.db.close()
  }
  await db.close()
  await proxy.stop()
  await database.drop()
})

/** A process that works on the database through the proxy. */
async function startProcess(clock: Clock = systemClock, observer: Observer = {}): Promise<Engine> {
  const db = openPostgres(proxyUrl)
  const parts = { policy, random: seededRandom(1) }
  const store = new SqlTaskStore({ ...parts, db, effects, nodeName: 'unlucky', lookMs: 1_000 })
  const engine = new Engine({
    ...parts,
    store,
    handler: wholeFileHandler,
    sourceOf: async (id) => drives.get(id)!,
    clock,
    log: silentLog,
    observer,
  })
  running.push({ engine, db })
  await engine.start()
  return engine
}

async function addDrive(owner: string, slowMs = 10): Promise<number> {
  const { id: ownerId } = await registry.addOwner(owner, 'free')
  const drive = new MemoryDrive({ clock: systemClock, shape: 'tree' })
  for (let n = 0; n < files; n++) drive.put(`d${n % 4}/f${n}`, Buffer.from(`text ${n}`))
  drive.inject({ on: 'open', does: 'slow', ms: slowMs })
  // Known before it is asked for: sources are numbered from one.
  drives.set(drives.size + 1, drive)
  const { id } = await registry.addSource({
    ownerId,
    name: 'drive',
    kind: 'memory',
    address: 'memory:',
    settings: {},
    intervalMs: 900_000,
    password: null,
  })
  return id
}

async function written(sourceId: number): Promise<number> {
  return effects.shown.writes(sourceId)
}

async function until(isSo: () => Promise<boolean>, withinMs = 40_000): Promise<void> {
  const endMs = systemClock.elapsed() + withinMs
  while (!(await isSo())) {
    if (systemClock.elapsed() > endMs) throw new Error('it did not become so')
    await systemClock.sleep(25)
  }
}

/** All is read, each file once. */
async function untilWhole(ids: readonly number[]): Promise<void> {
  await until(async () => {
    for (const id of ids) if (await registry.isBusy(id)) return false
    return true
  })
  for (const id of ids) {
    expect(Object.keys(await effects.shown.of(id))).toHaveLength(files)
    expect(await written(id)).toBe(files)
  }
  expect(await faultsOf(db)).toEqual([])
}

test('connections that are cut in the middle of claims and completions lose nothing and write nothing twice', async () => {
  const random = seededRandom(20_261_122)
  await Promise.all([startProcess(), startProcess()])
  const ids = [await addDrive('anna', 40), await addDrive('bob', 40)]
  let cuts = 0
  while (cuts < 12) {
    await systemClock.sleep(40 + 160 * random())
    proxy.switchOff()
    proxy.switchOn()
    cuts++
  }
  await untilWhole(ids)
  // Nobody connects more often than was cut, however often he asks.
  expect(proxy.counts.connections).toBeLessThanOrEqual(2 * poolSize + cuts * 2 * 2)
})

test('a database that restarts in the middle of a sync meets few connections, and the sync goes on', async () => {
  await Promise.all([startProcess(), startProcess()])
  const ids = [await addDrive('anna', 30), await addDrive('bob', 30)]
  await until(async () => (await written(ids[0]!)) > 5)
  const before = proxy.counts.connections
  await server.halt('INT')
  await systemClock.sleep(1_500)
  const attempts = proxy.counts.connections - before
  expect(attempts).toBeGreaterThan(1)
  // Each process tries alone, and rests at least a tenth of a second, then longer and longer.
  expect(attempts).toBeLessThanOrEqual(2 * 9)
  await server.resume()
  await until(async () => {
    try {
      return (await written(ids[0]!)) > 0
    } catch {
      return false
    }
  })
  await untilWhole(ids)
  expect(proxy.counts.connections - before - attempts).toBeLessThanOrEqual(2 * (poolSize + 9))
})

async function withForeigner(work: (foreigner: Client) => Promise<void>): Promise<void> {
  const foreigner = new Client(database.url)
  await foreigner.connect()
  try {
    await work(foreigner)
  } finally {
    await foreigner.end()
  }
}

test('rows that a foreign transaction has locked hold up their own source alone, until they are let go', async () => {
  const ids = [await addDrive('anna'), await addDrive('bob')]
  await withForeigner(async (foreigner) => {
    await foreigner.query('begin')
    await foreigner.query('select from source where id = $1 for update', [ids[0]])
    await startProcess()
    await until(async () => (await written(ids[1]!)) === files)
    expect(await written(ids[0]!)).toBe(0)
    await foreigner.query('commit')
  })
  await untilWhole(ids)
})

test('rows that a foreign transaction locks while their results are on the way are waited for', async () => {
  const ids = [await addDrive('anna', 30), await addDrive('bob', 30)]
  await startProcess()
  await until(async () => (await written(ids[0]!)) > 3)
  await withForeigner(async (foreigner) => {
    await foreigner.query('begin')
    await foreigner.query('select from source where id = $1 for update', [ids[0]])
    const before = await written(ids[0]!)
    await systemClock.sleep(1_500)
    expect(await written(ids[0]!)).toBe(before)
    await foreigner.query('commit')
  })
  await untilWhole(ids)
})

test('while a foreign transaction is open for long, turns take longer within bounds', async () => {
  const turnsMs: number[] = []
  await withForeigner(async (foreigner) => {
    // Nothing that was written since then can be cleared away.
    await foreigner.query('begin isolation level repeatable read')
    await foreigner.query('select count(*) from owner')
    await startProcess(systemClock, { turned: (tookMs) => void turnsMs.push(tookMs) })
    const ids: number[] = []
    for (let n = 0; n < 8; n++) ids.push(await addDrive(`owner${n}`, 0))
    await untilWhole(ids)
    await foreigner.query('commit')
  })
  const third = Math.floor(turnsMs.length / 3)
  const median = (part: number[]): number => part.toSorted((a, b) => a - b)[part.length >> 1] ?? 0
  expect(third).toBeGreaterThan(20)
  expect(median(turnsMs.slice(-third))).toBeLessThan(5 * median(turnsMs.slice(0, third)))
})

test('a machine whose clock is an hour ahead and is set back goes on at once: times are those of the database', async () => {
  let aheadMs = 3_600_000
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
  const refused: string[] = []
  const observer: Observer = {
    ended: (claim, result, isHeld) => {
      if (!isHeld) refused.push(`${claim.kind} ${result.type}`)
    },
  }
  await startProcess(clock, observer)
  const ids = [await addDrive('anna', 30)]
  await until(async () => (await written(ids[0]!)) > 5)
  aheadMs = 0
  const startMs = systemClock.elapsed()
  await untilWhole(ids)
  await registry.ask(ids[0]!, false)
  await until(async () => !(await registry.isBusy(ids[0]!)))
  expect(systemClock.elapsed() - startMs).toBeLessThan(20_000)
  expect(refused).toEqual([])
  // Within its interval, and not an hour off.
  const { nextMs } = (await registry.sourceStatus(ids[0]!)) ?? {}
  expect(Math.abs((nextMs ?? 0) - (await db.now()))).toBeLessThan(1_000_000)
})
