import { Buffer } from 'node:buffer'
import type { Readable } from 'node:stream'
import { cancellation } from './abort.ts'
import { SyncError } from './errors.ts'

/**
 * All bytes of a body, which is over afterwards whatever happens. More than `maxBytes` are `protocol`, an end that
 * comes too early is `interrupted`; what the body fails with goes through if it is a SyncError. `what` says what is
 * being done, for messages.
 */
export function collect(
  body: Readable,
  maxBytes: number,
  signal: AbortSignal,
  what: string,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const stop = (): void => void body.destroy(cancellation(signal, what))
    const fail = (cause?: unknown): void => {
      if (signal.aborted) reject(cancellation(signal, what))
      else if (cause instanceof SyncError) reject(cause)
      else reject(new SyncError('interrupted', `${what} broke off.`, { cause }))
    }
    // By events: an iterator costs more than the few kilobytes that most bodies are.
    body.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      else body.destroy(new SyncError('protocol', `${what}: the remote sent more than that.`))
    })
    body.once('end', () => resolve(Buffer.concat(chunks, length)))
    // Told with the close.
    body.once('error', () => undefined)
    body.once('close', () => {
      signal.removeEventListener('abort', stop)
      if (!body.readableEnded) fail(body.errored)
    })
    if (body.destroyed) fail(body.errored)
    else if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
