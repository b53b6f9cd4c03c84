import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { SyncError } from '../../src/base/errors.ts'
import type { MemoryDriveParts } from '../../src/drives/memory/memory-drive.ts'
import type { Plan } from '../../src/engine/policy.ts'
import type { Claim, Result } from '../../src/engine/task.ts'
import { wholeFileHandler, World, type WorldParts } from './world.ts'

// Ten thousand files take their time where others work on the same machine.
vi.setConfig({ testTimeout: 120_000 })

const minute = 60_000
const hour = 60 * minute

const folder = mkdtempSync(join(tmpdir(), 'roundelay-scenarios-'))
const fileOf = (name: string): string => join(folder, `${name}.db`)
afterAll(() => rmSync(folder, { recursive: true }))

const worlds: World[] = []
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop()
})

function worldOf(parts: WorldParts = {}): World {
  const world = new World(parts)
  worlds.push(world)
  return world
}

/** An owner with one drive of so many files. */
async function userOf(
  world: World,
  name: string,
  files: number,
  more: { readonly plan?: Plan; readonly drive?: Partial<MemoryDriveParts> } = {},
): Promise<number> {
  return world.addDrive(await world.addOwner(name, more.plan), files, more.drive)
}

function count(world: World, source: number): number {
  const row = world.db
    .prepare<{ n: number }>('select count(*) as n from shown where source_id = ? and is_gone = 0')
    .get(source)
  return row?.n ?? 0
}

/** Time until a source shows so many files. */
async function timeUntil(world: World, source: number, files: number): Promise<number> {
  const startMs = world.clock.elapsed()
  await world.clock.runUntil(() => count(world, source) >= files, 24 * hour)
  expect(count(world, source)).toBeGreaterThanOrEqual(files)
  return world.clock.elapsed() - startMs
}

describe('the turns', () => {
  it('serve Anna, Bob and premium Charlie with two slots as A B C C C A B C C C', async () => {
    const world = worldOf({ policy: { charge: 'tasks', slots: { list: 3, read: 2 } } })
    for (const [name, plan] of [
      ['A', 'free'],
      ['B', 'free'],
      ['C', 'premium'],
    ] as const) {
      const source = await userOf(world, name, 20, { plan })
      world.drive(source).inject({ on: 'open', does: 'slow', ms: 100 })
      world.drive(source).inject({ on: 'list', does: 'slow', ms: 10 })
    }
    await world.engine.start()
    await world.settle()
    const order = world.turns.join('')
    // All three are listed by the time of the third turn; from then on it is the exact round.
    expect(order).toContain('ABCCCABCCCABCCCABCCC')
    expect(order.replaceAll(/[^C]/g, '')).toHaveLength(20)
  })

  it('give every slot to one user who is alone', async () => {
    const world = worldOf({ policy: { slots: { list: 8, read: 32 } } })
    const source = await userOf(world, 'anna', 2_000)
    world.drive(source).inject({ on: 'open', does: 'slow', ms: 500 })
    let most = 0
    await world.engine.start()
    await world.clock.runUntil(() => {
      most = Math.max(most, world.engine.running)
      return count(world, source) >= 2_000
    }, hour)
    expect(most).toBeGreaterThanOrEqual(32)
  })

  it('let a newcomer in at once, however many are queued before him', async () => {
    const world = worldOf({ policy: { slots: { list: 8, read: 4 } } })
    const busy = await userOf(world, 'busy', 10_000)
    world.drive(busy).inject({ on: 'open', does: 'slow', ms: 1_000 })
    await world.engine.start()
    await world.pass(5 * minute)
    expect((await world.status(busy)).counts.waiting).toBeGreaterThan(5_000)
    const before = world.turns.length
    const newcomer = await userOf(world, 'newcomer', 10)
    world.drive(newcomer).inject({ on: 'open', does: 'slow', ms: 1_000 })
    await timeUntil(world, newcomer, 10)
    const turns = world.turns.slice(before)
    // His first file is read when the next slot or two are free; all ten in about every second one.
    expect(turns.indexOf('newcomer')).toBeLessThanOrEqual(8)
    expect(turns.length).toBeLessThanOrEqual(40)
  })

  it('follow another plan at once, for a backlog, too', async () => {
    const world = worldOf({ policy: { charge: 'tasks', slots: { list: 4, read: 2 } } })
    const anna = await userOf(world, 'A', 400)
    const bob = await userOf(world, 'B', 400)
    for (const id of [anna, bob]) world.drive(id).inject({ on: 'open', does: 'slow', ms: 100 })
    await world.engine.start()
    await world.pass(5_000)
    const owner = await world.registry.owner('B')
    await world.registry.setPlan(owner?.id ?? 0, 'premium')
    const before = world.turns.length
    await world.pass(4_000)
    const turns = world.turns.slice(before).join('')
    expect(turns).toContain('ABBBABBBABBB')
  })
})

describe('a listing', () => {
  it('never waits for a slower one', async () => {
    const world = worldOf({ policy: { slots: { list: 2, read: 4 } } })
    const slow = await userOf(world, 'slow', 200, { drive: { batchSize: 10 } })
    world.drive(slow).inject({ on: 'list', does: 'slow', ms: 100_000 })
    await world.engine.start()
    await world.pass(minute)
    const fast = await userOf(world, 'fast', 200)
    expect(await timeUntil(world, fast, 200)).toBeLessThan(2_000)
    expect(count(world, slow)).toBe(0)
    await timeUntil(world, slow, 200)
  })

  it('begins to be read before it has ended', async () => {
    const world = worldOf()
    const source = await userOf(world, 'anna', 70)
    world.drive(source).inject({ on: 'list', at: 'd6', does: 'slow', ms: 100_000 })
    await world.engine.start()
    await world.pass(minute)
    expect(count(world, source)).toBe(60)
    expect((await world.status(source)).state).toBe('listing')
  })

  it('may take longer than a lease as long as it goes on finding things', async () => {
    const world = worldOf()
    const source = await userOf(world, 'anna', 70, { drive: { batchSize: 2 } })
    const drive = world.drive(source)
    const list = drive.list.bind(drive)
    drive.list = async function* (step, signal) {
      for await (const batch of list(step, signal)) {
        yield batch
        await world.clock.sleep(100_000)
      }
    }
    await world.engine.start()
    await world.settle()
    expect(count(world, source)).toBe(70)
    // The root and seven folders, each listed once.
    expect(drive.counts.lists).toBe(8)
  })

  it('does not lose a folder that moves, while it is walked, from where it was not yet to where it was already', async () => {
    for (const hasIds of [true, false]) {
      const world = worldOf()
      const source = await userOf(world, 'anna', 0, { drive: { hasIds } })
      const drive = world.drive(source)
      for (let n = 0; n < 10; n++) {
        drive.put(`a/here/${n}`, Buffer.from(`here ${n}`))
        drive.put(`z/moving/${n}`, Buffer.from(`moving ${n}`))
      }
      drive.put('z/stays', Buffer.from('stays'))
      await world.engine.start()
      await world.settle()
      drive.inject({ on: 'list', at: 'z', does: 'slow', ms: 30_000, times: 1 })
      await world.registry.ask(source, false)
      await world.pass(10_000)
      for (let n = 0; n < 10; n++) drive.move(`z/moving/${n}`, `a/moved/${n}`)
      await world.pass(3 * minute)
      const shown = await world.shown.of(source)
      expect(Object.keys(shown)).toHaveLength(21)
      expect(shown['a/moved/3']).toBe('moving 3')
    }
  })
})

describe('slots', () => {
  it('of a stuck task come back at the deadline, and its late result is refused', async () => {
    const refused: { claim: Claim; result: Result }[] = []
    const stuckMs = 10 * minute
    const world: World = worldOf({
      policy: { slots: { list: 2, read: 1 } },
      handler: {
        ...wholeFileHandler,
        read: async (item, known, source, signal) => {
          const effect = await wholeFileHandler.read(item, known, source, signal)
          // Hears no signal at all.
          if (item.ownerId === 1) await world.clock.sleep(stuckMs)
          return effect
        },
      },
      observer: {
        ended: (claim, result, isHeld) => {
          if (!isHeld) refused.push({ claim, result })
        },
      },
    })
    const stuck = await userOf(world, 'anna', 1)
    await world.engine.start()
    await world.pass(1_000)
    const other = await userOf(world, 'bob', 20)
    await world.pass(minute)
    expect(count(world, other)).toBe(0)
    await world.pass(minute)
    expect(count(world, other)).toBeGreaterThan(0)
    await world.pass(2 * hour)
    expect(count(world, other)).toBe(20)
    expect(refused.length).toBeGreaterThanOrEqual(3)
    expect(refused.every(({ result }) => result.type === 'applied')).toBe(true)
    // Three times it did not end: it is parked, and shown to a person.
    expect(count(world, stuck)).toBe(0)
    const [trouble] = await world.registry.troubles(stuck, 9)
    expect(trouble).toMatchObject({ path: 'd0/f0', state: 'failed', code: 'lease-lost' })
  })

  it('are all there again after a process was killed with all of them taken', async () => {
    const world = worldOf({ path: fileOf('killed'), policy: { slots: { list: 2, read: 4 } } })
    const source = await userOf(world, 'anna', 40)
    const lift = world.drive(source).inject({ on: 'open', does: 'hang' })
    await world.engine.start()
    await world.pass(1_000)
    expect(world.engine.running).toBe(4)
    lift()
    await world.restart()
    expect(await timeUntil(world, source, 40)).toBeLessThan(1_000)
  })
})

describe('a NAS that is switched off in mid-sync', () => {
  it('costs others nothing, loses nothing, and comes back by itself', async () => {
    const alone = worldOf()
    const lone = await userOf(alone, 'bob', 300)
    alone.drive(lone).inject({ on: 'open', does: 'slow', ms: 200 })
    await alone.engine.start()
    const usualMs = await timeUntil(alone, lone, 300)

    const world = worldOf()
    const nas = await userOf(world, 'anna', 600)
    world.drive(nas).inject({ on: 'open', does: 'slow', ms: 200 })
    const bob = await userOf(world, 'bob', 300)
    world.drive(bob).inject({ on: 'open', does: 'slow', ms: 200 })
    await world.engine.start()
    await world.pass(2_000)
    const switchOn = world.drive(nas).inject({ on: 'any', does: 'hang' })
    await world.pass(500)
    const had = count(world, nas)
    expect(had).toBeGreaterThan(10)
    // What hangs holds its slots for one lease at most: Bob has his half in the meantime.
    expect(await timeUntil(world, bob, 300)).toBeLessThan(4 * usualMs)
    await world.pass(6 * hour)
    expect(count(world, nas)).toBe(had)
    expect((await world.status(nas)).state).toBe('resting')
    const { lists, opens, checks } = world.drive(nas).counts
    await world.pass(6 * hour)
    // A resting source is asked by its check, every half an hour, and by nothing else.
    expect(world.drive(nas).counts).toMatchObject({ lists, opens })
    expect(world.drive(nas).counts.checks - checks).toBeLessThanOrEqual(20)
    switchOn()
    await timeUntil(world, nas, 600)
    expect(await world.registry.troubles(nas, 9)).toEqual([])
  })

  it('stands still no longer than until somebody asks for it', async () => {
    const world = worldOf()
    const nas = await userOf(world, 'anna', 30)
    const switchOn = world.drive(nas).inject({ on: 'any', does: 'fail', code: 'unreachable' })
    await world.engine.start()
    await world.pass(12 * hour)
    switchOn()
    await world.registry.ask(nas, false)
    expect(await timeUntil(world, nas, 30)).toBeLessThan(1_000)
  })

  it('whose password was changed waits for a person, who wakes it', async () => {
    const world = worldOf()
    const nas = await userOf(world, 'anna', 30)
    const repair = world.drive(nas).inject({ on: 'any', does: 'fail', code: 'auth' })
    await world.engine.start()
    await world.pass(minute)
    expect(await world.status(nas)).toMatchObject({ state: 'stopped', lastError: { code: 'auth' } })
    const before = { ...world.drive(nas).counts }
    await world.pass(48 * hour)
    expect(world.drive(nas).counts).toEqual(before)
    repair()
    await world.registry.ask(nas, false)
    await timeUntil(world, nas, 30)
  })
})

describe('failures', () => {
  it('one file that always fails in a healthy source is parked, while the source goes on', async () => {
    const world = worldOf()
    const source = await userOf(world, 'anna', 200)
    world.drive(source).inject({ on: 'open', at: 'd0/f0', does: 'fail', code: 'timeout' })
    await world.engine.start()
    await timeUntil(world, source, 199)
    await world.pass(2 * hour)
    expect(await world.status(source)).toMatchObject({
      state: 'waiting',
      counts: { failed: 1, done: 199 },
    })
    const [trouble] = await world.registry.troubles(source, 9)
    expect(trouble).toMatchObject({ path: 'd0/f0', code: 'timeout' })
  })

  it('a wish to be left alone is respected to the second', async () => {
    const world = worldOf()
    const source = await userOf(world, 'anna', 100)
    await world.engine.start()
    world.drive(source).inject({
      on: 'open',
      does: 'fail',
      code: 'rate-limited',
      retryAfterMs: 10 * minute,
      times: 1,
    })
    await world.pass(1_000)
    const opens = world.drive(source).counts.opens
    await world.pass(10 * minute - 2_000)
    expect(world.drive(source).counts.opens).toBe(opens)
    await world.pass(minute)
    expect(count(world, source)).toBe(100)
  })

  it('a full disk loses nothing: turns are refused for a while, and taken again', async () => {
    const world = worldOf()
    const source = await userOf(world, 'anna', 300)
    world.drive(source).inject({ on: 'open', does: 'slow', ms: 500 })
    await world.engine.start()
    await world.pass(3_000)
    const had = count(world, source)
    expect(had).toBeGreaterThan(0)
    world.db.isFull = true
    await world.pass(hour)
    expect(count(world, source)).toBe(had)
    world.db.isFull = false
    await timeUntil(world, source, 300)
    expect(await world.registry.troubles(source, 9)).toEqual([])
  })

  it('a loop that is dead is noticed', async () => {
    const world = worldOf({ path: fileOf('dead') })
    const source = await userOf(world, 'anna', 30)
    await world.engine.start()
    await world.settle()
    world.freeze()
    await world.registry.ask(source, false)
    await world.pass(9 * minute)
    expect(await world.store.stalls()).toEqual([])
    await world.pass(2 * minute)
    expect((await world.store.stalls()).map(({ sourceId }) => sourceId)).toEqual([source])
    await world.restart()
    await world.settle()
    expect(await world.store.stalls()).toEqual([])
  })

  it('a source that fails to open at all is an error of its own', async () => {
    const world = worldOf()
    const owner = await world.addOwner('anna')
    const source = await world.addSource(owner)
    await world.engine.start()
    await world.pass(minute)
    const { lastError, state } = await world.status(source)
    expect({ state, code: lastError?.code }).toEqual({ state: 'stopped', code: 'bad-address' })
    expect(new SyncError('bad-address', '').remedy).toBe('stop')
  })
})

describe('an empty root where many files were', () => {
  const files = 10_000

  it('once: nothing is hidden, and when the files are back the brake is off', async () => {
    const world = worldOf()
    const source = await userOf(world, 'anna', files)
    await world.engine.start()
    await world.settle()
    expect(count(world, source)).toBe(files)
    world.drive(source).inject({ on: 'list', at: '', does: 'empty', times: 1 })
    const { stats } = world.drive(source).counts
    await world.sync(source)
    expect(await world.status(source)).toMatchObject({
      withheld: files,
      lastRound: { outcome: 'withheld' },
    })
    expect(count(world, source)).toBe(files)
    await world.pass(20 * minute)
    expect(await world.status(source)).toMatchObject({
      withheld: 0,
      lastRound: { outcome: 'clean' },
    })
    expect(world.drive(source).counts.stats).toBe(stats)
    expect(world.drive(source).counts.opens).toBe(files)
  })

  it('for ever: nothing is hidden by itself, and all of it when a person confirms', async () => {
    const world = worldOf()
    const source = await userOf(world, 'anna', files)
    await world.engine.start()
    await world.settle()
    const drive = world.drive(source)
    for (let n = 0; n < files; n++) drive.remove(`d${n % 7}/f${n}`)
    await world.pass(6 * hour)
    expect(count(world, source)).toBe(files)
    expect(await world.registry.confirmDeletions(source)).toBe(files)
    await world.settle()
    expect(count(world, source)).toBe(0)
    expect(await world.status(source)).toMatchObject({
      withheld: 0,
      lastRound: { outcome: 'clean' },
    })
  })
})
