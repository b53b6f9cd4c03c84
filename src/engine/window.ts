import type { ErrorCode } from '../base/errors.ts'
import type { Policy } from './policy.ts'

/**
 * How many tasks of one queue may be in flight. Starts small, doubles with quick success, halves when the remote
 * slows down: a dead drive never takes all slots first, and a fast one alone gets them all.
 */
export interface Window {
  readonly window: number
  /** Quick successes since the window last changed. */
  readonly streak: number
}

export function widened(before: Window, usedMs: number, policy: Policy): Window {
  if (usedMs > policy.quickMs) return { window: before.window, streak: 0 }
  const streak = Math.min(before.streak + 1, before.window)
  if (streak < before.window || before.window >= policy.windowMax) {
    return streak === before.streak ? before : { window: before.window, streak }
  }
  return { window: Math.min(before.window * 2, policy.windowMax), streak: 0 }
}

const slowing: ReadonlySet<ErrorCode> = new Set(['rate-limited', 'unavailable', 'timeout'])

export function narrowed(before: Window, code: ErrorCode): Window {
  if (!slowing.has(code)) return before
  return { window: Math.max(1, Math.floor(before.window / 2)), streak: 0 }
}
