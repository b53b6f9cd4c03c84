import type { ErrorCode, Remedy } from '../base/errors.ts'
import type { Effect, Item } from './handler.ts'
import type { ListedItem, NextStep } from './source.ts'

/** A kind of slot. A listing never takes a reading slot; classification (`cpu`) and peers have slots of their own. */
export const pools = ['list', 'read', 'cpu', 'peer'] as const

export type Pool = (typeof pools)[number]

/** 0 a person waits for it, 1 a sync, 2 background. */
export type WorkClass = 0 | 1 | 2

interface Lease {
  /** Unique for all time. What a task did counts only while its fence is the one in the task's row. */
  readonly fence: number
  readonly pool: Pool
  readonly slot: number
  readonly ownerId: number
  readonly sourceId: number
  /** The slot is free again after this moment, no matter what. */
  readonly untilMs: number
}

/** List one step. */
export interface ListClaim extends Lease {
  readonly kind: 'list'
  readonly roundId: number
  readonly step: string | null
}

/** Read one item. */
export interface ReadClaim extends Lease {
  readonly kind: 'read'
  readonly item: Item
  /** Applied already with the same stable id, version and size. */
  readonly known: Item | null
}

/** Ask once more for items that a round did not see; at most `maxAsked`. */
export interface SettleClaim extends Lease {
  readonly kind: 'settle'
  readonly roundId: number
  /** `isSaidGone`: the feed itself said so, nothing needs to be asked. */
  readonly candidates: readonly { readonly item: Item; readonly isSaidGone: boolean }[]
}

/** Of a kind, or with contents, that this version does not know: nobody here can do it. */
export interface UnknownClaim extends Lease {
  readonly kind: 'unknown'
  /** What its row calls it. */
  readonly name: string
}

export type Claim = ListClaim | ReadClaim | SettleClaim | UnknownClaim

/** An error as a result carries it. */
export interface Failure {
  readonly code: ErrorCode
  readonly remedy: Remedy
  readonly message: string
  readonly retryAfterMs?: number
}

interface Ending {
  readonly claim: Claim
  /** Slot time used, in milliseconds with a fraction. */
  readonly usedMs: number
}

/** A batch in the middle of a step: stored, and the task goes on. */
export interface Found {
  readonly type: 'found'
  readonly claim: ListClaim
  readonly items: readonly ListedItem[]
  readonly gone: readonly string[]
  readonly effect: Effect | null
  readonly isTree: boolean
}

/** The end of a step, with its last batch. */
export interface Listed extends Ending {
  readonly type: 'listed'
  readonly claim: ListClaim
  readonly items: readonly ListedItem[]
  readonly gone: readonly string[]
  readonly effect: Effect | null
  readonly isTree: boolean
  readonly next: readonly NextStep[]
  readonly cursor: string | null
  /** Of a tree: row ids of what earlier batches of the place held, as `found` was answered. What is in neither is missing now. */
  readonly seen: ReadonlySet<number>
}

export interface Applied extends Ending {
  readonly type: 'applied'
  readonly claim: ReadClaim
  readonly effect: Effect
}

/** The item was found to be another version than the listed one: it is still owed, in this new version. */
export interface Changed extends Ending {
  readonly type: 'changed'
  readonly claim: ReadClaim
  readonly item: ListedItem
  readonly failure: Failure
}

export interface Settled extends Ending {
  readonly type: 'settled'
  readonly claim: SettleClaim
  readonly gone: readonly number[]
  readonly kept: readonly number[]
  /** Nobody could say: they stay, and the round is not clean. */
  readonly unknown: readonly number[]
}

export interface Failed extends Ending {
  readonly type: 'failed'
  readonly failure: Failure
}

/** Given back unblamed: the process is draining. */
export interface Released extends Ending {
  readonly type: 'released'
}

/** What the cheap check of a resting source said. */
export interface Checked {
  readonly type: 'checked'
  readonly sourceId: number
  readonly failure: Failure | null
}

export type Result = Found | Listed | Applied | Changed | Settled | Failed | Released | Checked

/** Items that one settle task asks for. */
export const maxAsked = 50
