/** Pure arithmetic on what was measured. */

/** The smallest value that at least `share` (0 to 1] of all values do not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const rank = Math.max(1, Math.ceil(share * values.length))
  const value = values.toSorted((a, b) => a - b)[rank - 1]
  if (value === undefined) throw new RangeError('Nothing was measured.')
  return value
}

/** The middle one; of an even number the lower of the two in the middle, so that it is one that was measured. */
export const median = (values: readonly number[]): number => percentile(values, 0.5)

/**
 * Jain's index of fairness (DEC-TR-301, 1984): 1 when all shares are equal, 1/n when one has everything. Who has a
 * weight is given as share / weight.
 */
export function jainIndex(shares: readonly number[]): number {
  const sum = shares.reduce((total, share) => total + share, 0)
  const squares = shares.reduce((total, share) => total + share * share, 0)
  if (squares === 0) throw new RangeError('Nobody has a share.')
  return (sum * sum) / (shares.length * squares)
}
