import type { StoredDeployment } from './content-store.ts'
import { firstMs } from './snapshots/time-range.ts'

/**
 * Milliseconds by which an entity's time may be ahead of its local time: clients may be 15 minutes early. Whoever begins
 * with snapshots asks for changes since so long before the end of the last of them.
 */
export const aheadMs = 20 * 60_000

/**
 * Whether there is no other way to hear of it for whoever comes later, of those that still are the greatest of a pointer:
 * it is dead, or its time is in no snapshot's range, or was far ahead when it came.
 */
export function isUnlisted({ isActive, timestamp, localMs }: StoredDeployment): boolean {
  return !isActive || timestamp < firstMs || timestamp > localMs + aheadMs
}
