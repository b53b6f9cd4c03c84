import { seededRandom, type Random } from '../../src/base/random.ts'
import type { ErrorCode } from '../../src/base/errors.ts'
import type { Fault } from '../../src/drives/memory/faults.ts'
import { keyOf, MemoryDrive } from '../../src/drives/memory/memory-drive.ts'
import type { Handler } from '../../src/engine/handler.ts'
import type { Rewrite } from './faulty-database.ts'
import { Watch } from './watch.ts'
import { wholeFileHandler, World } from './world.ts'

/** Things that happen in one simulated life, one after the other. */
const events = 16

const minute = 60_000

/**
 * Lives one seeded life: owners, drives, faults, files that come and go; then everything is well again, and the
 * library must be what the drives hold. Returns what was broken on the way; nothing if all is well.
 */
export async function simulate(
  seed: number,
  rewrite: Rewrite | null = null,
): Promise<readonly string[]> {
  const life = new SimulatedLife(seed, rewrite)
  try {
    await life.live()
    await life.recover()
    return [...life.watch.broken, ...(await life.differences())]
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
  /** Time that making something of a file's bytes takes. */
  #workMs = 0
  #skewMs = 0

  constructor(seed: number, rewrite: Rewrite | null) {
    this.#random = seededRandom(seed)
    this.#world = new World({
      seed,
      rewrite,
      policy: {
        charge: seed % 2 === 0 ? 'tasks' : 'time',
        slots: { list: 2, read: 5 },
        withholdAbove: 5,
      },
      handler: this.#handler(),
      observer: this.watch,
    })
    this.watch.look(this.#world)
  }

  async live(): Promise<void> {
    await this.#populate()
    await this.#world.engine.start()
    for (let n = 0; n < events; n++) {
      // A person who asks for something while the disk is full is told so, and that is all.
      await this.#happen().catch((error: unknown) => {
        if (!this.#world.db.isFull) throw error
      })
      await this.#world.pass(this.#pick([50, 300, 2_000, 10_000, minute, 16 * minute]))
    }
  }

  /** Everything is well from now on, and people look after what is theirs. */
  async recover(): Promise<void> {
    const world = this.#world
    for (const lift of this.#lifts) lift()
    this.#lifts = []
    this.#isDeaf = false
    this.#workMs = 0
    world.db.isFull = false
    world.clock.setWall(-this.#skewMs)
    for (const id of world.drives.keys()) await world.registry.setPaused(id, false)
    for (let n = 0; n < 4; n++) {
      for (const id of world.drives.keys()) {
        if ((await world.registry.confirmDeletions(id)) === 0) await world.registry.ask(id, false)
      }
      await world.settle()
    }
  }

  /** Where the library is not what the drives hold, nor what a fresh world finds in them. */
  async differences(): Promise<readonly string[]> {
    const found: string[] = []
    for (const { id, truth } of this.#contents) {
      const shown = JSON.stringify(await this.#world.shown.of(id))
      const held = JSON.stringify(truth())
      if (shown === held) continue
      const { state, lastError, lastRound, withheld, counts } = await this.#world.status(id)
      const troubles = await this.#world.registry.troubles(id, 9)
      const about = JSON.stringify({ state, lastError, lastRound, withheld, counts, troubles })
      found.push(`source ${id} shows ${shown}, holds ${held}: ${about}`)
    }
    return found
  }

  async end(): Promise<void> {
    await this.#world.stop()
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
    this.#workMs = this.#pick([0, 100, 1_000, 8_000])
    for (const name of ['anna', 'bob', 'charlie']) {
      const owner = await world.addOwner(name, name === 'charlie' ? 'premium' : 'free')
      const count = this.#random() < 0.4 ? 2 : 1
      for (let n = 0; n < count; n++) {
        const id = await world.addSource(owner)
        const drive = new MemoryDrive({
          clock: world.clock,
          shape: this.#random() < 0.5 ? 'tree' : 'feed',
          batchSize: this.#pick([3, 10, 1_000]),
          pageSize: this.#pick([4, 15]),
          hasIds: this.#random() < 0.5,
          hasPlaceVersions: this.#random() < 0.7,
        })
        world.drives.set(id, drive)
        const content = new DriveContent(id, drive, this.#random)
        for (let file = 0; file < this.#pick([3, 12, 40]); file++) content.add()
        this.#contents.push(content)
      }
    }
  }

  async #happen(): Promise<void> {
    const { registry, db, clock } = this.#world
    const content = this.#pick(this.#contents)
    const chance = this.#random()
    if (chance < 0.35) {
      content.change()
      if (this.#random() < 0.5) await registry.ask(content.id, false)
    } else if (chance < 0.7) this.#harm(content)
    else if (chance < 0.76) await registry.ask(content.id, this.#random() < 0.3)
    else if (chance < 0.8) await registry.setPaused(content.id, this.#random() < 0.5)
    else if (chance < 0.84) this.#isDeaf = !this.#isDeaf
    else if (chance < 0.88) db.isFull = !db.isFull
    else if (chance < 0.92) {
      const byMs = this.#pick([-60 * minute, -5_000, 5_000, 60 * minute])
      this.#skewMs += byMs
      clock.setWall(byMs)
    } else if (chance < 0.96) {
      const owner = await registry.owner(this.#pick(['anna', 'bob']))
      if (owner !== null) await registry.setPlan(owner.id, this.#pick(['free', 'premium']))
    } else {
      for (const lift of this.#lifts) lift()
      this.#lifts = []
    }
  }

  #harm({ drive }: DriveContent): void {
    if (this.#random() < 0.1) {
      drive.expireCursors()
      return
    }
    if (this.#random() < 0.15) {
      // One place deep down cannot be listed, once.
      const at = this.#pick(['a', 'a/x', 'a/x/y', 'c', 'c/z'])
      this.#lifts.push(drive.inject({ on: 'list', at, does: 'fail', code: 'too-big', times: 1 }))
      return
    }
    const on = this.#pick(['list', 'open', 'stat', 'check', 'any'] as const)
    const code = this.#pick<ErrorCode>([
      'unreachable',
      'timeout',
      'rate-limited',
      'not-found',
      'internal',
      'auth',
      // Of a file it would be the last word; of a place it is one of the ways in which a round gets unclean.
      on === 'list' ? 'too-big' : 'interrupted',
    ])
    const times = this.#pick([1, 3, 8, 1_000])
    const fault: Fault = this.#pick<Fault>([
      { on, does: 'fail', code, times },
      {
        on,
        does: 'fail',
        code,
        times: 1,
        ...(code === 'rate-limited' ? { retryAfterMs: 90_000 } : {}),
      },
      { on, does: 'hang', times },
      { on: 'open', does: 'slow', ms: 7_000, times },
      { on: 'list', does: 'slow', ms: 40_000, times },
      { on: 'open', does: 'cut', after: 3, times },
      { on: 'list', does: 'cut', after: 3, times },
      { on: 'open', does: 'stall', after: 2, times: 3 },
      { on: 'open', does: 'change', after: 2, times: 2 },
      // A feed that hides its news behind a new cursor cannot be found out by anybody; nor can, before versions are
      // not trusted any more, a place that shows nothing of what it holds.
      drive.shape === 'tree'
        ? { on: 'list', at: '', does: 'empty', times }
        : { on: 'list', does: 'fail', code: 'interrupted', times },
      { on: 'list', does: 'repeat', times: 3 },
    ])
    this.#lifts.push(drive.inject(fault))
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)]!
  }
}

/** What a drive really holds, and hands to change it. */
class DriveContent {
  readonly id: number
  readonly drive: MemoryDrive
  readonly #random: Random
  readonly #files = new Map<string, string>()
  #made = 0

  constructor(id: number, drive: MemoryDrive, random: Random) {
    this.id = id
    this.drive = drive
    this.#random = random
  }

  /** What is to be seen of it when all is well: key to text, without what is no good or of no interest. */
  readonly truth = (): Record<string, string> => {
    const kept = [...this.#files].filter(
      ([path, text]) => !path.endsWith('.txt') && !text.startsWith('bad'),
    )
    const lines = kept.map(([path, text]) => [keyOf(path), text] as const)
    return Object.fromEntries(lines.toSorted(([one], [other]) => (one < other ? -1 : 1)))
  }

  add(): void {
    const n = this.#made++
    const folder = ['', 'a/', 'b/', 'a/x/', 'a/x/y/', 'c/z/'][Math.floor(this.#random() * 6)]
    const path = `${folder}f${n}${n % 9 === 8 ? '.txt' : ''}`
    this.#put(path, `${n % 11 === 10 ? 'bad' : 'text'} ${n}`)
  }

  change(): void {
    const chance = this.#random()
    if (chance < 0.3) for (let n = 0; n < 5; n++) this.add()
    else if (chance < 0.5) this.#each(0.3, (path) => this.#put(path, `text ${this.#made++}`))
    else if (chance < 0.65) this.#each(0.2, (path) => this.#remove(path))
    else if (chance < 0.7) this.#each(0.8, (path) => this.#remove(path))
    else if (chance < 0.9) this.#each(0.2, (path) => this.#move(path, `moved/${this.#made++}`))
    else this.#each(1, (path) => path.startsWith('a/') && this.#move(path, `c/${path}`))
  }

  #each(share: number, does: (path: string) => void): void {
    for (const path of Array.from(this.#files.keys())) if (this.#random() < share) does(path)
  }

  #put(path: string, text: string): void {
    this.#files.set(path, text)
    this.drive.put(path, Buffer.from(text))
  }

  #remove(path: string): void {
    this.#files.delete(path)
    this.drive.remove(path)
  }

  #move(from: string, to: string): void {
    const text = this.#files.get(from)
    if (text === undefined || this.#files.has(to)) return
    this.#files.delete(from)
    this.#files.set(to, text)
    this.drive.move(from, to)
  }
}
