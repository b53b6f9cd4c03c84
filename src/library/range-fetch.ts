import { SyncError } from '../base/errors.ts'
import { cancellation, destroyOnAbort } from '../base/abort.ts'
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
    destroyOnAbort(body, signal, what(item, range))
    const chunks: Uint8Array[] = []
    let received = 0
    try {
      // Leaving the loop early destroys the body.
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        received += chunk.length
        if (received > length) {
          throw new SyncError('protocol', `${what(item, range)}: the remote sent more than that.`)
        }
        chunks.push(chunk)
      }
    } catch (error) {
      if (signal.aborted) throw cancellation(signal, what(item, range))
      if (error instanceof SyncError) throw error
      throw new SyncError('interrupted', `${what(item, range)} broke off.`, { cause: error })
    }
    return Buffer.concat(chunks, received)
  }
}

/** Bytes of one range: more than any picture. */
export const maxRangeBytes = 32 * 1_048_576

function what(item: ItemRef, { start, end }: ByteRange): string {
  return `Reading bytes ${start} to ${end} of "${item.path.join('/')}"`
}
