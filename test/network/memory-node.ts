import type { Received, ReceiveLimits } from '../../src/content/blobs.ts'
import type { ContentEffect, ContentStore } from '../../src/content/content-store.ts'
import { entityTypes, type EntityType } from '../../src/content/entity.ts'
import { Examiner } from '../../src/content/examiner.ts'
import { Fetcher, type FetcherParts } from '../../src/content/peers/fetcher.ts'
import { Intake } from '../../src/content/peers/intake.ts'
import { PeerClient } from '../../src/content/peers/peer-client.ts'
import { Peers } from '../../src/content/peers/peers.ts'
import { SqlContentStore } from '../../src/store/sql/content/content-store.ts'
import { SmallBlobs } from '../../src/store/sql/content/small-blobs.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { examinerParts } from '../content/examiner-parts.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { MemoryBlobs, type Disk } from './memory-blobs.ts'
import { MemoryPeer } from './memory-peer.ts'

/** What a node knows, has and takes: the real parts on a database in memory, with a clock that is moved by hand. */
export class MemoryNode {
  readonly clock = new VirtualClock(Date.UTC(2026, 10, 1))
  readonly disk: Disk = new Map()
  readonly store: ContentStore
  readonly blobs: MemoryBlobs
  readonly examiner = new Examiner(examinerParts)
  readonly peers = new Peers()
  readonly fetcher: Fetcher
  readonly intake: Intake
  /** Hashes of what came in and was let go of. */
  readonly dropped: string[] = []
  /** Files that came in and were read before they were kept. */
  readFiles = 0
  readonly #db = new Database(':memory:')

  constructor(types: readonly EntityType[] = entityTypes) {
    for (const { sqlite } of migrations) this.#db.exec(sqlite)
    const { clock, peers, examiner } = this
    const sql = new SqliteSql(this.#db, clock)
    this.store = new SqlContentStore({ db: sql })
    this.blobs = new MemoryBlobs(new SmallBlobs({ sql }), this.disk, () => clock.now())
    const watched: FetcherParts['blobs'] = {
      receive: (source, limits) => this.receive(source, limits),
    }
    this.fetcher = new Fetcher({ peers, blobs: watched, clock, concurrency: 8 })
    const { store, blobs, fetcher } = this
    this.intake = new Intake({ store, blobs, fetcher, examiner, clock, types: new Set(types) })
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  /** Somebody whom content can be fetched from. */
  peer(sourceId: number): MemoryPeer {
    const peer = new MemoryPeer(`peer${sourceId}`)
    this.peers.add(sourceId, new PeerClient(peer))
    return peer
  }

  /** Moves the clock, and all that waits for it. */
  async pass(ms: number): Promise<void> {
    await this.clock.runUntil(() => false, ms)
  }

  async deploy(effects: AsyncIterable<ContentEffect>): Promise<void> {
    for await (const effect of effects) await this.store.deploy(effect)
  }

  /** Ids, by time. */
  async active(): Promise<readonly string[]> {
    const rows = await this.store.activeIn({ init: 0, end: Number.MAX_SAFE_INTEGER }, null, 1_000)
    return rows.map(({ entityId }) => entityId)
  }

  /** What failed, by its id. */
  async failures(): Promise<Readonly<Record<string, string>>> {
    const rows = await this.store.failures({ offset: 0, limit: 1_000 })
    return Object.fromEntries(rows.map(({ entityId, description }) => [entityId, description]))
  }

  /** As its blobs do, but that what is dropped is written down. */
  async receive(source: AsyncIterable<Uint8Array>, limits: ReceiveLimits): Promise<Received> {
    const received = await this.blobs.receive(source, limits)
    const drop = async (): Promise<void> => {
      this.dropped.push(received.hash)
      await received.drop()
    }
    const read = (): Promise<Uint8Array> => {
      this.readFiles++
      return received.read()
    }
    return { ...received, read, drop }
  }
}
