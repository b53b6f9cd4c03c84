import { seededRandom, type Random } from '../../src/base/random.ts'
import { MemoryDrive } from '../../src/drives/memory/memory-drive.ts'
import type { Handler } from '../../src/engine/handler.ts'
import type { Policy } from '../../src/engine/policy.ts'
import type { TaskStore } from '../../src/engine/task-store.ts'
import { DriveContent } from './drive-content.ts'
import type { Keeping, Kept } from './keeping.ts'
import { harm, pick } from './trouble.ts'
import { UnreliableStore } from './unreliable-store.ts'
import { Watch } from './watch.ts'
import { wholeFileHandler, World } from './world.ts'

/** Things that happen in one simulated life, one after the other. */
const events = 6
/** Times that people look after what is theirs, once all is well. */
const maxRepairs = 4

const second = 1_000
const minute = 60 * second

export interface SimulationParts {
  /** With no rows in it. */
  readonly keeping: Keeping
  /** A planted fault: numbers that the store goes by. */
  readonly policy?: Partial<Policy>
  /** A planted fault: what the store does. */
  readonly spoil?: (store: TaskStore, kept: Kept) => TaskStore
}

/**
 * Lives one seeded life: owners, drives, faults, files that come and go, processes that are killed; then everything is
 * well again, and the library must be what the drives hold. Returns what was broken on the way; nothing if all is well.
 */
export async function simulate(seed: number, parts: SimulationParts): Promise<readonly string[]> {
  const life = new SimulatedLife(seed, parts)
  try {
    await life.live()
    const differences = await life.recover()
    return [...life.watch.broken, ...differences]
  } catch (error) {
    return [...life.watch.broken, String(error)]
  } finally {
    // What cannot even stop has been found out already.
    await life.end().catch(() => undefined)
  }
}

class SimulatedLife {
  readonly watch = new Watch()
  readonly #random: Random
  readonly #world: World
  readonly #contents: DriveContent[] = []
  #lifts: (() => void)[] = []
  #isDeaf = false
  #isWell = false
  /** Time that making something of a file's bytes takes. */
  #workMs = 0
  #skewMs = 0

  constructor(seed: number, { keeping, policy, spoil = (store) => store }: SimulationParts) {
    this.#random = seededRandom(seed)
    this.#world = new World({
      seed,
      keeping,
      policy: {
        charge: seed % 2 === 0 ? 'tasks' : 'time',
        slots: { list: 2, read: 5 },
        withholdAbove: 5,
        ...policy,
      },
      handler: this.#handler(),
      observer: this.watch,
      between: (store, kept) =>
        new UnreliableStore({
          store: spoil(store, kept),
          random: this.#random,
          lost: (claims) => {
            for (const claim of claims) this.watch.claimed(claim)
          },
          isWell: () => this.#isWell,
        }),
    })
    this.watch.look(this.#world)
  }

  async live(): Promise<void> {
    await this.#populate()
    await this.#world.engine.start()
    for (let n = 0; n < events; n++) {
      if (this.#random() < 0.4) this.#world.kept.doom(this.#random)
      await this.#survive(() => this.#happen(), false)
      this.#world.engine.wake()
      const ms = pick(this.#random, [50, 300, 2 * second, 10 * second, minute, 16 * minute])
      await this.#survive(() => this.#world.pass(ms), false)
    }
  }

  /** Everything is well from now on, and people look after what is theirs. Returns what is wrong in the end. */
  async recover(): Promise<readonly string[]> {
    const world = this.#world
    for (const lift of this.#lifts) lift()
    this.#lifts = []
    this.#isDeaf = false
    this.#isWell = true
    this.#workMs = 0
    world.kept.isFull = false
    world.clock.setWall(-this.#skewMs)
    let differences: readonly string[] = []
    for (let n = 0; n < maxRepairs; n++) {
      await this.#survive(() => this.#repair(), true)
      differences = await this.#differences()
      if (differences.length === 0) break
    }
    return differences
  }

  async #repair(): Promise<void> {
    const { registry } = this.#world
    for (const { id } of this.#contents) {
      await registry.setPaused(id, false)
      if ((await registry.confirmDeletions(id)) === 0) await registry.ask(id, false)
    }
    await this.#world.settle()
  }

  /** Where the library is not what the drives hold, nor what a fresh world finds in them. */
  async #differences(): Promise<readonly string[]> {
    const { registry, shown } = this.#world
    const found: string[] = []
    for (const { id, truth } of this.#contents) {
      const seen = JSON.stringify(await shown.of(id))
      const held = JSON.stringify(truth())
      if (seen === held) continue
      const { state, lastError, lastRound, withheld, counts } = await this.#world.status(id)
      const troubles = await registry.troubles(id, 9)
      const about = JSON.stringify({ state, lastError, lastRound, withheld, counts, troubles })
      found.push(`source ${id} shows ${seen}, holds ${held}: ${about}`)
    }
    return found
  }

  async end(): Promise<void> {
    await this.#world.stop()
  }

  /** Does it; when the process dies over it another one begins, which does it again if `isOwed`. */
  async #survive(work: () => Promise<void>, isOwed: boolean): Promise<void> {
    for (;;) {
      try {
        await work()
        return
      } catch (error) {
        const { kept } = this.#world
        // A person who asks for something while the disk is full is told so, and that is all.
        if (!kept.isDead && kept.isFull) return
        if (!kept.isDead) throw error
        await this.#beginAgain()
        if (!isOwed) return
      }
    }
  }

  /** Another process, with as many slots as it likes, which may die before it has even begun. */
  async #beginAgain(): Promise<void> {
    const slots = pick(this.#random, [
      { list: 2, read: 5 },
      { list: 1, read: 3 },
      { list: 3, read: 7 },
    ])
    for (;;) {
      try {
        await this.#world.restart({ slots }, (kept) => {
          if (this.#random() < 0.2) kept.doom(this.#random)
        })
        this.watch.examine()
        return
      } catch (error) {
        if (!this.#world.kept.isDead) throw error
      }
    }
  }

  #handler(): Handler {
    return {
      ...wholeFileHandler,
      read: async (item, known, source, signal) => {
        const effect = await wholeFileHandler.read(item, known, source, signal)
        if (this.#workMs > 0) await this.#world.clock.sleep(this.#workMs, signal)
        // Does not hear its signal, and comes back long after its slot was taken.
        if (this.#isDeaf && this.#random() < 0.3) await this.#world.clock.sleep(5 * minute)
        return effect
      },
    }
  }

  async #populate(): Promise<void> {
    const world = this.#world
    const random = this.#random
    this.#workMs = pick(random, [0, 100, second, 8 * second])
    for (const name of ['anna', 'bob', 'charlie']) {
      const owner = await world.addOwner(name, name === 'charlie' ? 'premium' : 'free')
      const count = random() < 0.25 ? 2 : 1
      for (let n = 0; n < count; n++) {
        const id = await world.addSource(owner)
        const drive = new MemoryDrive({
          clock: world.clock,
          shape: random() < 0.5 ? 'tree' : 'feed',
          batchSize: pick(random, [3, 10, 1_000]),
          pageSize: pick(random, [4, 15]),
          hasIds: random() < 0.5,
          hasPlaceVersions: random() < 0.7,
        })
        world.drives.set(id, drive)
        const content = new DriveContent(id, drive, random)
        for (let file = 0; file < pick(random, [2, 7, 20]); file++) content.add()
        this.#contents.push(content)
      }
    }
  }

  async #happen(): Promise<void> {
    const { registry, kept, clock } = this.#world
    const random = this.#random
    const content = pick(random, this.#contents)
    const chance = random()
    if (chance < 0.35) {
      content.change()
      if (random() < 0.5) await registry.ask(content.id, false)
    } else if (chance < 0.7) this.#lifts.push(harm(content.drive, random))
    else if (chance < 0.76) await registry.ask(content.id, random() < 0.3)
    else if (chance < 0.8) await registry.setPaused(content.id, random() < 0.5)
    else if (chance < 0.84) this.#isDeaf = !this.#isDeaf
    else if (chance < 0.88) kept.isFull = !kept.isFull
    else if (chance < 0.92) {
      const byMs = pick(random, [-60 * minute, -5 * second, 5 * second, 60 * minute])
      this.#skewMs += byMs
      clock.setWall(byMs)
    } else if (chance < 0.96) {
      const owner = await registry.owner(pick(random, ['anna', 'bob']))
      if (owner !== null) await registry.setPlan(owner.id, pick(random, ['free', 'premium']))
    } else {
      for (const lift of this.#lifts) lift()
      this.#lifts = []
    }
  }
}
