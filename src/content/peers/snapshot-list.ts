import { SyncError } from '../../base/errors.ts'
import { isContentHash } from '../hashing.ts'
import type { TimeRange } from '../snapshots/time-range.ts'

/** A snapshot as a peer offers it. */
export interface SnapshotOffer {
  readonly hash: string
  readonly range: TimeRange
  /** It says that this one holds all that was in those, as far as it is active still: believed of this peer alone. */
  readonly replaced: readonly string[]
  /** Null: an older server, which does not say. */
  readonly generatedMs: number | null
}

/** Snapshots that one peer may offer. */
const maxSnapshots = 2_000
/** Hashes that all of them together may replace; each is looked for at every look. */
const maxReplaced = 20_000

/**
 * The answer to `GET /snapshots` (ADR-103, ADR-116): `{ hash, timeRange: { initTimestamp, endTimestamp },
 * replacedSnapshotHashes?, generationTimestamp? }`. Throws `protocol` when it is not that.
 */
export function readSnapshotList(json: unknown, peer: string): readonly SnapshotOffer[] {
  if (!Array.isArray(json) || json.length > maxSnapshots) throw nonsense(peer)
  let replaced = 0
  return json.map((element: unknown) => {
    const offer = readOffer(element)
    if (offer === null) throw nonsense(peer)
    replaced += offer.replaced.length
    if (replaced > maxReplaced) throw nonsense(peer)
    return offer
  })
}

function readOffer(element: unknown): SnapshotOffer | null {
  if (typeof element !== 'object' || element === null) return null
  const { hash, timeRange, replacedSnapshotHashes, generationTimestamp } = element as Loose
  const range = readRange(timeRange)
  const replaced = readHashes(replacedSnapshotHashes ?? [])
  if (!isHash(hash) || range === null || replaced === null) return null
  return {
    hash,
    range,
    replaced,
    generatedMs: isTime(generationTimestamp) ? generationTimestamp : null,
  }
}

function readRange(json: unknown): TimeRange | null {
  if (typeof json !== 'object' || json === null) return null
  const { initTimestamp: init, endTimestamp: end } = json as Loose
  return isTime(init) && isTime(end) && init <= end ? { init, end } : null
}

function readHashes(json: unknown): readonly string[] | null {
  if (!Array.isArray(json) || json.length > maxReplaced) return null
  return json.every((each) => isHash(each)) ? json : null
}

type Loose = Readonly<Record<string, unknown>>

function isHash(value: unknown): value is string {
  return typeof value === 'string' && isContentHash(value)
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function nonsense(peer: string): SyncError {
  return new SyncError('protocol', `${peer} offers snapshots in a form that makes no sense.`)
}
