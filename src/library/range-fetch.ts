import { SyncError } from '../base/errors.ts'
import { collect } from '../base/collect.ts'
import type { ByteRange, ItemRef, Source } from '../engine/source.ts'
import type { Fetch } from './tags/read-tags.ts'

/**
 * Fetches ranges of one item into memory: fewer bytes than asked for only at the end of the file. A remote that
 * sends more than it was asked for is `protocol`, a longer range than `maxRangeBytes` is `too-big`; what the source
 * throws goes through.
 */
export function rangeFetch(source: Source, item: ItemRef, signal: AbortSignal): Fetch {
  return async (range) => {
    const length = range.end - range.start
    if (length > maxRangeBytes) {
      throw new SyncError(
        'too-big',
        `${what(item, range)}: more than ${maxRangeBytes} bytes are not read at once.`,
      )
    }
    const { body } = await source.open(item, range, signal)
    return collect(body, length, signal, what(item, range))
  }
}

/** Bytes of one range: more than any picture. */
export const maxRangeBytes = 32 * 1_048_576

function what(item: ItemRef, { start, end }: ByteRange): string {
  return `Reading bytes ${start} to ${end} of "${item.path.join('/')}"`
}
