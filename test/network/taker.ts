import type { Clock } from '../../src/base/clock.ts'
import { systemClock } from '../../src/base/clock.ts'
import { asSyncError, type SyncError } from '../../src/base/errors.ts'
import { addressPolicy, permitting } from '../../src/base/remote/address-policy.ts'
import { parseEndpoint } from '../../src/base/remote/endpoint.ts'
import { RemoteHost } from '../../src/base/remote/remote-host.ts'
import type { ContentEffect, ContentStore } from '../../src/content/content-store.ts'
import { noWallets } from '../../src/content/contract-wallet.ts'
import { entityTypes } from '../../src/content/entity.ts'
import { Examiner } from '../../src/content/examiner.ts'
import { Fetcher } from '../../src/content/peers/fetcher.ts'
import { Intake } from '../../src/content/peers/intake.ts'
import { PeerClient } from '../../src/content/peers/peer-client.ts'
import { PeerSource } from '../../src/content/peers/peer-source.ts'
import { Peers } from '../../src/content/peers/peers.ts'
import { RetrySource } from '../../src/content/peers/retry-source.ts'
import { SnapshotIntake } from '../../src/content/peers/snapshot-intake.ts'
import { contentErrors } from '../../src/content/rules/content-rules.ts'
import { ownershipOff } from '../../src/content/rules/ownership.ts'
import type { Source } from '../../src/engine/source.ts'
import { SqlContentStore } from '../../src/store/sql/content/content-store.ts'
import { SmallBlobs } from '../../src/store/sql/content/small-blobs.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { verifier } from './life.ts'
import { MemoryBlobs, type Disk } from './memory-blobs.ts'

/** What going through a peer came to. */
export interface Taken {
  /** What steps failed with. */
  readonly errors: readonly SyncError[]
  /** Where to go on; null: nothing of it was gone through. */
  readonly cursor: string | null
}

/** A node that takes what peers offer over real HTTP: each step once, and each effect is stored. */
export class Taker {
  readonly store: ContentStore
  readonly blobs: MemoryBlobs
  readonly disk: Disk = new Map()
  /** How much later it is than it is. */
  aheadMs = 0
  readonly #db = new Database(':memory:')
  readonly #peers = new Peers()
  readonly #intake: Intake
  readonly #snapshots: SnapshotIntake
  readonly #clock: Clock
  readonly #sources: PeerSource[] = []

  constructor(clock: Clock = systemClock) {
    for (const { sqlite } of migrations) this.#db.exec(sqlite)
    this.#clock = { ...bound(clock), now: () => clock.now() + this.aheadMs }
    const sql = new SqliteSql(this.#db, this.#clock)
    this.store = new SqlContentStore({ db: sql })
    this.blobs = new MemoryBlobs(new SmallBlobs({ sql }), this.disk, () => this.#clock.now())
    const { store, blobs } = this
    const fetcher = new Fetcher({ peers: this.#peers, blobs, clock: this.#clock, concurrency: 8 })
    const examiner = new Examiner({
      verifier,
      contentRules: contentErrors,
      ownership: ownershipOff,
      wallets: noWallets,
    })
    const types = new Set(entityTypes)
    this.#intake = new Intake({ store, blobs, fetcher, examiner, clock: this.#clock, types })
    this.#snapshots = new SnapshotIntake({
      store,
      blobs,
      fetcher,
      intake: this.#intake,
      scope: '',
    })
  }

  /** A peer more; gives its source. */
  peer(url: string): PeerSource {
    const endpoint = parseEndpoint(url)
    const policy = permitting(addressPolicy([]), endpoint.host, endpoint.port)
    const client = new PeerClient(new RemoteHost({ endpoint, policy, clock: this.#clock }))
    const sourceId = this.#sources.length + 1
    this.#peers.add(sourceId, client)
    const source = new PeerSource({
      sourceId,
      client,
      intake: this.#intake,
      snapshots: this.#snapshots,
      clock: this.#clock,
      onClose: () => this.#peers.remove(sourceId),
    })
    this.#sources.push(source)
    return source
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const source of this.#sources) await source.close()
    this.#db.close()
  }

  /** Lists it from there on (null: from the beginning), at most so many steps. */
  async take(source: Source, from: string | null = null, maxSteps = 50): Promise<Taken> {
    const errors: SyncError[] = []
    const steps = [from]
    let cursor: string | null = null
    for (let n = 0; n < maxSteps && steps.length > 0; n++) {
      const [step = null] = steps.splice(0, 1)
      try {
        for await (const batch of source.list(step, never)) {
          if (batch.effect !== undefined) await this.store.deploy(batch.effect as ContentEffect)
          steps.push(...(batch.next ?? []).map((next) => next.step))
          cursor = batch.cursor ?? cursor
        }
      } catch (error) {
        errors.push(asSyncError(error))
      }
    }
    return { errors, cursor }
  }

  /** Tries what has failed once more, when its time has come. */
  async retry(): Promise<Taken> {
    this.aheadMs += 12 * 3_600_000
    return this.take(
      new RetrySource({ store: this.store, intake: this.#intake, types: new Set(entityTypes) }),
    )
  }

  async active(): Promise<readonly string[]> {
    const rows = await this.store.activeIn({ init: 0, end: Number.MAX_SAFE_INTEGER }, null, 1_000)
    return rows.map(({ entityId }) => entityId)
  }

  /** What failed, by its id. */
  async failures(): Promise<Readonly<Record<string, string>>> {
    const rows = await this.store.failures({ offset: 0, limit: 1_000 })
    return Object.fromEntries(rows.map(({ entityId, description }) => [entityId, description]))
  }
}

function bound(clock: Clock): Clock {
  return {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
    after: (ms, run) => clock.after(ms, run),
  }
}

const never = new AbortController().signal
