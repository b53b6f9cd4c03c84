import type { Readable } from 'node:stream'
import { SyncError } from './errors.ts'

/** Why work on `what` was called off: the signal's own reason if that is a SyncError, otherwise `cancelled`. */
export function cancellation(signal: AbortSignal, what: string): SyncError {
  if (signal.reason instanceof SyncError) return signal.reason
  return new SyncError('cancelled', `${what} was called off.`, { cause: signal.reason })
}

export function throwIfAborted(signal: AbortSignal, what: string): void {
  if (signal.aborted) throw cancellation(signal, what)
}

/** Never resolves; rejects once the signal is aborted. */
export function untilAborted(signal: AbortSignal, what: string): Promise<never> {
  return abortable(new Promise<never>(() => undefined), signal, what)
}

/**
 * Waits for work that cannot be aborted itself (a call to the operating system), but no longer than until the
 * signal is aborted. The work goes on unseen; what it gives then goes to `drop`, what it throws is forgotten.
 */
export function abortable<T>(
  work: Promise<T>,
  signal: AbortSignal,
  what: string,
  drop?: (late: T) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(cancellation(signal, what))
      if (drop !== undefined) void work.then(drop, () => undefined)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}

/** Ends the stream in error when the signal is aborted before the stream is over. */
export function destroyOnAbort(body: Readable, signal: AbortSignal, what: string): void {
  const stop = (): void => {
    body.destroy(cancellation(signal, what))
  }
  if (signal.aborted) stop()
  else {
    signal.addEventListener('abort', stop, { once: true })
    body.once('close', () => signal.removeEventListener('abort', stop))
  }
}
