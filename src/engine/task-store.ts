import type { Claim, Failure, Pool, Result } from './task.ts'

/** What a store answers to one result, in the order of the results. */
export interface Ack {
  /** False: the task was not held any more (fence or lease); nothing of the result was written. */
  readonly isHeld: boolean
  /** The result could not be written, by a fault of ours: its task failed with this instead. */
  readonly failure?: Failure
  /** To `found`: the row ids of the items, in their order. */
  readonly rows?: readonly number[]
  /** To `found`: until when the task holds its slot now. */
  readonly untilMs?: number
}

export interface Turn {
  readonly acks: readonly Ack[]
  readonly claims: readonly Claim[]
  /** Resting sources that are due for their check; each is asked by nobody else for `checkMs`. */
  readonly checks: readonly number[]
  /** When there may be something to do that is not due yet; null: only when something happens. */
  readonly nextMs: number | null
  /** The store's time in this turn, by which all its times are told; another machine's clock may differ. */
  readonly nowMs: number
}

export type FreeSlots = Readonly<Partial<Record<Pool, number>>>

export interface Stall {
  readonly sourceId: number
  /** When its owed work last moved, or its round came due. */
  readonly sinceMs: number
}

/**
 * Where owed work, tasks, rounds, lanes and slots are kept. Whatever happens happens in `turn`, in one transaction:
 * after a crash at any point either all of a turn is there or nothing of it.
 */
export interface TaskStore {
  /**
   * Makes the slots what the policy says. Leases of a former process are void: it holds no lock any more, so nothing
   * of it can still count. Called once, before the first turn.
   */
  open(): Promise<void>
  /** This process does no more work; what it may still hold comes back when its leases have passed. */
  close(): Promise<void>
  /**
   * 1. Writes results, each whole or not at all; a result counts only if its task holds the fence and the lease has not passed.
   * 2. Returns tasks whose lease has passed, makes delayed tasks ready whose time has come, starts rounds that are due.
   * 3. Claims for the free slots that the process offers, fairly.
   * At most `maxResults` results.
   */
  turn(results: readonly Result[], free: FreeSlots): Promise<Turn>
  /**
   * Sources whose owed or due work has not moved for `forMs` (left out: the policy's `stallMs`), though nothing holds it
   * back; those that wait for longest come first, at most `maxStalls`. None while every process is paused.
   */
  stalls(forMs?: number): Promise<readonly Stall[]>
  /** Removes tombstones whose time has passed; at most `limit`. Returns how many. */
  purge(limit: number): Promise<number>
}

/** Stalls that are told at a time. */
export const maxStalls = 100

/** Results in one turn. */
export const maxResults = 64
