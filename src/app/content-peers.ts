import { join } from 'node:path'
import { throwIfAborted } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { type AddressPolicy, permitting } from '../base/remote/address-policy.ts'
import { type Endpoint, parseEndpoint } from '../base/remote/endpoint.ts'
import { RemoteHost } from '../base/remote/remote-host.ts'
import type { PeerProgress } from '../content/catching-up.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { EntityType } from '../content/entity.ts'
import { Lookout } from '../content/lookout.ts'
import type { Intake } from '../content/peers/intake.ts'
import { peerKind, retryKind } from '../content/peers/kinds.ts'
import { NewsPace } from '../content/peers/news-pace.ts'
import { PeerClient } from '../content/peers/peer-client.ts'
import type { PeerAddress, PeerList } from '../content/peers/peer-list.ts'
import { peerProgress } from '../content/peers/peer-progress.ts'
import { PeerListWatch, refreshMs } from '../content/peers/peer-list-watch.ts'
import { PeerSource } from '../content/peers/peer-source.ts'
import { PeerWatch } from '../content/peers/peer-watch.ts'
import type { Peers } from '../content/peers/peers.ts'
import { RetrySource } from '../content/peers/retry-source.ts'
import type { SnapshotIntake } from '../content/peers/snapshot-intake.ts'
import type { Registry, SourceEntry } from '../engine/registry.ts'
import type { Source } from '../engine/source.ts'

const retryName = 'failed deployments'

/** Failed deployments are looked through so often, in milliseconds; each has a time of its own before which it is left alone. */
const retryMs = 60_000

export interface ContentPeersParts {
  readonly registry: Registry
  readonly store: ContentStore
  readonly intake: Intake
  /** What this node takes. */
  readonly types: ReadonlySet<EntityType>
  readonly snapshots: SnapshotIntake
  readonly peers: Peers
  readonly lists: readonly PeerList[]
  readonly ownUrl: string | null
  /** A peer that is this node under another name is not followed. */
  readonly isSelf: (peer: PeerAddress, signal: AbortSignal) => Promise<boolean>
  readonly policy: AddressPolicy
  readonly pollMs: number
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The peers of a node as sources of the engine: made and removed as the lists say, opened when their turn comes. */
export class ContentPeers {
  readonly #parts: ContentPeersParts
  readonly #pace: NewsPace
  #watch: PeerListWatch | null = null
  readonly #watches = new Set<PeerWatch>()
  readonly #lookout: Lookout
  readonly #stopping = new AbortController()
  #looking: Promise<void> = Promise.resolve()

  constructor(parts: ContentPeersParts) {
    this.#parts = parts
    const look = (): Promise<void> => this.#leaveItself()
    this.#lookout = new Lookout({ clock: parts.clock, everyMs: refreshMs, look })
    this.#pace = new NewsPace(parts)
  }

  /** Follows the lists. Once, in a process that does the work. */
  async start(): Promise<void> {
    const { registry, lists, store, ownUrl, clock, random, log } = this.#parts
    const entries = await registry.peers()
    if (!entries.some(({ kind }) => kind === retryKind)) {
      await registry.putPeer({
        name: retryName,
        kind: retryKind,
        address: '',
        settings: {},
        intervalMs: retryMs,
      })
    }
    // What came while nobody looked is not left for the next poll.
    await Promise.all(entries.filter(isPeer).map(({ id }) => registry.hasten(id)))
    this.#watch = new PeerListWatch({
      lists,
      ownUrl,
      following: entries.filter(isPeer).map(toAddress),
      facts: store,
      clock,
      random,
      log,
      onChange: (added, removed) => this.#change(added, removed),
    })
    this.#watch.start()
    this.#looking = this.#lookout.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new SyncError('cancelled', 'Peers are not followed any more.'))
    await this.#looking
    await this.#lookout.stop()
    await this.#watch?.stop()
    await Promise.all([...this.#watches].map((watch) => watch.stop()))
  }

  /** How far each peer is. */
  progress(): Promise<readonly PeerProgress[]> {
    return peerProgress(this.#parts)
  }

  /** Null: it is no source of a content node. */
  open(entry: SourceEntry): Source | null {
    const { store, intake, types } = this.#parts
    if (entry.kind === retryKind) return new RetrySource({ store, intake, types })
    return isPeer(entry) ? this.#openPeer(entry) : null
  }

  #openPeer({ id, address, settings }: SourceEntry): Source {
    const { peers, intake, snapshots, clock, random, registry } = this.#parts
    const endpoint = parseEndpoint(address)
    const policy = policyFor(endpoint, settings.isOperators === true, this.#parts.policy)
    const client = new PeerClient(new RemoteHost({ endpoint, policy, clock, limits }))
    peers.add(id, client)
    const watch = new PeerWatch({
      client,
      pace: this.#pace,
      clock,
      random,
      onNews: () => void registry.hasten(id).catch(() => undefined),
    })
    this.#watches.add(watch)
    const onClose = (): void => {
      peers.remove(id)
      this.#watches.delete(watch)
      void watch.stop()
    }
    return new PeerSource({ sourceId: id, client, intake, snapshots, clock, onClose })
  }

  async #change(added: readonly PeerAddress[], removed: readonly PeerAddress[]): Promise<void> {
    const { registry, log } = this.#parts
    const entries = await registry.peers()
    for (const { url } of removed) {
      const entry = entries.find(({ name }) => name === url)
      if (entry !== undefined) await registry.removeSource(entry.id)
      log.info({ peer: url }, 'a peer is not followed any more')
    }
    await Promise.all(added.map((peer) => this.#follow(peer)))
  }

  /** Whoever is followed may turn out to be this node: a name that changed hands, or that it could not ask before. */
  async #leaveItself(): Promise<void> {
    const { registry, log } = this.#parts
    const entries = (await registry.peers()).filter(isPeer)
    await Promise.all(
      entries.map(async (entry) => {
        if (!(await this.#isSelf(toAddress(entry)))) return
        await registry.removeSource(entry.id)
        log.info({ peer: entry.address }, 'a peer is this node itself')
      }),
    )
  }

  async #isSelf(peer: PeerAddress): Promise<boolean> {
    const { signal } = this.#stopping
    const isSelf = await this.#parts.isSelf(peer, signal)
    throwIfAborted(signal, `Asking who answers at ${peer.url}`)
    return isSelf
  }

  async #follow(peer: PeerAddress): Promise<void> {
    const { registry, log, pollMs: intervalMs } = this.#parts
    const { url, isOperators } = peer
    if (await this.#isSelf(peer)) {
      log.info({ peer: url }, 'a peer is this node itself')
      return
    }
    await registry.putPeer({
      name: url,
      kind: peerKind,
      address: url,
      settings: { isOperators },
      intervalMs,
    })
    log.info({ peer: url }, 'a peer is followed')
  }
}

/** Of each peer: connections at once; milliseconds until an answer begins, which a long question may take. */
const limits = { connections: 48, headersMs: 40_000 } as const

/** What the operator typed permits exactly that host and port. */
export function policyFor(
  { host, port }: Endpoint,
  isOperators: boolean,
  policy: AddressPolicy,
): AddressPolicy {
  return isOperators ? permitting(policy, host, port) : policy
}

function isPeer({ kind }: SourceEntry): boolean {
  return kind === peerKind
}

function toAddress({ address, settings }: SourceEntry): PeerAddress {
  return { url: address, isOperators: settings.isOperators === true }
}

/** Where content that is too big for the database lies. */
export function contentFolder(dataFolder: string): string {
  return join(dataFolder, 'content')
}
