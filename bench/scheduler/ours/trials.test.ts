import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freshDatabase } from '../../../test/servers/postgres-database.ts'
import { runHeat } from '../heat.ts'
import { type Load, noisyNeighbour } from '../load.ts'
import type { Store } from '../rows.ts'
import { damageOf } from './dead-source.ts'
import { storedOf } from './enqueue.ts'
import { openOnPostgres, openOnSqlite } from './entrant.ts'
import { secondsOf } from './lanes.ts'
import { waitsOf } from './newcomers.ts'
import { addCrowd } from './population.ts'
import { sharesOf } from './shares.ts'
import { openStage, type Stage } from './stage.ts'

async function freshGround(store: Store): Promise<{ url: string; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-ours-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  if (store === 'SQLite') return { url: '', folder }
  const database = await freshDatabase()
  onTestFinished(() => database.drop())
  return { url: database.url, folder }
}

async function freshStage(store: Store): Promise<Stage> {
  const stage = await openStage(store, await freshGround(store))
  onTestFinished(() => stage[Symbol.asyncDispose]())
  return stage
}

describe.each(['SQLite', 'PostgreSQL'] as const)('our own side on %s', (store) => {
  test('runs every task of a load once, in its slots', async () => {
    const load: Load = {
      ...noisyNeighbour,
      largeTasks: 300,
      smallUsers: 5,
      smallTasks: 4,
      warmingUp: { users: 2, tasks: 50 },
      endsWith: 'everybody',
    }
    const open = store === 'SQLite' ? openOnSqlite : openOnPostgres
    await using contestant = await open(await freshGround(store))
    const heat = await runHeat(contestant, load)
    expect(heat).toMatchObject({ tasks: 320, repeats: 0, isCut: false })
    expect(heat.mostAtOnce).toBeLessThanOrEqual(32)
    expect(heat.mostAtOnce).toBeGreaterThan(16)
  })

  test('lets newcomers begin beside a user who has all slots', async () => {
    const arrivals = { ahead: 2_000, newcomers: 3, taskMs: 20, warmMs: 500 }
    const waitsMs = await waitsOf(await freshStage(store), arrivals)
    expect(waitsMs).toHaveLength(3)
    expect(Math.max(...waitsMs)).toBeLessThan(2_000)
  })

  test('claims from lanes that were made in bulk', async () => {
    const lanes = { lanes: 2_000, items: 2, warm: 100, claims: 1_000 }
    const stage = await freshStage(store)
    expect(await secondsOf(stage, lanes)).toBeGreaterThan(0)
    const served = await stage.sql.get<{ count: number }>(
      'select count(distinct source_id) as count from item where state = 0',
    )
    // Turn by turn. The lanes begin up to a millisecond and a half of slot time apart, so on a quick machine the first ones
    // have their second turn before the last ones their first.
    expect(served?.count).toBeGreaterThan(400)
  })

  test('stores what listings bring, and begins the first of it', async () => {
    const stored = await storedOf(await freshStage(store), { sources: 2, items: 2_500 })
    expect(stored.begun).toBe(8)
    expect(stored.bytes.most).toBeGreaterThanOrEqual(stored.bytes.before)
  })
})

describe('on SQLite', () => {
  test('users who always have more to do share the slots', async () => {
    const contest = {
      kinds: [
        { users: 4, taskMs: 5, items: 2_000 },
        { users: 4, plan: 'premium', taskMs: 5, items: 4_000 },
      ],
      warmMs: 300,
      spanMs: 1_000,
    } as const
    const shares = await sharesOf(await freshStage('SQLite'), contest)
    expect(shares).toHaveLength(8)
    for (const { slotMs, tasks } of shares) {
      expect(tasks).toBeGreaterThan(0)
      expect(slotMs).toBeGreaterThanOrEqual(tasks * 4)
    }
    const [free, premium] = [shares[0]!, shares[7]!]
    expect(premium.slotMs / free.slotMs).toBeGreaterThan(2)
  })

  test('who runs out of work spoils the comparison', async () => {
    const contest = { kinds: [{ users: 1, taskMs: 0, items: 1 }], warmMs: 50, spanMs: 50 }
    await expect(sharesOf(await freshStage('SQLite'), contest)).rejects.toThrow('nothing left')
  })

  test.each([0, 300])('a source that dies (silent for %i ms) is left alone', async (silentMs) => {
    const death = { taskMs: 20, silentMs, items: 2_000, warmMs: 300, spanMs: 500 }
    const damage = await damageOf(await freshStage('SQLite'), death)
    expect(damage.slots).toBeLessThanOrEqual(4)
    expect(damage.slots).toBeGreaterThan(0)
    expect(damage.restingRate).toBeGreaterThan(0)
    if (silentMs > 0) expect(damage.tripMs).toBeGreaterThan(silentMs)
  })
})

test('crowds follow each other, and owe what they are told to', async () => {
  const { sql } = await freshStage('SQLite')
  expect(await addCrowd(sql, { users: 2, items: 3 })).toBe(1)
  expect(await addCrowd(sql, { users: 3, plan: 'premium', items: 1 })).toBe(3)
  const rows = await sql.all<{ id: number; weight: number; seq: number; owed: number }>(
    `select source.id, owner.weight, source.seq,
       (select count(*) from item where source_id = source.id and state = 1) as owed
     from source join owner on owner.id = source.owner_id order by source.id`,
  )
  const free = { weight: 1, seq: 3, owed: 3 }
  const premium = { weight: 3, seq: 1, owed: 1 }
  expect(rows).toEqual([
    { id: 1, ...free },
    { id: 2, ...free },
    { id: 3, ...premium },
    { id: 4, ...premium },
    { id: 5, ...premium },
  ])
})
