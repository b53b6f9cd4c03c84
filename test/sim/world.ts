import { silentLog } from '../../src/base/log.ts'
import { seededRandom } from '../../src/base/random.ts'
import { SyncError } from '../../src/base/errors.ts'
import { MemoryDrive, type MemoryDriveParts } from '../../src/drives/memory/memory-drive.ts'
import { Engine, type Observer } from '../../src/engine/engine.ts'
import type { Effect, EffectWriter, Handler, Item } from '../../src/engine/handler.ts'
import { defaultPolicy, type Plan, type Policy } from '../../src/engine/policy.ts'
import type { TaskStore } from '../../src/engine/task-store.ts'
import type { Claim } from '../../src/engine/task.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { migrate } from '../../src/store/sqlite/migrations.ts'
import { SqliteRegistry } from '../../src/store/sqlite/registry.ts'
import { SqliteTaskStore } from '../../src/store/sqlite/task-store.ts'
import { VirtualClock } from './virtual-clock.ts'

/** What reading a file gives in these worlds: its bytes as text. */
interface Shown extends Effect {
  readonly text: string
}

/** Reads a file whole; whatever it holds is its effect. */
export const wholeFileHandler: Handler = {
  wants: (item) => !item.key.endsWith('.txt'),
  read: async (item, known, source, signal) => {
    if (known !== null) return { text: `as ${known.rowId}` } satisfies Shown
    const { body } = await source.open(item, { start: 0, end: item.size }, signal)
    const chunks: Buffer[] = []
    for await (const chunk of body) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    if (text.startsWith('bad')) throw new SyncError('unparsable', 'It begins with bad.')
    return { text } satisfies Shown
  },
}

/** Keeps effects in a table of the same database: so they come and go with the transactions of the store. */
export class ShownFiles implements EffectWriter {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    db.exec(`create table if not exists shown (
      item_id integer primary key, source_id integer, key text, text text, times integer, is_gone integer)`)
  }

  applied(item: Item, effect: Effect): void {
    const { text } = effect as Shown
    this.#db
      .prepare(
        `insert into shown values (?, ?, ?, ?, 1, 0) on conflict (item_id) do update
         set key = excluded.key, times = times + 1, is_gone = 0,
           text = case when excluded.text like 'as %' then text else excluded.text end`,
      )
      .run(item.rowId, item.sourceId, item.key, text)
  }

  skipped(item: Item): void {
    this.#db.prepare('delete from shown where item_id = ?').run(item.rowId)
  }

  gone(item: Item): void {
    this.#db.prepare('update shown set is_gone = 1 where item_id = ?').run(item.rowId)
  }

  sourceRemoved(sourceId: number): void {
    this.#db.prepare('delete from shown where source_id = ?').run(sourceId)
  }

  /** Key to text of what is to be seen of a source. */
  of(sourceId: number): Record<string, string> {
    const rows = this.#db
      .prepare<{ key: string; text: string }>(
        'select key, text from shown where source_id = ? and is_gone = 0 order by key',
      )
      .all(sourceId)
    return Object.fromEntries(rows.map(({ key, text }) => [key, text]))
  }

  /** How often effects of a source were written in all. */
  writes(sourceId: number): number {
    const row = this.#db
      .prepare<{ n: number }>('select coalesce(sum(times), 0) as n from shown where source_id = ?')
      .get(sourceId)
    return row?.n ?? 0
  }
}

export interface WorldParts {
  readonly policy?: Partial<Policy>
  readonly seed?: number
  readonly path?: string
  readonly handler?: Handler
  readonly observer?: Observer
}

/** Owners with memory drives, an engine on SQLite, and a clock that moves when everybody waits. */
export class World {
  readonly clock = new VirtualClock()
  readonly db: Database
  readonly registry: SqliteRegistry
  readonly store: TaskStore
  readonly shown: ShownFiles
  readonly policy: Policy
  readonly drives = new Map<number, MemoryDrive>()
  /** Owner names in the order in which their read tasks got a slot. */
  readonly turns: string[] = []
  readonly claims: Claim[] = []
  engine: Engine
  readonly #parts: WorldParts
  readonly #names = new Map<number, string>()

  constructor(parts: WorldParts = {}) {
    this.#parts = parts
    this.policy = { ...defaultPolicy, ...parts.policy }
    this.db = new Database(parts.path ?? ':memory:')
    migrate(this.db)
    this.shown = new ShownFiles(this.db)
    const random = seededRandom(parts.seed ?? 1)
    const { db, clock, policy, shown: effects } = this
    const secrets = {
      seal: (plain: string) => Buffer.from(plain),
      open: (sealed: Uint8Array) => Buffer.from(sealed).toString(),
    }
    this.registry = new SqliteRegistry({ db, clock, secrets, effects, onChange: () => undefined })
    this.store = new SqliteTaskStore({ db, clock, policy, random, effects })
    this.engine = this.#makeEngine()
  }

  #makeEngine(): Engine {
    return new Engine({
      store: this.store,
      handler: this.#parts.handler ?? wholeFileHandler,
      sourceOf: async (id) => {
        const drive = this.drives.get(id)
        if (drive === undefined) throw new SyncError('bad-address', 'no such drive')
        return drive
      },
      policy: this.policy,
      clock: this.clock,
      log: silentLog,
      observer: {
        ...this.#parts.observer,
        claimed: (claim) => {
          this.claims.push(claim)
          if (claim.pool === 'read') this.turns.push(this.#names.get(claim.ownerId) ?? '?')
          this.#parts.observer?.claimed?.(claim)
        },
      },
    })
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
    const source = await this.registry.addSource({
      ownerId,
      name: `drive${this.drives.size}`,
      kind: 'memory',
      address: 'memory:',
      settings: {},
      intervalMs: 900_000,
      password: null,
    })
    const drive = new MemoryDrive({ clock: this.clock, shape: 'tree', ...parts })
    for (let n = 0; n < files; n++) drive.put(`d${n % 7}/f${n}`, Buffer.from(`text ${n}`))
    this.drives.set(source.id, drive)
    return source.id
  }

  drive(sourceId: number): MemoryDrive {
    const drive = this.drives.get(sourceId)
    if (drive === undefined) throw new Error('no such drive')
    return drive
  }

  /** Nothing owed, no round open, nothing in a slot. */
  get isIdle(): boolean {
    const row = this.db
      .prepare<{ busy: number }>(
        `select exists (select 1 from task where state <> 3) or exists (select 1 from round where ended_ms is null)
           or exists (select 1 from item where state = 1) or exists (select 1 from source where due_ms <= ? and health = 0) as busy`,
      )
      .get(this.clock.now())
    return row?.busy === 0 && this.engine.running === 0
  }

  /** Runs until idle; throws when that takes longer than `limitMs` of virtual time. */
  async settle(limitMs = 3_600_000): Promise<void> {
    this.engine.wake()
    if (!(await this.clock.runUntil(() => this.isIdle, limitMs))) {
      const tasks = this.db.prepare('select * from task limit 5').all()
      const sources = this.db.prepare('select * from source').all()
      throw new Error(`not idle: ${JSON.stringify({ tasks, sources })}`)
    }
  }

  /** Asks for a round of the source and runs until idle. */
  async sync(sourceId: number, isFull = false): Promise<void> {
    await this.registry.ask(sourceId, isFull)
    await this.settle()
  }

  async stop(): Promise<void> {
    let isStopped = false
    void this.engine.stop(0).then(() => (isStopped = true))
    await this.clock.runUntil(() => isStopped, 3_600_000)
    this.db.close()
  }
}
