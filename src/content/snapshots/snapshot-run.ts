import { throwIfAborted } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import type { Log } from '../../base/log.ts'
import { othersTurn } from '../../base/others-turn.ts'
import type { ContentBlobs } from '../blobs.ts'
import type { ContentStore, Snapshot } from '../content-store.ts'
import { RetiredFiles } from './retired-files.ts'
import { writeSnapshotFile, type SnapshotFile } from './snapshot-file.ts'
import { emptySnapshotHash, snapshotLine } from './snapshot-format.ts'
import { firstMs, isCovered, isInside, isSameRange, rangesUntil } from './time-range.ts'
import type { TimeRange } from './time-range.ts'

export interface SnapshotRunParts {
  readonly store: ContentStore
  readonly blobs: ContentBlobs
  readonly clock: Clock
  readonly log: Log
}

/** Bytes before packing: the network's servers take no snapshot that is bigger. */
const maxPeerBytes = 1_073_741_824

/**
 * Makes the snapshots of all ranges (ADR-116) and gives them, the oldest first. What has not changed stays; a file is
 * written for a range that is new or put together of smaller ones, of which the active set is another one than it was,
 * or whose file is gone. What else was offered is offered no more. May be called off or fail at any point, and be run again.
 */
export async function runSnapshots(
  parts: SnapshotRunParts,
  signal: AbortSignal,
): Promise<readonly Snapshot[]> {
  const run = await SnapshotRun.begin(parts, signal)
  const made: Snapshot[] = []
  for (const range of rangesUntil(parts.clock.now())) {
    throwIfAborted(signal, 'Writing snapshots')
    made.push(await run.snapshotOf(range))
    await othersTurn()
  }
  await run.dropOthers(made)
  await run.retired.sweep()
  return made
}

class SnapshotRun {
  readonly retired: RetiredFiles
  readonly #parts: SnapshotRunParts
  readonly #signal: AbortSignal
  /** As they were before the run. */
  readonly #saved: readonly Snapshot[]
  /** Hashes of files that are there. */
  readonly #files: Set<string>

  private constructor(
    parts: SnapshotRunParts,
    signal: AbortSignal,
    before: { readonly saved: readonly Snapshot[]; readonly files: Set<string> },
  ) {
    this.retired = new RetiredFiles(parts)
    this.#parts = parts
    this.#signal = signal
    this.#saved = before.saved
    this.#files = before.files
  }

  static async begin(parts: SnapshotRunParts, signal: AbortSignal): Promise<SnapshotRun> {
    const saved = await parts.store.snapshots()
    const sizes = await parts.blobs.sizes([emptySnapshotHash, ...saved.map(({ hash }) => hash)])
    return new SnapshotRun(parts, signal, { saved, files: new Set(sizes.keys()) })
  }

  async snapshotOf(range: TimeRange): Promise<Snapshot> {
    const { store } = this.#parts
    // First: whatever changes from now on has a later time, whether it gets into the file or not.
    const generatedMs = Math.max(firstMs, await store.newestMs())
    const activity = await store.activity(range)
    const inside = this.#saved.filter((saved) => isInside(saved.range, range))
    const same = inside.find((saved) => isSameRange(saved.range, range))
    if (same !== undefined && this.#files.has(same.hash) && isUpToDate(same, activity)) {
      if (same.generatedMs === generatedMs && inside.length === 1) return same
      return this.#put({ ...same, generatedMs }, inside)
    }
    const file = activity.count === 0 ? await this.#emptyFile(range) : await this.#write(range)
    const { hash, count } = file
    const before = same === undefined ? inside : [same]
    const replaced = same?.hash === hash ? same.replaced : replacedBy(file, range, before)
    return this.#put({ hash, range, replaced, count, generatedMs }, inside)
  }

  /**
   * A clock that was ahead has left ranges that lie in none of these: nobody could tell which of both to offer. What lies
   * before the first range is not ours.
   */
  async dropOthers(made: readonly Snapshot[]): Promise<void> {
    const others = this.#saved.filter(
      ({ range }) => range.init >= firstMs && !made.some((one) => isInside(range, one.range)),
    )
    const kept = new Set(made.map(({ hash }) => hash))
    await this.retired.retire(others.map(({ hash }) => hash).filter((hash) => !kept.has(hash)))
    await this.#parts.store.dropSnapshots(others.map(({ range }) => range))
  }

  async #put(snapshot: Snapshot, inside: readonly Snapshot[]): Promise<Snapshot> {
    const others = new Set(inside.map(({ hash }) => hash))
    others.delete(snapshot.hash)
    await this.retired.retire([...others])
    await this.#parts.store.putSnapshot(snapshot)
    return snapshot
  }

  async #emptyFile(range: TimeRange): Promise<SnapshotFile> {
    if (!this.#files.has(emptySnapshotHash)) return this.#write(range)
    return { hash: emptySnapshotHash, size: 0, count: 0, newestMs: 0 }
  }

  async #write(range: TimeRange): Promise<SnapshotFile> {
    const file = await writeSnapshotFile(this.#parts, range, snapshotLine, this.#signal)
    this.#files.add(file.hash)
    if (file.size > maxPeerBytes) {
      const { hash, size } = file
      this.#parts.log.warn({ hash, size, ...range }, 'a snapshot is bigger than other servers take')
    }
    return file
  }
}

/** Whether nothing came to its active set, and nothing went: the newest change may have been forgotten, the count tells. */
function isUpToDate(
  { count, generatedMs }: Snapshot,
  activity: { readonly count: number; readonly changedMs: number },
): boolean {
  return count === activity.count && activity.changedMs <= generatedMs
}

/**
 * What a peer need not have processed anew if it has processed all of these: only if all that is in the file was in
 * them. The empty snapshot is never among them: everybody has processed it, of whatever range.
 */
function replacedBy(
  file: SnapshotFile,
  range: TimeRange,
  before: readonly Snapshot[],
): readonly string[] {
  const ranges = before.map((snapshot) => snapshot.range)
  const isOld = before.every(({ generatedMs }) => file.newestMs <= generatedMs)
  if (file.count === 0 || !isOld || !isCovered(range, ranges)) return []
  const hashes = new Set(before.map(({ hash }) => hash))
  hashes.delete(file.hash)
  hashes.delete(emptySnapshotHash)
  return [...hashes]
}
