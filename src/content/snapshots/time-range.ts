/** From `init` to `end`, both included, in milliseconds since 1970. */
export interface TimeRange {
  readonly init: number
  readonly end: number
}

const dayMs = 86_400_000
/** 2020-01-01: what is older is in no snapshot. */
export const firstMs = 1_577_836_800_000

/** Days of a range, and how many have to be left for one: a block of each smaller size comes behind it. */
const sizes = [
  { days: 336, needed: 336 + 28 + 7 + 1 },
  { days: 28, needed: 28 + 7 + 1 },
  { days: 7, needed: 7 + 1 },
  { days: 1, needed: 1 },
] as const

/**
 * The ranges that snapshots are cut into (ADR-116, as the network's servers divide it): from 2020 to the beginning of
 * the present day (UTC), each beginning where the one before ends; big ones first, so that few change with the days.
 */
export function rangesUntil(nowMs: number): readonly TimeRange[] {
  const ranges: TimeRange[] = []
  let init = firstMs
  for (const { days, needed } of sizes) {
    while (nowMs - init >= needed * dayMs) {
      const end = init + days * dayMs
      ranges.push({ init, end })
      init = end
    }
  }
  return ranges
}

export function isSameRange(one: TimeRange, other: TimeRange): boolean {
  return one.init === other.init && one.end === other.end
}

export function isInside(inner: TimeRange, outer: TimeRange): boolean {
  return inner.init >= outer.init && inner.end <= outer.end
}

/** Whether `parts`, oldest first, are `whole` without a gap and without going twice over the same. */
export function isCovered(whole: TimeRange, parts: readonly TimeRange[]): boolean {
  let reached = whole.init
  for (const { init, end } of parts) {
    if (init !== reached) return false
    reached = end
  }
  return reached === whole.end && parts.length > 0
}
