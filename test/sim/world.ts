import { silentLog } from '../../src/base/log.ts'
import { seededRandom } from '../../src/base/random.ts'
import { SyncError } from '../../src/base/errors.ts'
import { MemoryDrive, type MemoryDriveParts } from '../../src/drives/memory/memory-drive.ts'
import { Engine, type Observer } from '../../src/engine/engine.ts'
import type { Handler } from '../../src/engine/handler.ts'
import { defaultPolicy, type Plan, type Policy } from '../../src/engine/policy.ts'
import type { Registry, SourceStatus } from '../../src/engine/registry.ts'
import type { TaskStore } from '../../src/engine/task-store.ts'
import type { Claim } from '../../src/engine/task.ts'
import { Killed, type FaultyDatabase, type Rewrite } from './faulty-database.ts'
import type { Keeping, Kept } from './keeping.ts'
import { KeptInSqlite } from './kept-in-sqlite.ts'
import type { Shown, ShownEffect } from './shown-files.ts'
import { LifeClock, VirtualClock } from './virtual-clock.ts'

/** Reads a file whole; whatever it holds is its effect. Text files are of no interest, what begins with "bad" is no good. */
export const wholeFileHandler: Handler = {
  wants: (item) => !item.key.endsWith('.txt'),
  read: async (item, known, source, signal) => {
    if (known !== null) return { sameAs: known.rowId } satisfies ShownEffect
    const { body } = await source.open(item, { start: 0, end: item.size }, signal)
    const chunks: Buffer[] = []
    for await (const chunk of body) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    if (text.startsWith('bad')) throw new SyncError('unparsable', 'It begins with bad.')
    return { text } satisfies ShownEffect
  },
}

export interface WorldParts {
  readonly policy?: Partial<Policy>
  readonly seed?: number
  /** A file, for worlds that end and go on; in memory by default. */
  readonly path?: string
  /** Somewhere else than in SQLite. */
  readonly keeping?: Keeping
  readonly handler?: Handler
  readonly observer?: Observer
  /** A planted fault. */
  readonly rewrite?: Rewrite | null
  /** What stands between the engine of each process and its store: a fault, an echo. */
  readonly between?: (store: TaskStore, kept: Kept) => TaskStore
  /** Drives that are there already, by the number of their source. */
  readonly drives?: Map<number, MemoryDrive>
}

/** One process: what is gone when it is killed. */
interface Life {
  readonly clock: LifeClock
  readonly kept: Kept
  readonly engine: Engine
}

/** Owners with memory drives, an engine on SQLite or the model, and a clock that moves when everybody waits. */
export class World {
  readonly clock = new VirtualClock()
  readonly policy: Policy
  readonly drives: Map<number, MemoryDrive>
  /** Owner names in the order in which their read tasks got a slot. */
  readonly turns: string[] = []
  readonly claims: Claim[] = []
  /** Processes so far. */
  lives = 0
  readonly #parts: WorldParts
  readonly #keeping: Keeping
  readonly #names = new Map<number, string>()
  #life: Life
  /** Nobody hears of what a person changes: a drive is on its way to its source, or the process is frozen. */
  #isDeaf = false

  constructor(parts: WorldParts = {}) {
    this.#parts = parts
    this.policy = { ...defaultPolicy, ...parts.policy }
    this.drives = parts.drives ?? new Map<number, MemoryDrive>()
    const { path, rewrite = null } = parts
    this.#keeping =
      parts.keeping ?? new KeptInSqlite(path === undefined ? { rewrite } : { path, rewrite })
    this.#life = this.#begin(this.policy)
  }

  get kept(): Kept {
    return this.#life.kept
  }

  /** Of a world in SQLite. */
  get db(): FaultyDatabase {
    const { db } = this.kept
    if (db === undefined) throw new Error('this world has no database')
    return db
  }

  get registry(): Registry {
    return this.kept.registry
  }

  get store(): TaskStore {
    return this.kept.store
  }

  get shown(): Shown {
    return this.kept.shown
  }

  get engine(): Engine {
    return this.#life.engine
  }

  #begin(policy: Policy): Life {
    this.lives++
    const { seed = 1, between } = this.#parts
    const clock = new LifeClock(this.clock)
    const random = seededRandom(seed + this.lives * 1_000_003)
    const onChange = (): void => {
      if (!this.#isDeaf) this.#life.engine.wake()
    }
    const kept = this.#keeping.open({ clock, policy, random, onChange })
    const store = living(kept.store, clock)
    const engine = new Engine({
      store: between?.(store, kept) ?? store,
      handler: this.#parts.handler ?? wholeFileHandler,
      sourceOf: async (id) => this.drive(id),
      policy,
      clock,
      log: silentLog,
      observer: {
        claimed: (claim) => this.#note(claim),
        ended: (...what) => this.#parts.observer?.ended?.(...what),
        checked: (...what) => this.#parts.observer?.checked?.(...what),
        turned: (...what) => this.#parts.observer?.turned?.(...what),
      },
    })
    return { clock, kept, engine }
  }

  #note(claim: Claim): void {
    this.claims.push(claim)
    if (claim.pool === 'read') this.turns.push(this.#names.get(claim.ownerId) ?? '?')
    this.#parts.observer?.claimed?.(claim)
  }

  /** The process is there, and does nothing any more. */
  freeze(): void {
    this.#life.clock.end()
    this.#isDeaf = true
  }

  /** The process is gone between one statement and the next; another one begins on the same rows, set as `changes` say. `fate` may break it. */
  async restart(changes: Partial<Policy> = {}, fate?: (kept: Kept) => void): Promise<void> {
    const { clock, kept } = this.#life
    clock.end()
    kept.die()
    this.#isDeaf = false
    this.#life = this.#begin({ ...this.policy, ...changes })
    fate?.(this.kept)
    await this.engine.start()
  }

  async addOwner(name: string, plan: Plan = 'free'): Promise<number> {
    const owner = await this.registry.addOwner(name, plan)
    this.#names.set(owner.id, name)
    return owner.id
  }

  /** A drive with so many small files, `dir/file`. */
  async addDrive(
    ownerId: number,
    files: number,
    parts: Partial<MemoryDriveParts> = {},
  ): Promise<number> {
    this.#isDeaf = true
    const id = await this.addSource(ownerId)
    const drive = new MemoryDrive({ clock: this.clock, shape: 'tree', ...parts })
    for (let n = 0; n < files; n++) drive.put(`d${n % 7}/f${n}`, Buffer.from(`text ${n}`))
    this.drives.set(id, drive)
    this.#isDeaf = false
    this.engine.wake()
    return id
  }

  async addSource(ownerId: number): Promise<number> {
    const count = (await this.registry.sources(ownerId)).length
    const { id } = await this.registry.addSource({
      ownerId,
      name: `drive${count}`,
      kind: 'memory',
      address: 'memory:',
      settings: {},
      intervalMs: 900_000,
      password: null,
    })
    return id
  }

  drive(sourceId: number): MemoryDrive {
    const drive = this.drives.get(sourceId)
    if (drive === undefined) throw new SyncError('bad-address', 'There is no such drive.')
    return drive
  }

  /** Nothing owed, no round open or due, nothing in a slot, nobody resting. */
  get isIdle(): boolean {
    return !this.kept.isBusy(this.clock.now()) && this.engine.running === 0
  }

  /** Runs until idle; throws when that takes longer than `limitMs` of virtual time, or the process dies. */
  async settle(limitMs = 4 * 3_600_000): Promise<void> {
    this.engine.wake()
    if (await this.#runUntil(() => this.isIdle, limitMs)) return
    throw new Error(`not idle: ${JSON.stringify(this.kept.describe())}`)
  }

  /** Lets so much time pass; throws when the process dies. */
  async pass(ms: number): Promise<void> {
    await this.#runUntil(() => false, ms)
  }

  async #runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const { kept } = this
    const isOver = await this.clock.runUntil(() => kept.isDead || isDone(), limitMs)
    if (kept.isDead) throw new Killed('the process is dead')
    return isOver
  }

  /** Asks for a round of the source and runs until idle. */
  async sync(sourceId: number, isFull = false): Promise<void> {
    await this.registry.ask(sourceId, isFull)
    await this.settle()
  }

  async status(sourceId: number): Promise<SourceStatus> {
    const status = await this.registry.sourceStatus(sourceId)
    if (status === null) throw new Error('no such source')
    return status
  }

  async stop(): Promise<void> {
    let isStopped = false
    void this.engine.stop(0).then(() => (isStopped = true))
    await this.clock.runUntil(() => isStopped, 3_600_000)
    // What was lent is given back as it is.
    if (this.#parts.keeping === undefined) this.kept.close()
  }
}

/** A process that is gone takes no turns, though what its drives were asked for is answered all the same. */
function living(store: TaskStore, clock: LifeClock): TaskStore {
  return {
    open: () => store.open(),
    close: () => store.close(),
    turn: (...what) => (clock.isOver ? new Promise(() => undefined) : store.turn(...what)),
    stalls: () => store.stalls(),
    purge: (limit) => store.purge(limit),
  }
}
