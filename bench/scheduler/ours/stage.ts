/** Where our rows are measured: the product's own parts, put together as the app does it, on a database of their own. */
import { openDatabaseFile } from '../../../src/app/database-file.ts'
import { openDatabaseServer } from '../../../src/app/database-server.ts'
import { type Log, silentLog } from '../../../src/base/log.ts'
import { systemClock } from '../../../src/base/clock.ts'
import { systemRandom } from '../../../src/base/random.ts'
import { Engine, type Observer } from '../../../src/engine/engine.ts'
import type { EffectWriter, Item } from '../../../src/engine/handler.ts'
import { defaultPolicy, type Policy } from '../../../src/engine/policy.ts'
import type { Registry } from '../../../src/engine/registry.ts'
import type { Source } from '../../../src/engine/source.ts'
import { SqlRegistry } from '../../../src/store/sql/registry.ts'
import type { SqlDatabase } from '../../../src/store/sql/sql.ts'
import { SqlTaskStore } from '../../../src/store/sql/task-store.ts'
import type { Ground } from '../contestant.ts'
import { analyse } from '../peers/analyse.ts'
import type { Store } from '../rows.ts'
import { emptySource } from './sources.ts'

export interface Stage extends AsyncDisposable {
  readonly store: Store
  readonly ground: Ground
  readonly sql: SqlDatabase
  readonly registry: Registry
  /** Starts an engine; it is stopped with the stage, or before. */
  readonly work: (job: Job) => Promise<Engine>
  /**
   * After work was put in past the store: it looks at the sources that were stirred, as in the turn after a listing. Then
   * PostgreSQL gets its statistics, as it would from its own vacuum in a while; SQLite gets none, as in the product.
   */
  readonly settle: () => Promise<void>
}

export interface Job {
  /** What differs from the policy as it comes. */
  readonly policy?: Partial<Policy>
  /** Does the work of one item; what it throws fails the task. */
  readonly read: (item: Item, signal: AbortSignal) => Promise<void>
  readonly sourceOf?: (sourceId: number) => Source
  readonly observer?: Observer
}

export async function openStage(store: Store, ground: Ground): Promise<Stage> {
  const { sql, close } = await openDatabase(store, ground)
  const engines: Engine[] = []
  const tasks = (policy: Policy): SqlTaskStore =>
    new SqlTaskStore({ db: sql, policy, random: systemRandom, effects, nodeName: 'bench' })
  return {
    store,
    ground,
    sql,
    registry: new SqlRegistry({
      db: sql,
      secrets: noSecrets,
      effects,
      onChange: () => {
        for (const engine of engines) engine.wake()
      },
    }),
    work: async (job) => {
      const policy = { ...defaultPolicy, ...job.policy }
      const engine = new Engine({
        ...partsOf(job),
        policy,
        store: tasks(policy),
        clock: systemClock,
        log: deadlyLog,
      })
      engines.push(engine)
      await engine.start()
      return engine
    },
    settle: async () => {
      const looking = tasks(defaultPolicy)
      await looking.open()
      do await looking.turn([], {})
      while ((await sql.get('select 1 from stirred limit 1')) !== undefined)
      await looking.close()
      if (store === 'PostgreSQL') await analyse(ground.url)
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(engines.map((engine) => engine.stop(0)))
      await close()
    },
  }
}

type Opened = Pick<Awaited<ReturnType<typeof openDatabaseFile>>, 'sql' | 'close'>

function openDatabase(store: Store, { folder, url }: Ground): Promise<Opened> {
  if (store === 'SQLite') return openDatabaseFile(folder, systemClock)
  return openDatabaseServer({ url, connections, clock: systemClock, random: systemRandom })
}

/** As `serve` has them. */
const connections = 8

/** Everything is written but what a library would make of it: the peers have none. */
const effects: EffectWriter = {
  applied: async () => undefined,
  skipped: async () => undefined,
  gone: async () => undefined,
  sourceRemoved: async () => 0,
}

/** Nobody here has a password. */
const noSecrets = {
  seal: (plain: string) => Buffer.from(plain),
  open: (sealed: Uint8Array) => Buffer.from(sealed).toString(),
}

/** The engine complains of its own faults and of a store that refuses: that is the end of any measurement. */
const deadlyLog: Log = {
  ...silentLog,
  error: (fields, message) =>
    process.nextTick(() => {
      throw new Error(`${message}: ${JSON.stringify(fields)}`)
    }),
}

function partsOf({ read, sourceOf = () => emptySource, observer = {} }: Job) {
  const handler = {
    wants: () => true,
    read: async (item: Item, _known: unknown, _source: Source, signal: AbortSignal) => {
      await read(item, signal)
      return {}
    },
  }
  return { handler, observer, sourceOf: async (id: number) => sourceOf(id) }
}
