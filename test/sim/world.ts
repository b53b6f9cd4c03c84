import { silentLog } from '../../src/base/log.ts'
import { seededRandom } from '../../src/base/random.ts'
import { SyncError } from '../../src/base/errors.ts'
import { MemoryDrive, type MemoryDriveParts } from '../../src/drives/memory/memory-drive.ts'
import { Engine, type Observer } from '../../src/engine/engine.ts'
import type { Handler } from '../../src/engine/handler.ts'
import { defaultPolicy, type Plan, type Policy } from '../../src/engine/policy.ts'
import type { SourceStatus } from '../../src/engine/registry.ts'
import type { TaskStore } from '../../src/engine/task-store.ts'
import type { Claim } from '../../src/engine/task.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import { SqlRegistry } from '../../src/store/sql/registry.ts'
import { SqlTaskStore } from '../../src/store/sql/task-store.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { FaultyDatabase, type Rewrite } from './faulty-database.ts'
import { ShownFiles, shownTable, type ShownEffect } from './shown-files.ts'
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
  readonly handler?: Handler
  readonly observer?: Observer
  /** A planted fault. */
  readonly rewrite?: Rewrite | null
  /** Drives that are there already, by the number of their source. */
  readonly drives?: Map<number, MemoryDrive>
}

/** One process: what is gone when it is killed. */
interface Life {
  readonly clock: LifeClock
  readonly db: FaultyDatabase
  readonly registry: SqlRegistry
  readonly store: TaskStore
  readonly shown: ShownFiles
  readonly engine: Engine
}

/** Owners with memory drives, an engine on SQLite, and a clock that moves when everybody waits. */
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
  readonly #names = new Map<number, string>()
  #life: Life
  /** Nobody hears of what a person changes: a drive is on its way to its source, or the process is frozen. */
  #isDeaf = false

  constructor(parts: WorldParts = {}) {
    this.#parts = parts
    this.policy = { ...defaultPolicy, ...parts.policy }
    this.drives = parts.drives ?? new Map<number, MemoryDrive>()
    this.#life = this.#begin()
  }

  get db(): FaultyDatabase {
    return this.#life.db
  }

  get registry(): SqlRegistry {
    return this.#life.registry
  }

  get store(): TaskStore {
    return this.#life.store
  }

  get shown(): ShownFiles {
    return this.#life.shown
  }

  get engine(): Engine {
    return this.#life.engine
  }

  #begin(): Life {
    this.lives++
    const { policy } = this
    const { path = ':memory:', rewrite = null, seed = 1 } = this.#parts
    const clock = new LifeClock(this.clock)
    const db = new FaultyDatabase(path, rewrite)
    const isNew = db.prepare(`select 1 from sqlite_schema where name = 'owner'`).get() === undefined
    if (isNew) for (const { sqlite } of migrations) db.exec(sqlite)
    // Processes are killed here, machines are not: nothing has to wait for the disk.
    db.exec('pragma synchronous = off')
    if (isNew) db.exec(shownTable)
    const sql = new SqliteSql(db, clock)
    const shown = new ShownFiles(sql)
    const random = seededRandom(seed + this.lives * 1_000_003)
    const secrets = {
      seal: (plain: string) => Buffer.from(plain),
      open: (sealed: Uint8Array) => Buffer.from(sealed).toString(),
    }
    const onChange = (): void => {
      if (!this.#isDeaf) this.#life.engine.wake()
    }
    const registry = new SqlRegistry({ db: sql, secrets, effects: shown, onChange })
    const store = new SqlTaskStore({ db: sql, policy, random, effects: shown, nodeName: 'sim' })
    const engine = new Engine({
      store,
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
    return { clock, db, registry, store, shown, engine }
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

  /** The process is gone between one statement and the next; another one begins on the same file. */
  async restart(): Promise<void> {
    const { clock, db } = this.#life
    clock.end()
    db.die()
    this.#isDeaf = false
    this.#life = this.#begin()
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
    const row = this.db
      .prepare<{ busy: number }>(
        `select exists (select 1 from task where state <> 3) or exists (select 1 from round where ended_ms is null)
           or exists (select 1 from item where state = 1)
           or exists (select 1 from slot where item_id is not null)
           or exists (select 1 from source where due_ms <= ? and health = 0)
           or exists (select 1 from source where health = 1) as busy`,
      )
      .get(this.clock.now())
    return row?.busy === 0 && this.engine.running === 0
  }

  /** Runs until idle; throws when that takes longer than `limitMs` of virtual time. */
  async settle(limitMs = 4 * 3_600_000): Promise<void> {
    this.engine.wake()
    if (await this.clock.runUntil(() => this.isIdle, limitMs)) return
    const tasks = this.db.prepare('select * from task limit 5').all()
    const sources = this.db.prepare('select * from source').all()
    throw new Error(`not idle: ${JSON.stringify({ tasks, sources })}`)
  }

  /** Lets so much time pass. */
  async pass(ms: number): Promise<void> {
    await this.clock.runUntil(() => false, ms)
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
    this.db.close()
  }
}
