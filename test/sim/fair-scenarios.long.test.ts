import { afterEach, describe, expect, it } from 'vitest'
import type { MemoryDriveParts } from '../../src/drives/memory/memory-drive.ts'
import type { Plan } from '../../src/engine/policy.ts'
import type { Claim } from '../../src/engine/task.ts'
import { wholeFileHandler, World, type WorldParts } from './world.ts'

/** What this system does better than the one before it: shares by time, classes, windows, pause and drain. */
const second = 1_000
const minute = 60 * second

const worlds: World[] = []
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop()
})

/** Slots that are taken, and the time that each owner has had them. */
class Ledger {
  readonly #clock: () => number
  readonly #since = new Map<number, { readonly owner: number; readonly atMs: number }>()
  readonly #used = new Map<number, number>()

  constructor(clock: () => number) {
    this.#clock = clock
  }

  claimed(claim: Claim): void {
    if (claim.pool !== 'read') return
    this.#since.set(claim.fence, { owner: claim.ownerId, atMs: this.#clock() })
  }

  ended({ fence }: Claim): void {
    const held = this.#since.get(fence)
    if (held === undefined) return
    this.#since.delete(fence)
    this.#used.set(held.owner, this.used(held.owner) + this.#clock() - held.atMs)
  }

  /** Slot time of an owner, of tasks that have ended. */
  used(owner: number): number {
    return this.#used.get(owner) ?? 0
  }

  /** Slots that an owner has now. */
  running(owner: number): number {
    return [...this.#since.values()].filter((held) => held.owner === owner).length
  }
}

interface Measured {
  readonly world: World
  readonly ledger: Ledger
}

function measured(parts: WorldParts = {}): Measured {
  let world: World | null = null
  const ledger = new Ledger(() => world?.clock.elapsed() ?? 0)
  world = new World({
    ...parts,
    observer: {
      claimed: (claim) => ledger.claimed(claim),
      ended: (claim) => ledger.ended(claim),
    },
  })
  worlds.push(world)
  return { world, ledger }
}

interface User {
  readonly owner: number
  readonly source: number
}

async function userOf(
  world: World,
  name: string,
  files: number,
  { plan = 'free', ...drive }: { readonly plan?: Plan } & Partial<MemoryDriveParts> = {},
): Promise<User> {
  const owner = await world.addOwner(name, plan)
  return { owner, source: await world.addDrive(owner, files, drive) }
}

/** Jain's index of fairness: 1 when all have the same, 1/n when one has everything. */
function jain(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0)
  return sum ** 2 / (shares.length * shares.reduce((a, b) => a + b ** 2, 0))
}

describe('cost by time', () => {
  it('neither 10 nor 100 times slower files buy a larger share', async () => {
    const { world, ledger } = measured({ policy: { slots: { list: 3, read: 6 } } })
    const users: User[] = []
    for (const ms of [100, second, 10 * second]) {
      const user = await userOf(world, `u${ms}`, 6_000)
      world.drive(user.source).inject({ on: 'open', does: 'slow', ms })
      users.push(user)
    }
    await world.engine.start()
    await world.pass(5 * minute)
    expect(jain(users.map(({ owner }) => ledger.used(owner)))).toBeGreaterThanOrEqual(0.98)
  })

  it('nor do files that hang for ever, though nothing of them ever ends', async () => {
    const { world, ledger } = measured({
      policy: { slots: { list: 2, read: 8 }, maxFailures: 1_000 },
    })
    const stuck = await userOf(world, 'stuck', 500)
    const lift = world.drive(stuck.source).inject({ on: 'open', does: 'hang' })
    const well = await userOf(world, 'well', 8_000)
    world.drive(well.source).inject({ on: 'open', does: 'slow', ms: second })
    await world.engine.start()
    await world.pass(20 * minute)
    lift()
    // Half of eight slots for twenty minutes is the share of each.
    expect(ledger.used(stuck.owner)).toBeLessThanOrEqual(4 * 20 * minute)
    expect(ledger.used(well.owner)).toBeGreaterThanOrEqual(0.95 * 4 * 20 * minute)
  })

  it('three times the plan is three times the time, whatever the files take', async () => {
    const { world, ledger } = measured({ policy: { slots: { list: 2, read: 4 } } })
    const free = await userOf(world, 'free', 1_000)
    const premium = await userOf(world, 'premium', 5_000, { plan: 'premium' })
    world.drive(free.source).inject({ on: 'open', does: 'slow', ms: 1_500 })
    world.drive(premium.source).inject({ on: 'open', does: 'slow', ms: 300 })
    await world.engine.start()
    await world.pass(5 * minute)
    const ratio = ledger.used(premium.owner) / ledger.used(free.owner)
    expect(ratio).toBeGreaterThan(2.9)
    expect(ratio).toBeLessThan(3.1)
  })
})

describe('classes', () => {
  it('a person who waits is listed before every sync that is queued', async () => {
    const { world } = measured({ policy: { slots: { list: 1, read: 4 } } })
    const sync = await userOf(world, 'sync', 210)
    const person = await userOf(world, 'person', 1)
    await world.engine.start()
    await world.settle()
    for (const { source } of [sync, person]) {
      world.drive(source).inject({ on: 'list', does: 'slow', ms: second })
    }
    await world.registry.ask(sync.source, true)
    await world.pass(2_500)
    const before = world.claims.length
    await world.registry.ask(person.source, false)
    await world.pass(2 * second)
    const next = world.claims.slice(before).find(({ pool }) => pool === 'list')
    expect(next?.ownerId).toBe(person.owner)
  })

  it('syncs have every eighth slot at least, however many people wait', async () => {
    const { world } = measured({
      policy: { charge: 'tasks', slots: { list: 1, read: 4 } },
    })
    const sync = await userOf(world, 'sync', 70)
    const crowd: User[] = []
    for (let n = 0; n < 80; n++) crowd.push(await userOf(world, `person${n}`, 0))
    await world.engine.start()
    await world.settle()
    const slow = { on: 'list', does: 'slow', ms: second } as const
    for (const { source } of [sync, ...crowd]) world.drive(source).inject(slow)
    await world.registry.ask(sync.source, true)
    // The first step of what a person asks for comes first; from now on it is a sync like any other.
    await world.pass(1_500)
    const before = world.claims.length
    for (const { source } of crowd) await world.registry.ask(source, true)
    await world.pass(65 * second)
    const owners = world.claims.slice(before).map(({ ownerId }) => ownerId)
    const served = owners.flatMap((owner, at) => (owner === sync.owner ? at : []))
    // The first of its seven folders was being listed already.
    expect(served).toHaveLength(6)
    expect(served.slice(1).map((at, n) => at - served[n]!)).toEqual([8, 8, 8, 8, 8])
  })
})

describe('windows', () => {
  it('a source starts with four files at once and comes to thirty-two when it is quick', async () => {
    const { world, ledger } = measured()
    const user = await userOf(world, 'anna', 2_000)
    world.drive(user.source).inject({ on: 'open', does: 'slow', ms: 100 })
    await world.engine.start()
    await world.pass(50)
    expect(ledger.running(user.owner)).toBe(4)
    await world.pass(5 * second)
    expect(ledger.running(user.owner)).toBe(32)
  })

  it('a source that says it is too much has half as many', async () => {
    const { world, ledger } = measured({ policy: { maxFailures: 1_000 } })
    const user = await userOf(world, 'anna', 4_000)
    const drive = world.drive(user.source)
    drive.inject({ on: 'open', does: 'slow', ms: 100 })
    await world.engine.start()
    await world.pass(5 * second)
    expect(ledger.running(user.owner)).toBe(32)
    drive.inject({ on: 'open', does: 'fail', code: 'unavailable', times: 8 })
    let least = 32
    for (let n = 0; n < 50; n++) {
      await world.pass(10)
      least = Math.min(least, ledger.running(user.owner))
    }
    expect(least).toBeLessThanOrEqual(16)
    expect(least).toBeGreaterThan(0)
    // Success widens it again.
    await world.pass(2 * second)
    expect(ledger.running(user.owner)).toBe(32)
  })

  it('a NAS that is dead from the beginning never has more than four slots', async () => {
    const { world, ledger } = measured()
    const dead = await userOf(world, 'dead', 2_000)
    world.drive(dead.source).inject({ on: 'open', does: 'hang' })
    await world.engine.start()
    let most = 0
    for (let n = 0; n < 60; n++) {
      await world.pass(10 * second)
      most = Math.max(most, ledger.running(dead.owner))
    }
    expect(most).toBe(4)
  })
})

describe('a user with many sources', () => {
  it('has one share, which they have in equal parts', async () => {
    const { world, ledger } = measured({ policy: { slots: { list: 12, read: 10 } } })
    const many = await world.addOwner('many')
    const sources: number[] = []
    for (let n = 0; n < 10; n++) sources.push(await world.addDrive(many, 300))
    const one = await userOf(world, 'one', 3_000)
    for (const source of [...sources, one.source]) {
      world.drive(source).inject({ on: 'open', does: 'slow', ms: 500 })
    }
    await world.engine.start()
    await world.pass(2 * minute)
    expect(jain([ledger.used(many), ledger.used(one.owner)])).toBeGreaterThanOrEqual(0.999)
    const opens = sources.map((source) => world.drive(source).counts.opens)
    expect(jain(opens)).toBeGreaterThanOrEqual(0.999)
  })

  it('one of which is dead reads the others at its full share', async () => {
    const { world, ledger } = measured({ policy: { slots: { list: 4, read: 8 } } })
    const many = await world.addOwner('many')
    const dead = await world.addDrive(many, 1_000)
    world.drive(dead).inject({ on: 'open', does: 'fail', code: 'unreachable' })
    const healthy = await world.addDrive(many, 3_000)
    const one = await userOf(world, 'one', 3_000)
    for (const source of [healthy, one.source]) {
      world.drive(source).inject({ on: 'open', does: 'slow', ms: 500 })
    }
    await world.engine.start()
    await world.pass(3 * minute)
    expect(jain([ledger.used(many), ledger.used(one.owner)])).toBeGreaterThanOrEqual(0.99)
  })
})

describe('pause and drain', () => {
  it('a source that is paused begins nothing more, and goes on where it was', async () => {
    const { world, ledger } = measured()
    const user = await userOf(world, 'anna', 400)
    const drive = world.drive(user.source)
    drive.inject({ on: 'open', does: 'slow', ms: 500 })
    await world.engine.start()
    await world.pass(3 * second)
    await world.registry.setPaused(user.source, true)
    const { opens } = drive.counts
    await world.pass(10 * minute)
    // What runs runs to its end.
    expect(drive.counts.opens).toBe(opens)
    expect(ledger.running(user.owner)).toBe(0)
    const had = Object.keys(await world.shown.of(user.source)).length
    expect(had).toBe(opens)
    expect((await world.status(user.source)).state).toBe('paused')
    await world.registry.setPaused(user.source, false)
    await world.settle()
    expect(Object.keys(await world.shown.of(user.source))).toHaveLength(400)
    expect(drive.counts.opens).toBe(400)
  })

  it('a process that drains ends what it has begun, begins nothing more, and blames nobody', async () => {
    const { world, ledger } = measured({
      handler: {
        ...wholeFileHandler,
        read: async (item, known, source, signal) => {
          // Some would take longer than anybody waits.
          if (item.key.endsWith('7')) await world.clock.sleep(30 * second, signal)
          return wholeFileHandler.read(item, known, source, signal)
        },
      },
    })
    const user = await userOf(world, 'anna', 100)
    const drive = world.drive(user.source)
    drive.inject({ on: 'open', does: 'slow', ms: 500 })
    await world.engine.start()
    await world.pass(1_200)
    expect(ledger.running(user.owner)).toBeGreaterThan(0)
    const claimed = world.claims.length
    let isStopped = false
    const startedMs = world.clock.elapsed()
    void world.engine.stop(5 * second).then(() => (isStopped = true))
    await world.clock.runUntil(() => isStopped, minute)
    expect(world.clock.elapsed() - startedMs).toBeLessThanOrEqual(6 * second)
    expect(world.claims).toHaveLength(claimed)
    expect(world.db.prepare('select 1 from slot where fence is not null').get()).toBeUndefined()
    expect(world.db.prepare(`select 1 from task where kind = 'read'`).get()).toBeUndefined()
    await world.restart()
    await world.settle()
    expect(Object.keys(await world.shown.of(user.source))).toHaveLength(100)
    expect(await world.shown.writes(user.source)).toBe(100)
  })
})
