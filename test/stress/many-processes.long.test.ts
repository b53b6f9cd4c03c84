import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock as clock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { PostgresSql } from '../../src/store/postgres/postgres-sql.ts'
import { SqlRegistry } from '../../src/store/sql/registry.ts'
import { faultsOf, plainSecrets } from '../contract/bench.ts'
import { emptyTables, openPostgres } from '../contract/postgres-subject.ts'
import { freshDatabase, type TestDatabase } from '../servers/postgres-database.ts'
import { ClaimerFleet, compileClaimers } from './claimer-fleet.ts'
import { CountedEffects } from './counted-effects.ts'
import { drivesEach, expectedOf, owners, versionsInAll } from './stress-drives.ts'

const seed = Number(process.env['SEED'] ?? 20_261_122)
const processes = 4
const killsEach = 3
/** Milliseconds between two kills. */
const killMs = 700
const maxQuietMs = 60_000

let database: TestDatabase
let db: PostgresSql
let effects: CountedEffects
let registry: SqlRegistry

beforeAll(async () => {
  database = await freshDatabase(emptyTables)
  db = openPostgres(database.url)
  effects = new CountedEffects(db)
  await effects.open()
  const onChange = (): void => undefined
  registry = new SqlRegistry({ db, secrets: plainSecrets, effects, onChange })
  await noteEndings()
})

afterAll(async () => {
  await db.close()
  await database.drop()
})

/** Every end of a round is written down, so that one that ends twice is seen. */
async function noteEndings(): Promise<void> {
  await db.run('create table ending (round_id bigint, outcome text)')
  await db.run(`create function note_ending() returns trigger language plpgsql as
    $$ begin insert into ending values (new.id, new.outcome); return null; end $$`)
  await db.run(`create trigger note_ending after update of ended_ms on round
    for each row execute function note_ending()`)
}

async function addDrives(): Promise<number[]> {
  const ids: number[] = []
  for (let n = 0; n < owners; n++) {
    const owner = await registry.addOwner(`owner${n}`, n % 3 === 0 ? 'premium' : 'free')
    for (let drive = 0; drive < drivesEach; drive++) {
      const name = `drive${drive}`
      const { id } = await registry.addSource({
        ownerId: owner.id,
        name,
        kind: 'memory',
        address: 'memory:',
        settings: {},
        intervalMs: 900_000,
        password: null,
      })
      ids.push(id)
    }
  }
  return ids
}

async function isQuiet(ids: readonly number[]): Promise<boolean> {
  for (const id of ids) if (await registry.isBusy(id)) return false
  const held = await db.get('select 1 from slot where fence is not null limit 1')
  return held === undefined
}

async function untilQuiet(ids: readonly number[]): Promise<void> {
  const endMs = clock.elapsed() + maxQuietMs
  while (!(await isQuiet(ids))) {
    if (clock.elapsed() > endMs) throw new Error(`not quiet: ${await unrest()}`)
    await clock.sleep(100)
  }
}

async function unrest(): Promise<string> {
  const tasks = await db.all('select * from task limit 5')
  const slots = await db.all('select * from slot where fence is not null limit 5')
  const items = await db.all('select state, count(*) from item group by state')
  return JSON.stringify({ nowMs: await db.now(), tasks, slots, items })
}

async function count(text: string): Promise<number> {
  return (await db.get<{ n: number }>(text))?.n ?? Number.NaN
}

async function deadlocks(): Promise<number> {
  return count(
    'select deadlocks::bigint as n from pg_stat_database where datname = current_database()',
  )
}

test(`16 claimers in ${processes} processes that are killed, lose results, tell them late and twice: seed ${seed}`, async () => {
  const random = seededRandom(seed)
  const ids = await addDrives()
  // A process finds the drive of a source by its number.
  expect(ids).toEqual(ids.map((_, at) => at + 1))
  await using compiled = await compileClaimers()
  using fleet = new ClaimerFleet({ url: database.url, script: compiled.script, random })
  await fleet.start(processes)
  const broken: string[] = []
  const storm = async (): Promise<void> => {
    for (let n = 0; n < killsEach; n++) {
      await clock.sleep(killMs * random())
      await fleet.kill()
      broken.push(...(await faultsOf(db)))
    }
    await untilQuiet(ids)
  }
  await storm()
  await fleet.change()
  for (const id of ids) await registry.ask(id, false)
  await storm()
  await fleet.stop()

  expect(broken).toEqual([])
  expect(fleet.faults).toEqual([])
  expect(fleet.kills).toBe(2 * killsEach)
  for (const [at, id] of ids.entries()) expect(await effects.shown.of(id)).toEqual(expectedOf(at))
  // Each version of each item once: nothing is lost, nothing written twice.
  const versions = await count('select count(distinct (item_id, version)) as n from effect')
  const written = await count('select count(*) as n from effect')
  expect({ versions, written }).toEqual({ versions: versionsInAll, written: versionsInAll })
  const rounds = await count('select count(distinct round_id) as n from ending')
  const endings = await count('select count(*) as n from ending')
  expect(endings).toBe(rounds)
  expect(rounds).toBeGreaterThanOrEqual(2 * ids.length)
  expect(await count('select count(*) as n from round where ended_ms is null')).toBe(0)
  expect(await faultsOf(db)).toEqual([])
  expect(await deadlocks()).toBe(0)
}, 180_000)
