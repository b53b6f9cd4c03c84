import { randomUUID } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { systemRandom } from '../base/random.ts'
import { addressPolicy, permitting } from '../base/remote/address-policy.ts'
import { parseEndpoint } from '../base/remote/endpoint.ts'
import { RemoteHost } from '../base/remote/remote-host.ts'
import { CatchingUp } from '../content/catching-up.ts'
import { ContractWallets, noWallets } from '../content/contract-wallet.ts'
import { Deployer } from '../content/deployer.ts'
import type { NodeStatus } from '../content/deploying.ts'
import { Examiner } from '../content/examiner.ts'
import { HttpJsonRpc, type JsonRpc } from '../content/json-rpc.ts'
import { Lookout } from '../content/lookout.ts'
import { News } from '../content/news.ts'
import type { NodeFacts, Reach } from '../content/node-facts.ts'
import { Fetcher } from '../content/peers/fetcher.ts'
import { Intake } from '../content/peers/intake.ts'
import { askJson } from '../content/peers/peer-list-json.ts'
import { isSelf } from '../content/peers/peer-list-self.ts'
import { readFact } from '../content/peers/peer-list-remembered.ts'
import { Peers } from '../content/peers/peers.ts'
import { SnapshotIntake } from '../content/peers/snapshot-intake.ts'
import { contentErrors } from '../content/rules/content-rules.ts'
import { ownershipOff } from '../content/rules/ownership.ts'
import { RateLimit, rateLimits } from '../content/rules/rate-limit.ts'
import { deploymentWindow } from '../content/rules/window.ts'
import { Snapshots } from '../content/snapshots/snapshots.ts'
import type { Wallets } from '../content/verification.ts'
import { ThreadedVerifier } from '../content/verifier.ts'
import { entityTypes } from '../content/entity.ts'
import type { Registry, SourceEntry } from '../engine/registry.ts'
import type { Source } from '../engine/source.ts'
import type { ContentParts } from '../http/content/content-parts.ts'
import { ContentFiles } from '../store/blobs/content-files.ts'
import { TieredBlobs } from '../store/blobs/tiered-blobs.ts'
import { SqlContentStore } from '../store/sql/content/content-store.ts'
import { SmallBlobs } from '../store/sql/content/small-blobs.ts'
import { SqlNodeFacts } from '../store/sql/content/sql-node-facts.ts'
import type { SqlDatabase } from '../store/sql/sql.ts'
import type { ContentConfig } from './content-options.ts'
import { peerLists } from './content-peer-lists.ts'
import { contentFolder, ContentPeers, policyFor } from './content-peers.ts'
import { ContentUpkeep } from './content-upkeep.ts'
import { version } from './version.ts'

export interface ContentNodeParts {
  readonly db: SqlDatabase
  readonly registry: Registry
  readonly config: ContentConfig
  readonly dataFolder: string
  readonly allowHosts: readonly string[]
  readonly clock: Clock
  readonly log: Log
}

/** A content node: its parts, and their life. */
export class ContentNode {
  readonly news = new News()
  readonly store: SqlContentStore
  readonly blobs: TieredBlobs
  readonly snapshots: Snapshots
  readonly facts: NodeFacts
  /** Null: no Ethereum node is known. */
  readonly wallets: Wallets | null
  readonly #parts: ContentNodeParts
  readonly verifier: ThreadedVerifier
  readonly fetcher: Fetcher
  readonly #reached = new Peers()
  readonly #deployer: Deployer
  readonly #peers: ContentPeers
  readonly #catchingUp: CatchingUp
  readonly #upkeep: ContentUpkeep
  readonly #lookout: Lookout
  #reach: Reach = { known: 0, unreachable: 0 }
  #listsReadMs = 0
  readonly #challengeText = randomUUID()

  constructor(parts: ContentNodeParts) {
    const { db, config, clock, log } = parts
    this.#parts = parts
    this.store = new SqlContentStore({ db })
    const files = new ContentFiles({ root: contentFolder(parts.dataFolder) })
    this.blobs = new TieredBlobs({ small: new SmallBlobs({ sql: db }), files })
    this.verifier = new ThreadedVerifier({ clock, threads: config.verifiers })
    const rpc = rpcOf(parts)
    this.wallets = rpc === null ? null : new ContractWallets(rpc)
    this.fetcher = new Fetcher({
      peers: this.#reached,
      blobs: this.blobs,
      clock,
      concurrency: config.fetches,
    })
    const examiner = new Examiner({
      verifier: this.verifier,
      contentRules: contentErrors,
      ownership: ownershipOff,
      wallets: this.wallets ?? noWallets,
    })
    const { store, blobs, news } = this
    const limits = config.isLimited ? rateLimits : unlimited
    this.#deployer = new Deployer({
      store,
      blobs,
      examiner,
      rateLimit: new RateLimit({ clock, limits }),
      window: deploymentWindow,
      types: config.types,
      clock,
      news,
    })
    this.snapshots = new Snapshots({
      store,
      blobs,
      clock,
      log,
      everyMs: config.snapshotsMs,
      hasLegacy: true,
      isOurs: () => this.#upkeep.isOurs,
    })
    this.facts = new SqlNodeFacts({ db })
    const { keepDeadMs } = config
    this.#upkeep = new ContentUpkeep({ db, store, blobs, files, keepDeadMs, clock, log })
    this.#lookout = new Lookout({ clock, everyMs: lookMs, look: () => this.#look() })
    this.#peers = this.#makePeers(examiner, rpc)
    this.#catchingUp = new CatchingUp({
      facts: store,
      clock,
      peers: () => this.#peers.progress(),
      isFirst: config.isFirst,
      // What was written before is all but empty.
      onCaughtUp: () => {
        if (this.#upkeep.isOurs) void this.snapshots.writeNow().catch(() => undefined)
      },
    })
  }

  /** What stands behind its HTTP face. */
  get face(): ContentParts {
    const { config, clock, log } = this.#parts
    return {
      store: this.store,
      blobs: this.blobs,
      deploying: this.#deployer,
      snapshots: this.snapshots,
      status: () => this.status,
      onNews: (callback) => this.news.onNews(callback),
      about: {
        version,
        commitHash: '',
        ethNetwork: config.peersDao === 'sepolia' ? 'sepolia' : 'mainnet',
        challengeText: this.#challengeText,
        types: config.types.size === entityTypes.length ? null : [...config.types],
      },
      log,
      clock,
      prefix: config.path,
    }
  }

  get status(): NodeStatus {
    return {
      state: this.#catchingUp.state,
      lastSyncWithDaoMs: this.#listsReadMs,
      peers: this.#reach,
    }
  }

  /** A source of a kind that is its own; null: it is somebody's drive. */
  open(entry: SourceEntry): Source | null {
    return this.#peers.open(entry)
  }

  /** Reads what is there; in every process that answers. */
  async start(): Promise<void> {
    await this.#catchingUp.start()
    await this.snapshots.reload()
    await this.#lookout.start()
  }

  /** Writes snapshots and collects; in a process that does the work. */
  async startWork(): Promise<void> {
    await this.#takeUpTypes()
    await this.#upkeep.start(this.snapshots)
  }

  /** Follows peers: in a process that does the work, once it answers, for one of them may be this node itself. */
  follow(): Promise<void> {
    return this.#peers.start()
  }

  async stop(): Promise<void> {
    // Called off first: whoever looks may be waiting for a run.
    await this.snapshots.stop()
    await this.#lookout.stop()
    await this.#peers.stop()
    await this.#catchingUp.stop()
    await this.#upkeep.stop(this.snapshots)
    await this.verifier.close()
  }

  async #look(): Promise<void> {
    this.#reach = await this.facts.reach()
    this.#listsReadMs = Number((await this.store.fact(readFact)) ?? 0)
    await this.snapshots.look()
  }

  /** Kinds that this node has not held until now are in no cursor: peers are gone through anew. */
  async #takeUpTypes(): Promise<void> {
    const { registry, config, log } = this.#parts
    const held = await this.store.fact(typesFact)
    const types = [...config.types].toSorted().join(',')
    if (held === types) return
    const isMore =
      held !== null && [...config.types].some((type) => !held.split(',').includes(type))
    if (isMore) {
      for (const { id } of await registry.peers()) await registry.ask(id, true)
      log.info(
        { held, types },
        'this node holds more kinds than before: its peers are gone through anew',
      )
    }
    await this.store.setFact(typesFact, types)
  }

  #makePeers(examiner: Examiner, rpc: JsonRpc | null): ContentPeers {
    const { config, clock, log, registry, allowHosts } = this.#parts
    const { store, blobs } = this
    const { fetcher } = this
    const peers = this.#reached
    const intake = new Intake({ store, blobs, fetcher, examiner, clock, types: config.types })
    const policy = addressPolicy(allowHosts)
    return new ContentPeers({
      registry,
      store,
      intake,
      types: config.types,
      snapshots: new SnapshotIntake({ store, blobs, fetcher, intake, scope: scopeOf(config) }),
      peers,
      lists: peerLists(this.#parts, rpc),
      ownUrl: config.url,
      isSelf: ({ url, isOperators }, signal) =>
        isSelf(url, this.#challengeText, (asked) => {
          const endpoint = parseEndpoint(asked)
          const allowed = policyFor(endpoint, isOperators, policy)
          const question = {
            endpoint,
            path: endpoint.path,
            policy: allowed,
            maxBytes: 10_000,
            clock,
          }
          const timeout = AbortSignal.timeout(challengeMs)
          return askJson(question, AbortSignal.any([signal, timeout]))
        }),
      policy,
      pollMs: config.pollMs,
      clock,
      random: systemRandom,
      log,
    })
  }
}

/** Milliseconds in which a peer has to say who it is. */
const challengeMs = 5_000
/** What others may have changed is looked at so often, in milliseconds. */
const lookMs = 2_000
/** A fact: the kinds of entities that this node has held. */
export const typesFact = 'types'

const unlimited = {
  types: Object.fromEntries(
    entityTypes.map((type) => [type, { restMs: 0, maxResting: Number.MAX_SAFE_INTEGER }]),
  ) as typeof rateLimits.types,
  unchangedMs: 0,
}

/** What of snapshots is gone through: part of what is remembered of them. */
function scopeOf({ types }: ContentConfig): string {
  return types.size === entityTypes.length ? '' : [...types].toSorted().join(',')
}

function rpcOf({ config, allowHosts, clock }: ContentNodeParts): JsonRpc | null {
  if (config.rpcUrl === null) return null
  const [address = '', ...key] = config.rpcUrl.split('?')
  const endpoint = parseEndpoint(address)
  const policy = permitting(addressPolicy(allowHosts), endpoint.host, endpoint.port)
  return new HttpJsonRpc({
    host: new RemoteHost({ endpoint, policy, clock }),
    query: ['', ...key].join('?'),
  })
}
