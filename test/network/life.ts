import { living } from './living.ts'
import { sourcesOf, type Spoiling } from './peer-sources.ts'
import type { Clock } from '../../src/base/clock.ts'
import { silentLog } from '../../src/base/log.ts'
import { seededRandom, type Random } from '../../src/base/random.ts'
import type { RemoteRequest } from '../../src/base/remote/remote-host.ts'
import { CatchingUp } from '../../src/content/catching-up.ts'
import type { ContentStore } from '../../src/content/content-store.ts'
import { noWallets } from '../../src/content/contract-wallet.ts'
import { Deployer } from '../../src/content/deployer.ts'
import { entityTypes } from '../../src/content/entity.ts'
import { Examiner } from '../../src/content/examiner.ts'
import { News } from '../../src/content/news.ts'
import { peerProgress } from '../../src/content/peers/peer-progress.ts'
import { contentErrors } from '../../src/content/rules/content-rules.ts'
import { ownershipOff } from '../../src/content/rules/ownership.ts'
import { RateLimit, type rateLimits } from '../../src/content/rules/rate-limit.ts'
import { rules } from '../../src/content/rules/rules.ts'
import { ruleSettings } from '../../src/content/rules/settings.ts'
import { deploymentWindow } from '../../src/content/rules/window.ts'
import { Snapshots } from '../../src/content/snapshots/snapshots.ts'
import type { Verifier } from '../../src/content/verification.ts'
import { verifyJob } from '../../src/content/verify-job.ts'
import { Engine } from '../../src/engine/engine.ts'
import type { Handler } from '../../src/engine/handler.ts'
import { defaultPolicy, type Policy } from '../../src/engine/policy.ts'
import type { Registry } from '../../src/engine/registry.ts'
import { SqlRegistry } from '../../src/store/sql/registry.ts'
import { SqlTaskStore } from '../../src/store/sql/task-store.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { plainSecrets } from '../contract/bench.ts'
import type { FaultyDatabase } from '../sim/faulty-database.ts'
import { LifeClock, type VirtualClock } from '../sim/virtual-clock.ts'
import type { KeptContent } from './content-keeping.ts'
import { type Told, type Weather } from './link.ts'
import { MemoryBlobs, type Disk } from './memory-blobs.ts'

const snapshotsMs = 6 * 3_600_000

/** What a process begins with: what outlives it, and the network around it. */
export interface LifeParts {
  readonly name: string
  readonly time: VirtualClock
  readonly skewMs: () => number
  readonly random: Random
  readonly db: FaultyDatabase
  readonly disk: Disk
  readonly kept: KeptContent
  readonly isFirst: boolean
  /** Nodes by name: who answers. */
  readonly others: ReadonlyMap<string, Answering>
  readonly weather: (from: string, to: string) => Weather
  readonly spoiling?: Spoiling
}

/** Whoever is asked over a link. Null: there is nobody. */
export interface Answering {
  answer(request: RemoteRequest): Promise<Told | null>
}

/** What is gone when a process is killed. */
export interface Life {
  readonly clock: LifeClock
  readonly registry: Registry
  readonly content: ContentStore
  readonly blobs: MemoryBlobs
  readonly snapshots: Snapshots
  readonly deployer: Deployer
  readonly catchingUp: CatchingUp
  readonly engine: Engine
}

/** The real parts of a node, as `app/content-node.ts` puts them together. */
export function beginLife(parts: LifeParts): Life {
  const { db, disk, time, skewMs, spoiling = {}, isFirst } = parts
  const life = new LifeClock(time)
  const clock: Clock = {
    now: () => life.now() + skewMs(),
    elapsed: () => life.elapsed(),
    sleep: (ms, signal) => life.sleep(ms, signal),
    after: (ms, run) => life.after(ms, run),
  }
  const sql = new SqliteSql(db, clock)
  const kept = parts.kept.open(sql, clock)
  const content = living(spoiling.content?.(kept.store, db) ?? kept.store, life)
  const blobs = new MemoryBlobs(living(kept.small, life), disk, () => clock.now())
  const effects = spoiling.effects?.(kept.effects) ?? kept.effects
  const registry = living<Registry>(
    new SqlRegistry({ db: sql, secrets: plainSecrets, effects, onChange: () => engine.wake() }),
    life,
  )
  const random = seededRandom(Math.floor(parts.random() * 2 ** 31))
  const tasks = new SqlTaskStore({ db: sql, policy, random, effects, nodeName: parts.name })
  const examiner = new Examiner({
    verifier,
    contentRules: contentErrors,
    ownership: ownershipOff,
    wallets: noWallets,
  })
  const sources = sourcesOf({ ...parts, clock, random, content, blobs, examiner, registry, life })
  const engine = new Engine({
    store: living(spoiling.tasks?.(tasks) ?? tasks, life),
    handler: noItems,
    sourceOf: sources,
    policy,
    clock,
    log: silentLog,
    observer: {},
  })
  const snapshots = new Snapshots({
    store: content,
    blobs,
    clock,
    log: silentLog,
    everyMs: snapshotsMs,
    hasLegacy: false,
  })
  const deployer = new Deployer({
    store: content,
    blobs,
    examiner,
    rateLimit: new RateLimit({ clock, limits: unlimited }),
    window: deploymentWindow,
    types: new Set(entityTypes),
    clock,
    news: new News(),
  })
  const peers = () => peerProgress({ registry, store: content })
  // Days may pass until a node that is alone has caught up.
  const slow: Clock = { ...clock, sleep: (ms, signal) => clock.sleep(ms * 600, signal) }
  const catchingUp = new CatchingUp({ facts: content, clock: slow, peers, isFirst })
  return { clock: life, registry, content, blobs, snapshots, deployer, catchingUp, engine }
}

const policy: Policy = { ...defaultPolicy, slots: { list: 1, read: 1, peer: 4 } }

const strict = rules(ruleSettings)

/** Verifies without threads. */
export const verifier: Verifier = {
  verify: async (submission) => verifyJob(submission, strict),
  close: async () => undefined,
}

const noItems: Handler = {
  wants: () => false,
  read: () => Promise.reject(new Error('assertion failed: peers have no items')),
}

const unlimited = {
  types: Object.fromEntries(
    entityTypes.map((type) => [type, { restMs: 0, maxResting: Number.MAX_SAFE_INTEGER }]),
  ) as typeof rateLimits.types,
  unchangedMs: 0,
}
