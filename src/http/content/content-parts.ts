import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import type { ContentBlobs } from '../../content/blobs.ts'
import type { ContentStore } from '../../content/content-store.ts'
import type { Deploying, NodeStatus } from '../../content/deploying.ts'
import type { EntityType } from '../../content/entity.ts'
import type { UploadLimits } from './upload.ts'

/** What stands behind the HTTP face of a node. */
export interface ContentParts {
  readonly store: Pick<
    ContentStore,
    | 'activeByPointers'
    | 'activeByIds'
    | 'activeByPrefix'
    | 'activeByContent'
    | 'deployment'
    | 'changes'
    | 'freshest'
    | 'newestMs'
    | 'failures'
  >
  readonly blobs: Pick<ContentBlobs, 'sizes' | 'open' | 'openGzip' | 'receive'>
  /** null: a node that takes no deployments of clients. */
  readonly deploying: Deploying | null
  readonly snapshots: ServedSnapshots
  readonly status: () => NodeStatus
  /** Calls back, until the function that it gives is called, whenever there may be something new. A hint may be lost. */
  readonly onNews: (callback: () => void) => () => void
  readonly about: About
  readonly log: Log
  readonly clock: Clock
  /** Below which path the node is served: begins with a slash and does not end with one. */
  readonly prefix?: string
  readonly limits?: UploadLimits
}

/** What a node tells of itself that stays the same. */
export interface About {
  readonly version: string
  readonly commitHash: string
  readonly ethNetwork: string
  /** Another one for each process, so that a node can find itself among others. */
  readonly challengeText: string
  /** Which kinds of entities it holds; null: all. */
  readonly types: readonly EntityType[] | null
}

/** An answer that stands ready. */
export interface ReadyJson {
  readonly bytes: Uint8Array
  /** With its quotes. */
  readonly etag: string
}

/** The snapshots that are offered at present, from memory. */
export interface ServedSnapshots {
  /** null: not written yet. */
  readonly offered: {
    /** `GET /snapshots` (ADR-116). */
    readonly body: ReadyJson
    /** `GET /snapshot`: all in one file (ADR-52); null: it is not written. */
    readonly legacy: ReadyJson | null
    /** Of the files, which are kept as gzip too. */
    readonly hashes: ReadonlySet<string>
  } | null
}

/** Where the network's own nodes have it. */
export const usualPrefix = '/content'
