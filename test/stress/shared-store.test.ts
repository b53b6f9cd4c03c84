import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { SyncError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Policy } from '../../src/engine/policy.ts'
import type { TaskStore } from '../../src/engine/task-store.ts'
import type { Claim } from '../../src/engine/task.ts'
import type { PostgresSql } from '../../src/store/postgres/postgres-sql.ts'
import { processes, setPaused } from '../../src/store/sql/nodes.ts'
import { SqlRegistry } from '../../src/store/sql/registry.ts'
import { clearPortion } from '../../src/store/sql/removal.ts'
import type { SqlDatabase } from '../../src/store/sql/sql.ts'
import { SqlTaskStore } from '../../src/store/sql/task-store.ts'
import {
  applied,
  benchPolicy,
  failed,
  faultsOf,
  file,
  listed,
  plainSecrets,
} from '../contract/bench.ts'
import { emptyTables, openPostgres } from '../contract/postgres-subject.ts'
import { freshDatabase, type TestDatabase } from '../servers/postgres-database.ts'
import { CountedEffects } from './counted-effects.ts'

const slots = { list: 2, read: 2 }
const silentMs = 16_000

let database: TestDatabase
let registry: SqlRegistry
let effects: CountedEffects
/** The time of the database, which tests move. */
let nowMs: number
let opened: PostgresSql[]

beforeEach(async () => {
  database = await freshDatabase(emptyTables)
  nowMs = 1_700_000_000_000
  opened = []
  const db = connect()
  effects = new CountedEffects(db)
  await effects.open()
  const onChange = (): void => undefined
  registry = new SqlRegistry({ db, secrets: plainSecrets, effects, onChange })
})

afterEach(async () => {
  await Promise.all(opened.map((db) => db.close()))
  await database.drop()
})

/** Connections of a process of its own. */
function connect(): PostgresSql {
  const db = openPostgres(database.url, { ...systemClock, now: () => nowMs })
  opened.push(db)
  return db
}

/** A process, as far as the database knows. */
async function join(
  db: SqlDatabase = connect(),
  changes: Partial<Policy> = {},
): Promise<TaskStore> {
  const policy = { ...benchPolicy, slots, ...changes }
  const random = seededRandom(1)
  const store = new SqlTaskStore({ db, policy, random, effects, nodeName: `of ${opened.length}` })
  await store.open()
  return store
}

async function addSource(name: string): Promise<number> {
  const owner = await registry.addOwner(name, 'free')
  const settings = {}
  const { id } = await registry.addSource({
    ownerId: owner.id,
    name: 'drive',
    kind: 'memory',
    address: 'memory:',
    settings,
    intervalMs: 900_000,
    password: null,
  })
  return id
}

async function claimOne(store: TaskStore): Promise<Claim> {
  const { claims } = await store.turn([], { list: 1 })
  expect(claims).toHaveLength(1)
  return claims[0]!
}

/** A statement waits for somebody else's lock. */
async function untilWaiting(): Promise<void> {
  const isWaiting = `select 1 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`
  await expect.poll(() => opened[0]!.get(isWaiting)).toBeDefined()
}

async function faults(): Promise<string[]> {
  return faultsOf(opened[0]!)
}

test('R3 the last two list tasks of a round that end at the same time in two processes close it once', async () => {
  const [one, other] = [await join(), await join()]
  const db = opened[0]!
  for (let n = 0; n < 25; n++) {
    const id = await addSource(`owner${n}`)
    const root = await claimOne(one)
    await one.turn([listed(root, [], { next: [{ step: 'a' }, { step: 'b' }] })], {})
    const [first, second] = [await claimOne(one), await claimOne(other)]
    await Promise.all([
      one.turn([listed(first, [file(`${n} a`)])], {}),
      other.turn([listed(second, [file(`${n} b`)])], {}),
    ])
    const rounds = await db.all('select outcome, is_clean from round where source_id = ?', id)
    expect(rounds).toEqual([{ outcome: 'clean', is_clean: 1 }])
    expect(await faults()).toEqual([])
  }
  for (const store of [one, other]) {
    for (;;) {
      const { claims } = await store.turn([], { read: slots.read })
      if (claims.length === 0) break
      await store.turn(
        claims.map((claim) => applied(claim)),
        {},
      )
    }
  }
  expect(await db.get('select count(*) as n from effect')).toEqual({ n: 50 })
})

test('processes that were all silent for long, as when the database was away, have all of their slots again', async () => {
  const stores = await Promise.all([join(), join(), join(), join()])
  for (let n = 0; n < 8; n++) await addSource(`owner${n}`)
  for (let times = 0; times < 5; times++) {
    nowMs += silentMs
    await Promise.all(stores.map((store) => store.turn([], {})))
  }
  let claimed = 0
  for (const store of stores) {
    await store.turn([], {})
    const { claims } = await store.turn([], { list: slots.list })
    claimed += claims.length
  }
  expect(claimed).toBe(stores.length * slots.list)
  expect(await faults()).toEqual([])
  // They were not in each other's way, either: whoever is gone has told what it counted.
  const [db, ...others] = opened
  await Promise.all(others.map((other) => other.close()))
  expect(
    await db!.get('select deadlocks from pg_stat_database where datname = current_database()'),
  ).toEqual({ deadlocks: 0 })
})

test('L5 what a process that is gone held is given back unblamed when it was silent for fifteen seconds', async () => {
  const [gone, other] = [await join(), await join()]
  await addSource('anna')
  const claim = await claimOne(gone)
  nowMs += silentMs - 2_000
  expect((await other.turn([], { list: 1 })).claims).toEqual([])
  nowMs += 2_000
  const again = await claimOne(other)
  expect(again).toMatchObject({ kind: 'list', sourceId: claim.sourceId })
  expect(await opened[0]!.all('select crashes, attempts from task')).toEqual([
    { crashes: 0, attempts: 0 },
  ])
  // It was not gone after all.
  const { acks } = await gone.turn([listed(claim, [file('late')])], {})
  expect(acks).toEqual([{ isHeld: false }])
  expect(await faults()).toEqual([])
})

test('L5 so it is when many processes are gone that held much for many, however their slots are numbered', async () => {
  const much = { slots: { list: 110, read: 2 } }
  const [one, other] = [await join(connect(), much), await join(connect(), much)]
  for (let n = 0; n < 220; n++) await addSource(`owner${n}`)
  const fill = async (store: TaskStore): Promise<void> => {
    let free = much.slots.list
    for (let turns = 0; turns < 5; turns++) {
      free -= (await store.turn([], { list: free })).claims.length
    }
    expect(free).toBe(0)
  }
  // The process that came last claims first: by their ends and by their numbers the slots stand the other way round.
  await fill(other)
  nowMs += 1_000
  await fill(one)
  nowMs += silentMs
  const third = await join()
  for (let turns = 0; turns < 5; turns++) await third.turn([], {})
  const held = await opened[0]!.get('select count(*) as n from slot where fence is not null')
  expect(held).toEqual({ n: 0 })
})

test('F5 what another process claims while a failure waits to be written does not count either', async () => {
  const db = connect()
  const store = await join(db, { maxFailures: 1 })
  const id = await addSource('anna')
  const claim = await claimOne(store)
  let written: Promise<unknown> = Promise.resolve()
  await connect().transaction(async (tx) => {
    await tx.run('select id from lane for no key update')
    written = store.turn([failed(claim, 'unavailable')], {})
    await untilWaiting()
    await tx.run(`update counter set value = value + 10 where name = 'fence'`)
  })
  await written
  const source = await db.get('select health, fence_floor from source where id = ?', id)
  expect(source).toEqual({ health: 1, fence_floor: claim.fence + 10 })
})

test('F5 so it is with what is claimed while somebody asks for the source', async () => {
  const db = connect()
  const store = await join(db)
  const id = await addSource('anna')
  const claim = await claimOne(store)
  let asked: Promise<unknown> = Promise.resolve()
  // A turn that has the source, and has not told yet what it claims.
  await connect().transaction(async (tx) => {
    await tx.run('select id from source for no key update')
    await tx.run('select id from lane for no key update')
    asked = registry.ask(id, false)
    await untilWaiting()
    await tx.run(`update counter set value = value + 10 where name = 'fence'`)
  })
  await asked
  const source = await db.get('select fence_floor from source where id = ?', id)
  expect(source).toEqual({ fence_floor: claim.fence + 10 })
})

test('D2 two processes clear away what removed sources have left, each row once, and nobody waits for the other', async () => {
  const others = [connect(), connect()]
  const ids = [await addSource('anna'), await addSource('bob')]
  for (const id of ids) {
    await opened[0]!.run(
      `insert into item (source_id, key, path, size, listed, seq, state, round_id, changed_ms)
       select ?, n, '["a"]', 1, 'v1', n, 1, 0, 0 from generate_series(1, 50) as n`,
      id,
    )
    await registry.removeSource(id)
  }
  await opened[0]!.transaction(async (tx) => {
    await tx.run('select id from source where id = ? for update', ids[0]!)
    expect(await clearPortion(others[0]!, effects, 10)).toBe(10)
  })
  const counts = await Promise.all(
    others.map(async (db) => {
      let count = 0
      for (let portions = 0; portions < 30; portions++) {
        count += await clearPortion(db, effects, 10)
      }
      return count
    }),
  )
  // The sources themselves are rows, too.
  expect(counts[0]! + counts[1]!).toBe(92)
  expect(await opened[0]!.all('select id from source')).toEqual([])
  expect(await opened[0]!.all('select id from item')).toEqual([])
})

test('R4 what somebody may be finding again just now is not purged', async () => {
  const db = connect()
  const store = await join(db)
  const id = await addSource('anna')
  await db.run(
    `insert into item (source_id, key, path, size, listed, seq, state, round_id, changed_ms)
     values (?, 'a', '["a"]', 1, 'v1', 1, 5, 0, 0)`,
    id,
  )
  await connect().transaction(async (tx) => {
    await tx.run('select id from source where id = ? for no key update', id)
    expect(await store.purge(10)).toBe(0)
  })
  expect(await store.purge(10)).toBe(1)
})

test('what is due and what another process has just now is looked at again soon, and not without end', async () => {
  const store = await join()
  await addSource('anna')
  await connect().transaction(async (tx) => {
    await tx.run('select id from source for no key update')
    const { claims, nextMs } = await store.turn([], { list: 1 })
    expect(claims).toEqual([])
    expect(nextMs).toBe(nowMs + 100)
  })
  expect((await store.turn([], { list: 1 })).claims).toHaveLength(1)
})

test('O5 a paused process that was silent for long is still paused when it comes back', async () => {
  const [asleep, other] = [await join(), await join()]
  await addSource('anna')
  expect(await setPaused(opened[0]!, 'of 2', true)).toBe(1)
  nowMs += silentMs
  await other.turn([], {})
  expect((await asleep.turn([], { list: 1 })).claims).toEqual([])
  expect((await other.turn([], { list: 1 })).claims).toHaveLength(1)
})

test('O5 a process that was paused and is gone is no pause: what waits then is a stall', async () => {
  const asleep = await join()
  const id = await addSource('anna')
  await asleep.turn([], {})
  await setPaused(opened[0]!, null, true)
  nowMs += benchPolicy.stallMs
  const db = opened[0]!
  const watching = new SqlTaskStore({
    db,
    policy: benchPolicy,
    random: seededRandom(1),
    effects,
    nodeName: 'watching',
  })
  expect(await watching.stalls()).toMatchObject([{ sourceId: id }])
  await asleep.turn([], {})
  expect(await watching.stalls()).toEqual([])
})

test('O5 who is not heard is shown as silent, then as gone with what it holds, until others have that', async () => {
  const [dead, other] = [await join(), await join()]
  await addSource('anna')
  await claimOne(dead)
  const db = opened[0]!
  const heardMs = nowMs
  const states = async () => (await processes({ db }, 9)).map(({ state, busy }) => [state, busy])
  nowMs += 6_000
  await other.turn([], {})
  expect(await states()).toEqual([
    ['works', 1],
    ['works', 0],
  ])
  nowMs += 1
  expect(await states()).toMatchObject([
    ['silent', 1],
    ['works', 0],
  ])
  expect(await processes({ db }, 1)).toMatchObject([{ heardMs, goneMs: heardMs + 15_000 }])
  nowMs = heardMs + 15_000
  expect(await states()).toMatchObject([
    ['silent', 1],
    ['silent', 0],
  ])
  nowMs += 1
  expect(await states()).toMatchObject([
    ['gone', 1],
    ['silent', 0],
  ])
  await other.turn([], {})
  expect(await states()).toEqual([
    ['gone', 0],
    ['works', 0],
  ])
  nowMs += 3_000
  await other.turn([], {})
  expect(await states()).toEqual([['works', 0]])
})

/** A database whose answer to the next commit gets lost. */
class LosingDatabase implements SqlDatabase {
  readonly isShared = true
  isLosing = false
  readonly #db: PostgresSql
  readonly all: SqlDatabase['all']
  readonly get: SqlDatabase['get']
  readonly run: SqlDatabase['run']
  readonly each: SqlDatabase['each']
  readonly now: SqlDatabase['now']

  constructor(db: PostgresSql) {
    this.#db = db
    this.all = (text, ...values) => db.all(text, ...values)
    this.get = (text, ...values) => db.get(text, ...values)
    this.run = (text, ...values) => db.run(text, ...values)
    this.each = (text, rows, ...values) => db.each(text, rows, ...values)
    this.now = () => db.now()
  }

  transaction: SqlDatabase['transaction'] = async (work, options) => {
    const result = await this.#db.transaction(work, options)
    if (!this.isLosing) return result
    this.isLosing = false
    throw new SyncError('database-away', 'The connection broke.')
  }
}

test('what was claimed but never told, because the connection broke, is claimed again at once and unblamed', async () => {
  const db = new LosingDatabase(connect())
  const store = await join(db)
  await addSource('anna')
  db.isLosing = true
  await expect(store.turn([], { list: 1 })).rejects.toMatchObject({ code: 'database-away' })
  expect(await opened[0]!.all('select 1 from slot where fence is not null')).toHaveLength(1)
  const claim = await claimOne(store)
  expect(await opened[0]!.all('select crashes from task')).toEqual([{ crashes: 0 }])
  expect((await store.turn([listed(claim, [file('a')])], {})).acks).toEqual([{ isHeld: true }])
  expect(await faults()).toEqual([])
})

test('a result whose acknowledgement got lost is told once more, and counts once', async () => {
  const db = new LosingDatabase(connect())
  const store = await join(db)
  await addSource('anna')
  await store.turn([listed(await claimOne(store), [file('a')])], {})
  const { claims } = await store.turn([], { read: 1 })
  const results = claims.map((claim) => applied(claim))
  db.isLosing = true
  await expect(store.turn(results, {})).rejects.toMatchObject({ code: 'database-away' })
  await store.turn(results, {})
  expect(await opened[0]!.get('select count(*) as n from effect')).toEqual({ n: 1 })
  expect(await opened[0]!.all('select state from item')).toEqual([{ state: 0 }])
  expect(await faults()).toEqual([])
})
