import type { Pool } from './task.ts'

/** How slot time is charged to lanes: by the time used, or one unit a task (the literal round robin). */
export type Charge = 'time' | 'tasks'

/** Slots by pool; none where a pool is not named. */
export type Slots = Readonly<Partial<Record<Pool, number>>> & {
  readonly list: number
  readonly read: number
}

/** Every number that the engine goes by. Times in milliseconds. */
export interface Policy {
  readonly charge: Charge
  /** Slots by pool. */
  readonly slots: Slots
  /** How long a task may hold a slot. */
  readonly leaseMs: number
  /** How long a listing may that goes on: each batch that is stored begins its lease anew. */
  readonly longestListMs: number
  /** The worker's signal fires so long before its lease ends. */
  readonly graceMs: number
  /** Failed attempts after which a task is parked. */
  readonly maxAttempts: number
  /** Leases that ran out after which a task is parked. */
  readonly maxCrashes: number
  readonly retryBaseMs: number
  readonly retryMaxMs: number
  /** Failures in a row that open a source's breaker. */
  readonly maxFailures: number
  readonly restBaseMs: number
  readonly restMaxMs: number
  /** Time in which a check of a resting source has to answer. */
  readonly checkMs: number
  /** Tasks in flight per queue: at the beginning, and at most. */
  readonly windowStart: number
  readonly windowMax: number
  /** A success within this time widens the window. */
  readonly quickMs: number
  /** A tree's collection versions are trusted so long after a full walk that did not. */
  readonly trustMs: number
  /** After a round in which files went away, the next one comes this soon: what moved turns up. */
  readonly afterGoneMs: number
  /** Files gone at once that are withheld until a person confirms: more than so many, and more than half. */
  readonly withholdAbove: number
  /** The identity of what went away is kept so long. */
  readonly tombstoneMs: number
  /** Owed work of a source that does not move for so long is a stall. */
  readonly stallMs: number
}

export const defaultPolicy: Policy = {
  charge: 'time',
  slots: { list: 24, read: 32 },
  leaseMs: 120_000,
  longestListMs: 1_800_000,
  graceMs: 5_000,
  maxAttempts: 6,
  maxCrashes: 3,
  retryBaseMs: 5_000,
  retryMaxMs: 3_600_000,
  maxFailures: 5,
  restBaseMs: 15_000,
  restMaxMs: 1_800_000,
  checkMs: 10_000,
  windowStart: 4,
  windowMax: 32,
  quickMs: 2_000,
  trustMs: 7 * 86_400_000,
  afterGoneMs: 60_000,
  withholdAbove: 20,
  tombstoneMs: 30 * 86_400_000,
  stallMs: 600_000,
}

/** Slots of a pool that may be held for longer than a lease: a quarter, so that nobody waits for long listings alone. */
export function longLeases({ slots }: Policy, pool: Pool): number {
  return Math.max(1, Math.floor((slots[pool] ?? 0) / 4))
}

/** What share an owner gets: tasks a turn. */
export const planWeights = { free: 1, premium: 3 } as const

export type Plan = keyof typeof planWeights
