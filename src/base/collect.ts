import { Buffer } from 'node:buffer'
import type { Readable } from 'node:stream'
import { cancellation } from './abort.ts'
import { SyncError } from './errors.ts'

/** There is more of a body than is taken. */
export class TooMuch extends SyncError {
  constructor(what: string, maxBytes: number) {
    super('protocol', `${what}: the remote sent more than the ${maxBytes} bytes that are taken.`)
  }
}

/**
 * All bytes of a body, which is over afterwards whatever happens. More than `maxBytes` are `TooMuch`, an end that
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
    const end = (): void => signal.removeEventListener('abort', stop)
    const fail = (cause: unknown): void => {
      end()
      if (cause instanceof SyncError) reject(cause)
      else reject(new SyncError('interrupted', `${what} broke off.`, { cause }))
    }
    const breakOff = (error: SyncError): void => {
      fail(error)
      body.destroy(error)
    }
    const stop = (): void => breakOff(cancellation(signal, what))
    // By events: an iterator costs more than the few kilobytes that most bodies are.
    body.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      else breakOff(new TooMuch(what, maxBytes))
    })
    body.once('end', () => {
      end()
      resolve(Buffer.concat(chunks, length))
    })
    // Stays: who is broken off says so once more.
    body.on('error', (error) => fail(signal.aborted ? cancellation(signal, what) : error))
    body.once('close', () => {
      if (!body.readableEnded) fail(body.errored)
    })
    if (signal.aborted) stop()
    else if (body.destroyed) fail(body.errored)
    else signal.addEventListener('abort', stop, { once: true })
  })
}
