import type { Deployment, EntityType } from '../../content/entity.ts'
import type { ContentEffect, FailedDeployment, Snapshot } from '../../content/content-store.ts'

/** What a content node knows, as plain lists: it outlives the store that works on it. */
export interface ContentRows {
  /** In the order of their local times, then of their ids. */
  deployments: KeptDeployment[]
  /** Every entity ever seen, for good. */
  readonly seen: SeenEntity[]
  readonly blobs: Map<string, { readonly bytes: Uint8Array; readonly storedMs: number }>
  failures: FailedDeployment[]
  snapshots: Snapshot[]
  /** When, by hash. */
  readonly processed: Map<string, number>
  readonly work: Map<string, SnapshotWork>
  readonly facts: Map<string, string>
  lastMs: number
  lastId: number
}

export interface KeptDeployment {
  readonly id: number
  readonly deployment: Deployment
  readonly localMs: number
  /** Who was there when it died, and when that was. */
  death: { readonly by: string; readonly diedMs: number } | null
  isSwept: boolean
}

export interface SeenEntity {
  readonly type: EntityType
  readonly pointers: readonly string[]
  readonly entityId: string
  readonly timestamp: number
}

export interface SnapshotWork {
  sourceId: number | null
  movedMs: number
  attempts: number
  nextMs: number
  /** Parts that are left; null: it has none, as it was never planned or has failed since. */
  parts: Set<number> | null
}

export type NewFailure = ContentEffect['failures'][number]

export function contentRows(): ContentRows {
  return {
    deployments: [],
    seen: [],
    blobs: new Map(),
    failures: [],
    snapshots: [],
    processed: new Map(),
    work: new Map(),
    facts: new Map(),
    lastMs: 0,
    lastId: 0,
  }
}
