import type { Random } from '../base/random.ts'
import type { Policy } from './policy.ts'
import type { ListPool } from './registry.ts'

/** Of a source: `well`, `resting` until its next check, `stopped` until a person acts. */
export const health = { well: 0, resting: 1, stopped: 2 } as const

/**
 * One breaker a source, over all its queues and pools. When it opens, the source rests: nothing of it is claimed, and
 * what ran at that moment has no say any more. A resting source is asked by its cheap check, never by a task.
 */
export interface Breaker {
  readonly health: number
  readonly restUntilMs: number | null
  /** Times opened since the last success: the rests double. */
  readonly trips: number
  /** Failures of the source in a row. */
  readonly failures: number
  /** The last 20 results, newest in the lowest bit; 1 is a failure. */
  readonly recent: number
  /** Results of tasks with a fence up to this one are ignored: they were claimed before it opened. */
  readonly fenceFloor: number
  /** When the source last answered well. */
  readonly okMs: number | null
}

const recentMask = 0xf_ffff
const recentHalf = 10

export function succeeded(before: Breaker, nowMs: number): Breaker {
  const { restUntilMs, fenceFloor } = before
  if (isFlawless(before) && isLately(before.okMs, nowMs)) return before
  const recent = (before.recent << 1) & recentMask
  return {
    health: before.health,
    restUntilMs,
    trips: 0,
    failures: 0,
    recent,
    fenceFloor,
    okMs: nowMs,
  }
}

/** Milliseconds within which one more success is no news, so that it need not be written. */
const newsMs = 1_000

/** Something that is told so often happened so shortly before that it need not be told again. */
export function isLately(beforeMs: number | null, nowMs: number): boolean {
  return beforeMs !== null && beforeMs <= nowMs && nowMs - beforeMs < newsMs
}

function isFlawless({ trips, failures, recent }: Breaker): boolean {
  return trips === 0 && failures === 0 && recent === 0
}

export interface Setback {
  readonly nowMs: number
  /** The newest fence that was ever given. */
  readonly fence: number
  readonly retryAfterMs?: number | undefined
  readonly random: Random
  readonly policy: Policy
}

/** The source failed a task: after several in a row, most of the last 20, or a wish to be left alone, it rests. */
export function failed(before: Breaker, setback: Setback): Breaker {
  const failures = before.failures + 1
  const recent = ((before.recent << 1) | 1) & recentMask
  const counted = { ...before, failures, recent }
  const isTripped =
    failures >= setback.policy.maxFailures ||
    ones(recent) > recentHalf ||
    setback.retryAfterMs !== undefined
  return isTripped ? rested(counted, setback) : counted
}

/** The source rests, longer each time. */
export function rested(before: Breaker, setback: Setback): Breaker {
  const { policy, random, nowMs } = setback
  const backoffMs = Math.min(policy.restMaxMs, policy.restBaseMs * 2 ** Math.min(before.trips, 30))
  const restMs = Math.max(
    Math.round(backoffMs * (0.75 + random() / 2)),
    Math.min(setback.retryAfterMs ?? 0, policy.restMaxMs),
  )
  return {
    ...before,
    health: health.resting,
    restUntilMs: nowMs + restMs,
    trips: before.trips + 1,
    failures: 0,
    recent: 0,
    fenceFloor: setback.fence,
  }
}

/** The check passed: the source is well; its rests stay long until a task succeeds, too. */
export function recovered(before: Breaker, nowMs: number): Breaker {
  return { ...before, health: health.well, restUntilMs: null, failures: 0, recent: 0, okMs: nowMs }
}

/**
 * Of a drive, it needs a person. A peer is nobody's, and what is wrong there is mended there: it rests as long as any
 * source does, and is asked again.
 */
export function stopped(before: Breaker, setback: Setback, listPool: ListPool): Breaker {
  const { policy, fence } = setback
  if (listPool === 'peer') return rested(before, { ...setback, retryAfterMs: policy.restMaxMs })
  return { ...before, health: health.stopped, restUntilMs: null, fenceFloor: fence }
}

function ones(bits: number): number {
  let count = 0
  for (let rest = bits; rest > 0; rest >>>= 1) count += rest & 1
  return count
}
