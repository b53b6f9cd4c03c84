import { afterEach, describe, expect, it } from 'vitest'
import type { FailedTask } from '../../src/engine/operations.ts'
import { failedOf } from '../../src/store/sql/work-status.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { faultsIn } from '../contract/bench.ts'
import { World, type WorldParts } from './world.ts'

/** What nobody expects, and what must come of it. */
const minute = 60_000
const hour = 60 * minute

const worlds: World[] = []
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop()
})

async function worldWith(
  files: number,
  parts: WorldParts = {},
): Promise<{ readonly world: World; readonly source: number }> {
  const world = new World(parts)
  worlds.push(world)
  const source = await world.addDrive(await world.addOwner('anna'), files)
  return { world, source }
}

/** What an operator is shown of tasks that failed. */
async function failedIn(world: World): Promise<readonly FailedTask[]> {
  const query = { ownerId: null, sourceId: null, isAll: false, limit: 10, after: 0 }
  return failedOf(new SqliteSql(world.db, world.clock), query)
}

/** A row as another version might have left it, in a pool of ours. */
function leave(
  world: World,
  pool: string,
  task: { readonly kind: string; readonly step: string | null; readonly isOfRound: boolean },
): void {
  world.db
    .prepare(
      `insert into task (queue_id, source_id, kind, state, step, round_id)
       select queue.id, queue.source_id, ?, 0, ?, case when ? = 1 then (select max(id) from round) end
       from queue join lane on lane.id = queue.lane_id where lane.pool = ? limit 1`,
    )
    .run(task.kind, task.step, Number(task.isOfRound), pool)
  world.db.prepare('insert into stirred (source_id) select id from source').run()
}

describe('a task of a kind that nobody handles', () => {
  for (const pool of ['list', 'read']) {
    it(`is parked and shown, while all else goes on (${pool})`, async () => {
      const { world, source } = await worldWith(20)
      await world.engine.start()
      await world.settle()
      leave(world, pool, { kind: 'classify', step: '{"mood":2}', isOfRound: false })
      world.drive(source).put('new', Buffer.from('new'))
      await world.sync(source)
      expect(Object.keys(await world.shown.of(source))).toHaveLength(21)
      expect(await failedIn(world)).toMatchObject([
        {
          kind: 'classify',
          code: 'unknown-kind',
          message: 'This version does not know how to do a task "classify".',
          nextMs: null,
        },
      ])
      expect(faultsIn(world.db)).toEqual([])
      const claims = world.claims.length
      await world.pass(10 * minute)
      expect(world.claims).toHaveLength(claims)
    })
  }

  it('F12 that belongs to a round makes it unclean and does not hold it open', async () => {
    const { world, source } = await worldWith(20)
    const lift = world.drive(source).inject({ on: 'list', does: 'slow', ms: 10_000 })
    await world.engine.start()
    await world.pass(2_000)
    leave(world, 'list', { kind: 'peek', step: null, isOfRound: true })
    lift()
    world.engine.wake()
    await world.settle()
    expect(await world.status(source)).toMatchObject({
      state: 'waiting',
      lastRound: { outcome: 'unclean', reason: { code: 'unknown-kind' } },
    })
    expect(Object.keys(await world.shown.of(source))).toHaveLength(20)
    // The next round does without it.
    await world.sync(source)
    expect((await world.status(source)).lastRound?.outcome).toBe('clean')
    expect(await failedIn(world)).toEqual([])
  })
})

it('a task whose contents are of a newer version is left as it is, and shown', async () => {
  const { world } = await worldWith(3)
  await world.engine.start()
  await world.settle()
  leave(world, 'list', { kind: 'settle', step: '{"behind":"f2"}', isOfRound: false })
  await world.settle()
  expect(await failedIn(world)).toMatchObject([{ kind: 'settle', code: 'unknown-kind' }])
  const row = world.db.prepare(`select step from task where kind = 'settle'`).get()
  expect(row).toEqual({ step: '{"behind":"f2"}' })
})

it('settings of a source that a newer version wrote are left as they are', async () => {
  const { world, source } = await worldWith(3)
  const settings = '{"user":"anna","depth":{"most":4}}'
  world.db.prepare('update source set settings = ?').run(settings)
  await world.engine.start()
  await world.registry.setIntervalMs(source, hour)
  await world.registry.setPassword(source, 'another')
  await world.settle()
  expect(world.db.prepare('select settings from source').get()).toEqual({ settings })
  expect(Object.keys(await world.shown.of(source))).toHaveLength(3)
})

describe('a clock that is set', () => {
  for (const byMs of [-hour, hour]) {
    it(`${byMs / hour} hour in mid-sync loses nothing, repeats nothing and holds nobody up`, async () => {
      const { world, source } = await worldWith(200)
      const drive = world.drive(source)
      drive.inject({ on: 'open', does: 'slow', ms: 500 })
      await world.engine.start()
      await world.pass(3_000)
      expect(Object.keys(await world.shown.of(source)).length).toBeLessThan(200)
      world.clock.setWall(byMs)
      await world.settle(5 * minute)
      expect(Object.keys(await world.shown.of(source))).toHaveLength(200)
      // Forwards, the leases of what runs have passed: these few are read once more.
      expect(drive.counts.opens).toBeLessThanOrEqual(byMs < 0 ? 200 : 232)
      expect(await world.shown.writes(source)).toBe(200)
      expect(await world.registry.troubles(source, 9)).toEqual([])
      // The next round comes after its interval, not an hour later.
      const { lists } = drive.counts
      await world.pass(20 * minute)
      expect(drive.counts.lists).toBeGreaterThan(lists)
    })
  }
})

it('a process with other slot settings takes over what the one before it left, with slots of its own', async () => {
  for (const [before, after] of [
    [8, 2],
    [2, 8],
  ] as const) {
    const { world, source } = await worldWith(60, {
      policy: { slots: { list: 4, read: before }, windowStart: 32 },
    })
    world.drive(source).inject({ on: 'open', does: 'slow', ms: 1_000 })
    await world.engine.start()
    await world.pass(1_500)
    expect(world.engine.running).toBe(before)
    await world.restart({ slots: { list: 1, read: after } })
    await world.pass(500)
    expect(world.engine.running).toBe(after)
    await world.settle()
    expect(Object.keys(await world.shown.of(source))).toHaveLength(60)
    expect(await world.shown.writes(source)).toBe(60)
    expect(await world.registry.troubles(source, 9)).toEqual([])
    expect(faultsIn(world.db)).toEqual([])
  }
})
