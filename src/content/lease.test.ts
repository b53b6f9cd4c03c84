import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { SqlLeases } from '../store/sql/content/leases.ts'
import { migrate } from '../store/sql/migrate.ts'
import { migrations } from '../store/sql/migrations/migrations.ts'
import { Database } from '../store/sqlite/database.ts'
import { sqliteSchema } from '../store/sqlite/sqlite-schema.ts'
import { SqliteSql } from '../store/sqlite/sqlite-sql.ts'
import { Lease, type Leases } from './lease.ts'

let folder: string
let database: Database
let clock: VirtualClock
let leases: SqlLeases
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lease-'))
  database = new Database(join(folder, 'node.db'))
  await migrate(sqliteSchema(database), migrations)
  clock = new VirtualClock()
  leases = new SqlLeases({ db: new SqliteSql(database, clock) })
})
afterEach(async () => {
  database.close()
  await rm(folder, { recursive: true })
})

async function begun(holder: string, of: Leases = leases): Promise<Lease> {
  const lease = new Lease({ leases: of, name: 'upkeep', holder, clock })
  await lease.start()
  return lease
}

test('one has it, for as long as he runs; the next one has it when he ends', async () => {
  const [first, second] = [await begun('first'), await begun('second')]
  expect([first.isHeld, second.isHeld]).toEqual([true, false])
  await clock.runUntil(() => second.isHeld, 120_000)
  expect([first.isHeld, second.isHeld]).toEqual([true, false])
  await first.stop()
  expect(first.isHeld).toBe(false)
  expect(await clock.runUntil(() => second.isHeld, 5_000)).toBe(true)
  await second.stop()
  expect(await leases.isHeld('upkeep')).toBe(false)
})

test('who dies without a word loses it after twenty seconds, and who cannot ask does not believe that he has it', async () => {
  let isAway = false
  const cut: Leases = {
    take: async (...asked) => {
      if (isAway) throw new Error('the database is away')
      return leases.take(...asked)
    },
    end: () => Promise.reject(new Error('the database is away')),
  }
  const [first, second] = [await begun('first', cut), await begun('second')]
  isAway = true
  await clock.runUntil(() => second.isHeld, 19_000)
  expect([first.isHeld, second.isHeld]).toEqual([true, false])
  expect(await clock.runUntil(() => second.isHeld, 7_000)).toBe(true)
  expect(first.isHeld).toBe(false)
  isAway = false
  await clock.runUntil(() => first.isHeld, 20_000)
  expect(first.isHeld).toBe(false)
  await Promise.all([first.stop(), second.stop()])
})

test('who comes back under the same name has it at once, and nobody ends what another one has', async () => {
  await begun('the only one')
  expect((await begun('the only one')).isHeld).toBe(true)
  await leases.end('upkeep', 'somebody else')
  expect(await leases.isHeld('upkeep')).toBe(true)
  expect(await leases.isHeld('another right')).toBe(false)
})
