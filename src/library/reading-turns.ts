import { cancellation } from '../base/abort.ts'
import { SyncError } from '../base/errors.ts'

/** Gives a turn back, so that somebody who waits may begin. Call it once. */
export type EndTurn = () => void

interface Waiter {
  readonly sourceId: number
  readonly begin: () => void
}

/**
 * Who may read from a drive now: at most `maxReadings` at a time, and `maxReadingsEach` of one source, so that a drive
 * that hangs stops nobody else's. The others begin in the order in which they came, as soon as both limits let them.
 */
export class ReadingTurns {
  readonly #running = new Map<number, number>()
  readonly #waiting = new Set<Waiter>()

  /**
   * Resolves when the turn has come. Throws `cancelled` when too many wait already, and what the signal says when it
   * is aborted first: who left waits no longer.
   */
  take(sourceId: number, signal: AbortSignal): Promise<EndTurn> {
    return new Promise((resolve, reject) => {
      const begin = (): void => {
        this.#waiting.delete(waiter)
        signal.removeEventListener('abort', leave)
        this.#running.set(sourceId, this.#runningOf(sourceId) + 1)
        resolve(() => this.#end(sourceId))
      }
      const leave = (): void => {
        this.#waiting.delete(waiter)
        reject(cancellation(signal, 'Waiting for a turn to read'))
      }
      const waiter = { sourceId, begin }
      if (signal.aborted) leave()
      else if (this.#isFree(sourceId)) begin()
      else if (this.#isCrowded(sourceId)) reject(crowded())
      else {
        this.#waiting.add(waiter)
        signal.addEventListener('abort', leave, { once: true })
      }
    })
  }

  #end(sourceId: number): void {
    const left = this.#runningOf(sourceId) - 1
    if (left === 0) this.#running.delete(sourceId)
    else this.#running.set(sourceId, left)
    // One turn has come free, so one can begin: everybody before it waits for a source of his own.
    for (const { sourceId: wanted, begin } of this.#waiting) {
      if (this.#isFree(wanted)) return begin()
    }
  }

  #isFree(sourceId: number): boolean {
    let running = 0
    for (const count of this.#running.values()) running += count
    return running < maxReadings && this.#runningOf(sourceId) < maxReadingsEach
  }

  #isCrowded(sourceId: number): boolean {
    let waiting = 0
    for (const waiter of this.#waiting) if (waiter.sourceId === sourceId) waiting++
    return waiting >= maxWaitingEach || this.#waiting.size >= maxWaiting
  }

  #runningOf(sourceId: number): number {
    return this.#running.get(sourceId) ?? 0
  }
}

/** Readings at the same time. */
export const maxReadings = 8
/** Readings of one source at the same time. */
export const maxReadingsEach = 2
/** Readings that wait for their turn. */
export const maxWaiting = 1_000
/** Readings of one source that wait for their turn. */
export const maxWaitingEach = 250

function crowded(): SyncError {
  return new SyncError('cancelled', 'Too many are waiting to read already.')
}
