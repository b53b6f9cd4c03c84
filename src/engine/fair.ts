import type { Charge } from './policy.ts'

/**
 * Start-time fair queueing over lanes (Goyal et al. 1996). A lane has a virtual time; the ready lane with the smallest
 * one is next, and being served moves it by cost / weight. One unit of cost moves a lane of weight 1 by `stride`,
 * which every weight from 1 to 16 divides, so that equal costs give the exact weighted round robin.
 */
export const stride = 720_720

/** Slot time that counts as one unit of cost when time is charged. */
const unitMs = 1_000

/** How far a lane moves when it is given a slot for a task that is expected to take `expectedMs`. */
export function advance(charge: Charge, expectedMs: number, weight: number): number {
  if (charge === 'tasks') return Math.round(stride / weight)
  return timeCharge(expectedMs, weight)
}

/** What slot time costs a lane, whole and at least 1 so that every turn moves it. */
export function timeCharge(usedMs: number, weight: number): number {
  return Math.max(1, Math.round((usedMs / unitMs) * (stride / weight)))
}

/** Expected slot time of a queue's next task: an average that forgets (a fifth is new each time). */
export function expectation(beforeMs: number, usedMs: number): number {
  return beforeMs + (usedMs - beforeMs) / 5
}

/** Slot time expected of a queue that has never run, in milliseconds. */
export const firstExpectationMs = 50

const classes = [0, 1, 2] as const
type Class = (typeof classes)[number]

/**
 * The order in which classes are asked for the turn-th slot of a pool: a waiting person first; but every 8th slot is
 * offered to syncs first and every 16th to background work, so that neither starves.
 */
export function classOrder(turn: number): readonly Class[] {
  if (turn % 16 === 11) return [2, 0, 1]
  if (turn % 8 === 7) return [1, 0, 2]
  return classes
}
