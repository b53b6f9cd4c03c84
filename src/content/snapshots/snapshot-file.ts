import { Buffer } from 'node:buffer'
import { othersTurn } from '../../base/others-turn.ts'
import type { ContentBlobs } from '../blobs.ts'
import type { ActiveRow, ContentStore } from '../content-store.ts'
import { snapshotHeading } from './snapshot-format.ts'
import type { TimeRange } from './time-range.ts'

/** Rows that are read and written at once: a hundredth of a second for which nothing else goes on. */
const pageRows = 1_000

export interface SnapshotFileParts {
  readonly store: Pick<ContentStore, 'activeIn'>
  readonly blobs: Pick<ContentBlobs, 'receive'>
}

/** A snapshot that has been written, as it is and as gzip, and can be read under its hash. */
export interface SnapshotFile {
  readonly hash: string
  /** Bytes, before they are packed. */
  readonly size: number
  /** Lines. */
  readonly count: number
  /** When the newest of its entities was deployed here; 0: nothing is in it. */
  readonly newestMs: number
}

/**
 * Writes what is active in a range, by time and id, each row as `lineOf` has it. A page at a time: memory does not grow
 * with it, and between two pages others have their turn.
 */
export async function writeSnapshotFile(
  { store, blobs }: SnapshotFileParts,
  range: TimeRange,
  lineOf: (row: ActiveRow) => string,
  signal: AbortSignal,
): Promise<SnapshotFile> {
  let [count, newestMs] = [0, 0]
  async function* contents(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(snapshotHeading)
    let last: ActiveRow | null = null
    for (;;) {
      const rows = await store.activeIn(range, last, pageRows)
      last = rows.at(-1) ?? last
      count += rows.length
      for (const { localMs } of rows) newestMs = Math.max(newestMs, localMs)
      if (rows.length > 0) yield Buffer.from(rows.map(lineOf).join(''))
      if (rows.length < pageRows) return
      await othersTurn()
    }
  }
  const received = await blobs.receive(contents(), {
    maxBytes: Number.MAX_SAFE_INTEGER,
    isPacked: true,
    signal,
  })
  try {
    await received.keep()
  } finally {
    await received.drop()
  }
  return { hash: received.hash, size: received.size, count, newestMs }
}
