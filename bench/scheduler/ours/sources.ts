/** Sources that answer from memory. */
import { SyncError } from '../../../src/base/errors.ts'
import { maxBatch, type Batch, type Source } from '../../../src/engine/source.ts'

/** Holds nothing; its work was put in past it. */
export const emptySource: Source = {
  shape: 'feed',
  list: async function* () {},
  open: () => Promise.reject(new SyncError('not-found', 'The bench opens nothing.')),
  stat: () => Promise.reject(new SyncError('not-found', 'The bench asks for nothing.')),
  check: async () => undefined,
  close: async () => undefined,
}

/** Lists `items` items in full batches, as a feed does on its first page. */
export function fullSource(items: number): Source {
  return { ...emptySource, list: () => batches(items) }
}

async function* batches(items: number): AsyncGenerator<Batch> {
  for (let from = 0; from < items; from += maxBatch) {
    const length = Math.min(maxBatch, items - from)
    yield {
      changes: Array.from({ length }, (_, n) => ({
        type: 'listed',
        item: {
          key: `file ${from + n}`,
          path: ['Artist', 'Album', `${from + n}.flac`],
          size: 30_000_000,
          mtimeMs: 1_700_000_000_000,
          version: `"${from + n}"`,
        },
      })),
      cursor: String(from + length),
    }
  }
}
