import { expect, test } from 'vitest'
import type { StoredDeployment } from './content-store.ts'
import { firstMs } from './snapshots/time-range.ts'
import { aheadMs, isUnlisted } from './unlisted.ts'

const localMs = firstMs + 86_400_000
// What else there is of it does not matter.
const of = (timestamp: number, isActive = true): StoredDeployment =>
  ({ isActive, timestamp, localMs }) as StoredDeployment

test('whoever comes late finds what is active in a snapshot, or in the changes behind the last one', () => {
  for (const timestamp of [firstMs, localMs, localMs + aheadMs])
    expect(isUnlisted(of(timestamp))).toBe(false)
})

test('he finds nowhere else what is dead, was there before the snapshots, or was far ahead', () => {
  for (const deployment of [of(localMs, false), of(firstMs - 1), of(localMs + aheadMs + 1)])
    expect(isUnlisted(deployment)).toBe(true)
})
