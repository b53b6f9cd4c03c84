import type { EntityType, Deployment, DeploymentOffer } from './entity.ts'
import type { TimeRange } from './snapshots/time-range.ts'

/** Bytes by their hash that are small enough to be written with the deployment that brings them. */
export interface SmallBlob {
  readonly hash: string
  readonly bytes: Uint8Array
}

/** A deployment that was offered and could not be made, to be tried again. */
export interface FailedDeployment extends DeploymentOffer {
  /** Who offered it; null: nobody in particular. What he says of it is nobody else's word. */
  readonly sourceId: number | null
  readonly failedMs: number
  /** What went wrong, in a sentence. */
  readonly description: string
  /** The snapshot that offered it; null: a change feed. */
  readonly snapshotHash: string | null
  /** How often it has been tried: once, and once more whenever `dueFailures` gave it. */
  readonly attempts: number
  readonly nextMs: number
}

/** What is to be written together. Writing it twice is the same as writing it once. */
export interface ContentEffect {
  /** At most `maxEffect`. Their files are kept with them, whatever their size. */
  readonly deployments: readonly Deployment[]
  /** Content of these deployments. */
  readonly blobs: readonly SmallBlob[]
  readonly failures: readonly Omit<FailedDeployment, 'attempts' | 'nextMs' | 'failedMs'>[]
  /** Parts of snapshots that were gone through; with its last part a snapshot is processed. */
  readonly parts: readonly SnapshotPart[]
}

/** A part of a snapshot file, by the byte at which it begins. */
export interface SnapshotPart {
  readonly hash: string
  readonly start: number
}

/** What became of a deployment. */
export interface Deployed {
  readonly entityId: string
  /** When it became part of this node's history, in milliseconds since 1970; of one that was known, when it did then. */
  readonly localMs: number
  readonly isNew: boolean
}

/** A deployment as it is kept. */
export interface StoredDeployment extends Omit<Deployment, 'file' | 'metadata' | 'content'> {
  /** Grows with `localMs`; the number of the row. */
  readonly deploymentId: number
  readonly localMs: number
  readonly isActive: boolean
  /** Of the entities that had one of its pointers when it died, the least that is greater; null: it is active. */
  readonly overwrittenBy: string | null
}

/** A deployment of a change feed: the entity's metadata as JSON. */
export interface Change extends StoredDeployment {
  readonly metadata: string | null
}

/** A page of a change feed. */
export interface Changes {
  readonly rows: readonly Change[]
  /** It was ended before its limit, for it got too big: there are more. It has one row at least. */
  readonly isCut: boolean
}

/** Which changes, in the words of `GET /pointer-changes`. */
export interface ChangeQuery {
  readonly types: readonly EntityType[]
  /** Milliseconds, both ends included, on the field that is sorted by. */
  readonly from?: number
  readonly to?: number
  /** Behind this one, where the border of the page has the time of several. */
  readonly lastId?: string
  readonly sortBy: 'local' | 'entity'
  readonly order: 'asc' | 'desc'
  readonly offset: number
  readonly limit: number
}

/** Entity files as they are stored: bytes of JSON that `entityOf` reads. */
export interface EntityFile {
  readonly entityId: string
  readonly bytes: Uint8Array
}

/** A line of a snapshot to be. */
export interface ActiveRow {
  readonly entityId: string
  readonly type: EntityType
  readonly pointers: readonly string[]
  readonly authChain: string
  readonly timestamp: number
  readonly localMs: number
}

/** A snapshot that this node offers. */
export interface Snapshot {
  readonly hash: string
  readonly range: TimeRange
  /** All that is in it was in these. */
  readonly replaced: readonly string[]
  readonly count: number
  /** It holds what was active when this was the newest local time; whatever changed since has a later one. */
  readonly generatedMs: number
}

/** Snapshots that somebody has taken up, and that are not gone through. */
export interface OpenSnapshots {
  /** Who is at them; null: nobody, for they failed. */
  readonly sourceId: number | null
  /** Milliseconds since one of them was taken up, moved or failed. */
  readonly idleMs: number
}

/** What is deployed, who is active, what others offered. Times in milliseconds since 1970. */
export interface ContentStore {
  /**
   * Writes all of it in one transaction. Each `maxDeployments` of it have a local time, greater than all before, given
   * under a lock that is held until it is over; who is active does not depend on the order in which deployments come.
   * Gives what became of each, in their order. A deployment whose content could not all be had has to be dead.
   */
  deploy(effect: ContentEffect): Promise<readonly Deployed[]>

  /** Which of these entities are stored, dead or alive. */
  known(entityIds: readonly string[]): Promise<ReadonlyMap<string, number>>
  /**
   * Which of these would change nothing: for each of their pointers something greater, or they themselves, has been
   * seen. Stored or not, there is no need to fetch them.
   */
  pointless(offers: readonly DeploymentOffer[]): Promise<ReadonlySet<string>>
  /** Which of these would be dead at once, and yet leave a mark. */
  overtaken(offers: readonly DeploymentOffer[]): Promise<ReadonlySet<string>>

  /** Active entities that have one of these pointers (of any type) or ids, each once. */
  activeByPointers(pointers: readonly string[]): Promise<readonly EntityFile[]>
  activeByIds(entityIds: readonly string[]): Promise<readonly EntityFile[]>
  /** Active entities of which a pointer begins so, by pointer; `total` is how many there are. */
  activeByPrefix(
    prefix: string,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<{ readonly total: number; readonly entities: readonly EntityFile[] }>
  /** Active entities whose content lists this hash, by id. */
  activeByContent(hash: string, limit: number): Promise<readonly string[]>
  deployment(type: EntityType, entityId: string): Promise<StoredDeployment | null>
  /** At most `limit`, and about `maxPageBytes` of them. */
  changes(query: ChangeQuery): Promise<Changes>
  /**
   * Deployments since `afterMs` that are the greatest seen for at least one of their pointers, oldest first: all that a
   * node has to know that knew everything up to then.
   */
  freshest(
    afterMs: number,
    lastId: string,
    types: readonly EntityType[],
    limit: number,
  ): Promise<readonly StoredDeployment[]>
  /** The local time of the newest deployment; 0 where there is none. */
  newestMs(): Promise<number>

  /** By the time at which they failed last; of an entity that several offered the failure that is the latest. */
  failures(page: {
    readonly offset: number
    readonly limit: number
  }): Promise<readonly FailedDeployment[]>
  /**
   * Those that are to be tried again now, the longest waiting first: at most `limit` of them, each with whatever else
   * was offered of the same entity, one behind the other. They are not given again for `leaseMs`.
   */
  dueFailures(limit: number, leaseMs: number): Promise<readonly FailedDeployment[]>
  /** Nobody has to try them any more. */
  forgetFailures(
    failures: readonly Pick<FailedDeployment, 'entityId' | 'sourceId'>[],
  ): Promise<void>

  /** Active entities of a range, both ends included, by (timestamp, id), behind `after`. */
  activeIn(
    range: TimeRange,
    after: { readonly timestamp: number; readonly entityId: string } | null,
    limit: number,
  ): Promise<readonly ActiveRow[]>
  /** How many of a range are active, and when the newest change to its active set was made here. */
  activity(range: TimeRange): Promise<{ readonly count: number; readonly changedMs: number }>
  /** Oldest range first. */
  snapshots(): Promise<readonly Snapshot[]>
  /** In the place of all others that lie in its range. */
  putSnapshot(snapshot: Snapshot): Promise<void>
  /** These ranges are offered no more. */
  dropSnapshots(ranges: readonly TimeRange[]): Promise<void>

  /** Which of these have been gone through to their end, by anybody's offer. */
  processed(hashes: readonly string[]): Promise<ReadonlySet<string>>
  /**
   * Takes up a snapshot for a source: false when another source is at it and has moved within `patienceMs`, or it is
   * not to be tried yet. Its parts are those that `planSnapshot` named last.
   */
  takeSnapshot(hash: string, sourceId: number, patienceMs: number): Promise<boolean>
  /** It has these parts; none: it is processed. */
  planSnapshot(hash: string, starts: readonly number[]): Promise<void>
  /** It could not be gone through whole: not before a while (with backoff) is it taken up again. */
  failSnapshot(hash: string, reason: string): Promise<void>
  /** Who has taken up snapshots that are not gone through to their end, each once. */
  openSnapshots(): Promise<readonly OpenSnapshots[]>
  /** Processed without having been read: what it replaces was processed. */
  noteProcessed(hashes: readonly string[]): Promise<void>

  /**
   * One step of forgetting what nobody needs; call again until it is done. Content that only deployments dead for
   * `graceMs` had is let go; deployments dead for `keepDeadMs` are forgotten with their files, unless they are still the
   * greatest of a pointer, which `freshest` tells of for ever, or the content of another one. Marks stay. Of what was
   * noted of the snapshots of others the oldest goes where it is too much.
   */
  collect(limits: CollectLimits): Promise<Collected>
  /**
   * Lets go of content in the database that nobody needs and that came in, or was held, before the grace period: of
   * `limit` blobs behind `after` (null: from the first), by hash.
   */
  sweepBlobs(after: string | null, limits: SweepLimits): Promise<Swept>
  /** Which of these are needed: by an active entity or one that died within `graceMs`, as an entity file, as a snapshot. */
  needed(hashes: readonly string[], graceMs: number): Promise<ReadonlySet<string>>

  /** Small facts about the node by name. */
  fact(name: string): Promise<string | null>
  setFact(name: string, value: string): Promise<void>
}

/** Times in milliseconds. */
export interface CollectLimits {
  readonly graceMs: number
  /** At least `graceMs`. */
  readonly keepDeadMs: number
  /** Deployments to be looked at. */
  readonly limit: number
}

/** Times in milliseconds. */
export interface SweepLimits {
  readonly graceMs: number
  /** Blobs to be looked at. */
  readonly limit: number
}

export interface Swept {
  /** Blobs that were removed. */
  readonly blobs: number
  /** The last that was looked at; null: there is none behind them. */
  readonly last: string | null
}

export interface Collected {
  /**
   * Content that nobody needs and that is not in the database: whoever keeps files removes these, unless they came in
   * within the grace period.
   */
  readonly hashes: readonly string[]
  /** Blobs that were removed from the database. */
  readonly blobs: number
  /** Deployments that were forgotten. */
  readonly deployments: number
  /** Nothing is left to do for now. */
  readonly isDone: boolean
}

/** Bytes of a page of changes, behind which it has no further row. */
export const maxPageBytes = 16_777_216
/** Deployments that share a local time: a page of a feed has to hold them. */
export const maxDeployments = 250
/** Deployments in one transaction. */
export const maxEffect = 1_000
/** After so many milliseconds, doubled with every attempt, a deployment that failed is tried again. */
export const failureBackoff = { baseMs: 60_000, maxMs: 6 * 3_600_000 }
/**
 * Snapshots of others that are remembered as gone through, and those that are not: of more the ones go that were longest
 * ago, and those that have moved the longest ago. Whoever still offers them has them gone through again.
 */
export const maxRemembered = { processed: 200_000, open: 20_000 }
/** The same of a snapshot that could not be gone through. */
export const snapshotBackoff = { baseMs: 30_000, maxMs: 3_600_000 }
/**
 * Failed deployments that are remembered of each source, and characters of what was offered with them: of more, those
 * tried most often are given up first, of them the oldest. No source gives up what is another one's.
 */
export const maxFailures = { count: 50_000, size: 67_108_864 }
