import { randomUUID } from 'node:crypto'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { BlobFiles, ContentBlobs } from '../content/blobs.ts'
import { Collector } from '../content/collector.ts'
import type { ContentStore } from '../content/content-store.ts'
import { Lease } from '../content/lease.ts'
import { RetiredFiles } from '../content/snapshots/retired-files.ts'
import type { Snapshots } from '../content/snapshots/snapshots.ts'
import type { ContentFiles } from '../store/blobs/content-files.ts'
import { SqlLeases } from '../store/sql/content/leases.ts'
import type { SqlDatabase } from '../store/sql/sql.ts'

/** What the process holds that does it. */
export const upkeepLease = 'upkeep'

export interface ContentUpkeepParts {
  readonly db: SqlDatabase
  readonly store: ContentStore
  readonly blobs: ContentBlobs & BlobFiles
  readonly files: Pick<ContentFiles, 'clear'>
  readonly keepDeadMs: number
  readonly clock: Clock
  readonly log: Log
}

/**
 * What a node does now and then for itself, in one process at a time however many work on its database: writing
 * snapshots, removing what nobody needs.
 */
export class ContentUpkeep {
  readonly #lease: Lease
  readonly #collector: Collector
  #isStarted = false

  constructor(parts: ContentUpkeepParts) {
    const { db, store, blobs, files, keepDeadMs, clock, log } = parts
    this.#lease = new Lease({
      leases: new SqlLeases({ db }),
      name: upkeepLease,
      // The one process that may work on a file takes over at once from the one before, however that ended.
      holder: db.isShared ? randomUUID() : 'the only one',
      clock,
    })
    const retired = new RetiredFiles({ store, blobs, clock })
    this.#collector = new Collector({
      store,
      blobs,
      kept: () => retired.hashes(),
      clear: (beforeMs) => files.clear(beforeMs),
      keepDeadMs,
      clock,
      log,
      isOurs: () => this.isOurs,
    })
  }

  /** This is the process that does it. */
  get isOurs(): boolean {
    return this.#lease.isHeld
  }

  /** Once, in a process that does the work. */
  async start(snapshots: Snapshots): Promise<void> {
    this.#isStarted = true
    await this.#lease.start()
    await snapshots.start()
    this.#collector.start()
  }

  /** To be called behind everything that it does. */
  async stop(snapshots: Snapshots): Promise<void> {
    await this.#collector.stop()
    await snapshots.stop()
    if (this.#isStarted) await this.#lease.stop()
  }
}
