import { Readable } from 'node:stream'
import { destroyOnAbort } from '../abort.ts'
import { SyncError } from '../errors.ts'

export interface Slice {
  /** Bytes to leave out at the beginning. */
  readonly skip: number
  /** Bytes to give at most; a remote that sends more is cut off. */
  readonly take: number
  /** Whether fewer bytes than `take` mean that the remote broke off. */
  readonly isExact: boolean
}

/** Part of a body that comes over the network. `failed` turns what breaks underneath into a SyncError. */
export function slicedBody(
  source: Readable,
  slice: Slice,
  failed: (thrown: unknown) => SyncError,
): Readable {
  let toSkip = slice.skip
  let left = slice.take
  const body = new Readable({
    read: () => void source.resume(),
    destroy: (error, done) => {
      // What has been read to its end is left to drain, so that its connection can be used again.
      if (error !== null || left > 0) source.destroy()
      done(error)
    },
  })
  source.on('data', (chunk: Buffer) => {
    if (left === 0) {
      source.destroy()
      return
    }
    const piece = chunk.subarray(toSkip, toSkip + left)
    toSkip -= Math.min(toSkip, chunk.length)
    left -= piece.length
    if (piece.length > 0 && !body.push(piece) && left > 0) source.pause()
    if (left === 0) body.push(null)
  })
  source.on('end', () => {
    if (left === 0) return
    if (slice.isExact || toSkip > 0) body.destroy(failed(brokenOff()))
    else body.push(null)
    left = 0
  })
  source.on('error', (thrown) => {
    if (left > 0) body.destroy(failed(thrown))
  })
  source.pause()
  return body
}

/** A whole body in memory; `too-big` when it is longer than `maxBytes`. */
export async function readBody(
  body: Readable,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Buffer> {
  destroyOnAbort(body, signal, 'Reading a body')
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    length += chunk.length
    if (length > maxBytes) {
      throw new SyncError('too-big', `A body is longer than the limit of ${maxBytes} bytes.`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length)
}

function brokenOff(): Error {
  return new SyncError('interrupted', 'The remote ended the body before its declared end.')
}
