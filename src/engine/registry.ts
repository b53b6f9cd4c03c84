import type { Plan } from './policy.ts'

/** Who sources belong to, and the unit of fairness. */
export interface Owner {
  readonly id: number
  /** Unique; 1 to 64 letters, digits, `.`, `_`, `-`. */
  readonly name: string
  readonly plan: Plan
}

/** What a source is, but for its credentials. */
export interface SourceEntry {
  readonly id: number
  readonly ownerId: number
  /** Unique among its owner's. */
  readonly name: string
  /** `folder`, `webdav` ...: which drive opens it. */
  readonly kind: string
  /** A folder's path, a server's URL; never with credentials in it. */
  readonly address: string
  readonly settings: SourceSettings
  /** Time between the end of a round and the next one. */
  readonly intervalMs: number
}

export interface SourceSettings {
  readonly user?: string
  /**
   * The operator typed the address on his own command line: exactly its host and port may be reached even on his own network.
   * What comes in over HTTP is never trusted so.
   */
  readonly isOperators?: boolean
}

/** Where listings take turns: with everybody's drives, or with peers. */
export type ListPool = 'list' | 'peer'

/** A source that is its own owner: a peer, or work that the node does for itself. Its listing takes turns in `peer`. */
export interface NewPeer extends Pick<SourceEntry, 'kind' | 'address' | 'settings' | 'intervalMs'> {
  /** Unique among peers. */
  readonly name: string
}

export interface NewSource extends Omit<SourceEntry, 'id'> {
  readonly password: string | null
}

/** How a source is, for showing. */
export interface SourceStatus extends SourceEntry {
  readonly state: 'new' | 'listing' | 'waiting' | 'resting' | 'stopped' | 'paused'
  readonly lastError: {
    readonly code: string
    readonly message: string
    readonly atMs: number
  } | null
  /** Next round, or next check of a resting source; null while a round runs or a person is needed. */
  readonly nextMs: number | null
  /** The end of the last round, and how it ended. */
  readonly lastRound: LastRound | null
  /** Files that would be hidden if a person confirmed. */
  readonly withheld: number
  readonly counts: WorkCounts
}

export interface LastRound {
  /** `clean`; `unclean`: some of it could not be listed, so nothing was hidden; `withheld`; `restarted`. */
  readonly outcome: string
  readonly endedMs: number
  /** Of an unclean round: the first thing that could not be listed, and why. */
  readonly reason: { readonly code: string; readonly message: string } | null
}

export interface WorkCounts {
  /** Owed, not in a slot. */
  readonly waiting: number
  /** In a slot now, listings included. */
  readonly running: number
  /** Applied. */
  readonly done: number
  /** Parked after too many attempts. */
  readonly failed: number
  /** No good in their present version. */
  readonly skipped: number
}

export interface OwnerStatus extends Owner {
  readonly counts: WorkCounts
}

/** A file that is skipped or parked, and why. */
export interface Trouble {
  readonly sourceId: number
  readonly path: string
  readonly state: 'skipped' | 'failed'
  readonly code: string
  readonly message: string
}

/** Owners and their sources. What a command changes here, a running server sees at its next look. */
export interface Registry {
  /** Throws `bad-input` when the name is taken or no good. */
  addOwner(name: string, plan: Plan): Promise<Owner>
  /** Holds from the next claim on, for a backlog, too. */
  setPlan(ownerId: number, plan: Plan): Promise<void>
  owner(name: string): Promise<Owner | null>
  /** By name, at most `limit` behind `after`. */
  owners(limit: number, after?: string): Promise<readonly Owner[]>
  /** The source's first round is due at once. Throws `bad-input` when the owner has one of this name. */
  addSource(source: NewSource): Promise<SourceEntry>
  /** Makes a peer; of one that has its name, address, settings and interval become these. */
  putPeer(peer: NewPeer): Promise<SourceEntry>
  /** All of them, by name. */
  peers(): Promise<readonly SourceEntry[]>
  /** Its next round is due now, or right behind the one that is open: a hint that something is new there. */
  hasten(sourceId: number): Promise<void>
  source(id: number): Promise<SourceEntry | null>
  /** Whose a source is; null: it is not there. */
  ownerOf(sourceId: number): Promise<Owner | null>
  /** All of an owner, by name. */
  sources(ownerId: number): Promise<readonly SourceEntry[]>
  /** The password of a source; null if it has none. Throws `bad-key` when it cannot be opened. */
  password(sourceId: number): Promise<string | null>
  setPassword(sourceId: number, password: string): Promise<void>
  /** Holds from the end of the next round on. */
  setIntervalMs(sourceId: number, intervalMs: number): Promise<void>
  /**
   * Removes the source, what it listed, and what the library has of it. It is gone at once, and its name free again; the
   * rows that it leaves behind go with `clearRemoved`.
   */
  removeSource(id: number): Promise<void>
  /**
   * Clears away at most `limit` rows that removed sources have left behind, in one short transaction. Returns how many there
   * were; 0: nothing is left, or another process is clearing just now. May be called at any time, by several at once.
   */
  clearRemoved(limit: number): Promise<number>
  /** A round as soon as possible, after the present one if there is one; wakes a stopped or resting source and tries again what was parked. `isFull`: trust no collection versions. */
  ask(sourceId: number, isFull: boolean): Promise<void>
  setPaused(sourceId: number, isPaused: boolean): Promise<void>
  /** What is withheld may be hidden by the next round, which is asked for. Returns how many files are concerned. */
  confirmDeletions(sourceId: number): Promise<number>
  ownerStatus(ownerId: number): Promise<OwnerStatus | null>
  sourceStatus(sourceId: number): Promise<SourceStatus | null>
  /** True while a round of the source is open or anything of it is owed; parked and skipped files are not. Cheap. */
  isBusy(sourceId: number): Promise<boolean>
  /** Skipped and parked files of a source, at most `limit`. */
  troubles(sourceId: number, limit: number): Promise<readonly Trouble[]>
}
