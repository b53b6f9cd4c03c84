import type { Snapshot } from '../content-store.ts'
import { RetiredFiles } from './retired-files.ts'
import { writeSnapshotFile } from './snapshot-file.ts'
import { legacyLine } from './snapshot-format.ts'
import type { SnapshotRunParts } from './snapshot-run.ts'
import { isSameRange, type TimeRange } from './time-range.ts'

/**
 * The one file of ADR-52's own time, with all that is active of any time. Among the snapshots of a store it has a range
 * of its own, where no other lies.
 */
export const legacyRange: TimeRange = { init: 0, end: 0 }

export function isLegacyRange(range: TimeRange): boolean {
  return isSameRange(range, legacyRange)
}

/** Writes it, if anything has changed since. Its `generatedMs` is the local time up to which all is in it. */
export async function runLegacy(parts: SnapshotRunParts, signal: AbortSignal): Promise<Snapshot> {
  const { store, blobs } = parts
  const saved = (await store.snapshots()).find(({ range }) => isLegacyRange(range))
  const generatedMs = await store.newestMs()
  if (saved !== undefined && saved.generatedMs === generatedMs) {
    const there = await blobs.sizes([saved.hash])
    if (there.has(saved.hash)) return saved
  }
  const everything = { init: 0, end: Number.MAX_SAFE_INTEGER }
  const { hash, count } = await writeSnapshotFile(parts, everything, legacyLine, signal)
  if (saved !== undefined && saved.hash !== hash) {
    await new RetiredFiles(parts).retire([saved.hash])
  }
  const snapshot = { hash, range: legacyRange, replaced: [], count, generatedMs }
  await store.putSnapshot(snapshot)
  return snapshot
}

/** The answer to `GET /snapshot`, as JSON. One file for all types is what its readers need. */
export function legacyBody({ hash, generatedMs }: Snapshot): string {
  return JSON.stringify({ hash, lastIncludedDeploymentTimestamp: generatedMs, entities: {} })
}
