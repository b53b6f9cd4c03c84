import { afterEach, describe, expect, it } from 'vitest'
import { MemoryDrive } from '../../src/drives/memory/memory-drive.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { Plan } from '../../src/engine/policy.ts'
import { SqlOperations } from '../../src/store/sql/operations.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { applied, Bench, sqliteSubject } from '../contract/bench.ts'
import { ShownFiles } from './shown-files.ts'
import { VirtualClock } from './virtual-clock.ts'
import { wholeFileHandler, World, type WorldParts } from './world.ts'

/**
 * What the first system of this kind was to do, and what happened to it, where scenarios.test.ts has not said it yet:
 * whose turn it is to the letter, a million users, results that come too late, and the hours when everybody was asleep.
 */
const minute = 60_000
const hour = 60 * minute

const worlds: World[] = []
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop()
})

function worldOf(parts: WorldParts = {}): World {
  const world = new World(parts)
  worlds.push(world)
  return world
}

async function userOf(
  world: World,
  name: string,
  files: number,
  plan: Plan = 'free',
): Promise<number> {
  return world.addDrive(await world.addOwner(name, plan), files)
}

async function count(world: World, source: number): Promise<number> {
  return Object.keys(await world.shown.of(source)).length
}

describe('round robin', () => {
  it("gives Anna's first file the first slot, Bob's the second, Charlie's the next that is free, and then it is Anna's turn again", async () => {
    const world = worldOf({ policy: { charge: 'tasks', slots: { list: 3, read: 2 } } })
    for (const name of ['A', 'B', 'C']) {
      const source = await userOf(world, name, 10)
      world.drive(source).inject({ on: 'open', does: 'slow', ms: 100 })
    }
    await world.engine.start()
    await world.settle()
    const order = world.turns.join('')
    // All three are listed by the time of the third turn; from then on it is the exact round.
    expect(order).toMatch(/^[ABC]{0,6}(?:ABC){8}/)
    for (const name of 'ABC') expect(order.replaceAll(name, '')).toHaveLength(20)
  })

  it('lets a newcomer wait for one turn of the others at most', async () => {
    const world = worldOf({ policy: { charge: 'tasks', slots: { list: 8, read: 1 } } })
    for (const name of ['A', 'B', 'C', 'D']) {
      const source = await userOf(world, name, 200)
      world.drive(source).inject({ on: 'open', does: 'slow', ms: 1_000 })
    }
    const premium = await userOf(world, 'P', 200, 'premium')
    world.drive(premium).inject({ on: 'open', does: 'slow', ms: 1_000 })
    await world.engine.start()
    await world.pass(minute)
    const newcomer = await userOf(world, 'N', 10)
    await world.pass(100)
    const listedAt = world.turns.length
    await world.pass(20_000)
    // Four others with one file each and one with three.
    const waited = world.turns.slice(listedAt).indexOf('N')
    expect(waited).toBeGreaterThanOrEqual(0)
    expect(waited).toBeLessThanOrEqual(7)
    expect(await count(world, newcomer)).toBeGreaterThan(0)
  })
})

/** One drive for everybody: nobody looks into it here. */
class SharedDrive extends Map<number, MemoryDrive> {
  readonly #drive = new MemoryDrive({ clock: new VirtualClock(), shape: 'tree' })

  override get(): MemoryDrive {
    return this.#drive
  }
}

/** Users with a file each that is owed, the first thousand with two. */
function queueUsers({ db }: World, users: number): void {
  db.exec(`
    begin;
    insert into owner (id, name, plan, weight)
      with recursive n (i) as (select 1 union all select i + 1 from n where i < ${users})
      select i, 'user' || i, 'free', 1 from n;
    insert into source (id, owner_id, name, kind, address, settings, interval_ms, due_ms, seq)
      select id, id, 'drive', 'memory', 'memory:', '{}', 900000, 9007199254740991, 1 from owner;
    insert into clockwork (pool, class, v) values ('read', 1, 0);
    insert into lane (id, pool, class, owner_id, vt, is_active) select id, 'read', 1, id, 0, 1 from owner;
    insert into queue (id, lane_id, source_id, is_active, window, cost_ms)
      select id, id, id, 1, 4, 50 from owner;
    insert into item (source_id, key, path, size, listed, seq, state, round_id, changed_ms)
      select id, 'a', '["a"]', 1, 'v1', 1, 1, 0, 0 from owner
      union all select id, 'b', '["b"]', 1, 'v1', 2, 1, 0, 0 from owner where id <= 1000;
    commit;
  `)
}

it('a million users are queued: no more runs at once than there are slots, and nobody has a second turn before all had one', async () => {
  const slots = { list: 2, read: 12 }
  const world: World = worldOf({
    policy: { charge: 'tasks', slots },
    drives: new SharedDrive(),
    handler: {
      wants: () => true,
      read: async ({ key }, _known, _source, signal) => {
        await world.clock.sleep(100, signal)
        return { text: key }
      },
    },
  })
  queueUsers(world, 1_000_000)
  let most = 0
  await world.engine.start()
  await world.clock.runUntil(() => {
    most = Math.max(most, world.engine.running)
    return world.claims.length >= 600
  }, minute)
  expect(world.claims.length).toBeGreaterThanOrEqual(600)
  expect(most).toBe(slots.read)
  expect(new Set(world.claims.map(({ ownerId }) => ownerId)).size).toBe(world.claims.length)
})

it('a result that comes when its lease has passed is refused, even before anybody took the slot away', async () => {
  const bench = await Bench.open(sqliteSubject)
  const source = await bench.addSource('anna')
  await bench.fill(source, 1)
  const [stuck] = await bench.reads(1)
  bench.pass(bench.policy.leaseMs)
  // Nobody has taken a turn since: the slot still names the task.
  expect((await bench.status(source)).counts.running).toBe(1)
  const { acks, claims } = await bench.turn([applied(stuck!)])
  expect(acks).toEqual([{ isHeld: false }])
  expect(await bench.keys(source)).toEqual([])
  // In that very turn somebody else was given the file.
  expect(claims).toHaveLength(1)
  await bench.write(applied(claims[0]!), applied(stuck!))
  expect(await bench.keys(source)).toEqual(['f0'])
  await bench.close()
})

describe('asleep when it happened', () => {
  it('slots that never came back are back by themselves, hours before anybody wakes up', async () => {
    let isNight = false
    const world: World = worldOf({
      policy: { slots: { list: 2, read: 4 } },
      handler: {
        ...wholeFileHandler,
        read: async (item, known, source, signal) => {
          // Tries a file that is not there again and again, and hears no signal.
          if (isNight && item.ownerId === 1) await world.clock.sleep(72 * hour)
          return wholeFileHandler.read(item, known, source, signal)
        },
      },
    })
    const anna = await userOf(world, 'anna', 40)
    await world.engine.start()
    isNight = true
    await world.pass(minute)
    expect(world.engine.running).toBe(4)
    const bob = await userOf(world, 'bob', 40)
    await world.pass(2 * minute)
    expect(await count(world, bob)).toBe(40)
    expect(await count(world, anna)).toBe(0)
    // What ailed Anna's files is over; nobody has been woken.
    isNight = false
    await world.pass(3 * hour)
    expect((await world.status(anna)).counts.running).toBe(0)
    expect((await count(world, anna)) + (await world.status(anna)).counts.failed).toBe(40)
  })

  it('what was given up in the night is done when somebody restarts what is stuck', async () => {
    let isNight = true
    const world: World = worldOf({
      handler: {
        ...wholeFileHandler,
        read: async (item, known, source, signal) => {
          if (isNight && item.key.endsWith('3')) await world.clock.sleep(72 * hour)
          return wholeFileHandler.read(item, known, source, signal)
        },
      },
    })
    const source = await userOf(world, 'anna', 40)
    await world.engine.start()
    await world.pass(10 * hour)
    expect(await count(world, source)).toBe(36)
    expect((await world.status(source)).counts.failed).toBe(4)
    isNight = false
    const db = new SqliteSql(world.db, world.clock)
    const operations = new SqlOperations({
      db,
      policy: world.policy,
      random: seededRandom(1),
      effects: new ShownFiles(db),
      onChange: () => world.engine.wake(),
    })
    await operations.restart(source)
    await world.settle()
    expect(await count(world, source)).toBe(40)
    expect(await world.registry.troubles(source, 9)).toEqual([])
  })
})
