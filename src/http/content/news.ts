import { asSyncError } from '../../base/errors.ts'
import type { ContentParts } from './content-parts.ts'
import { Denial } from './denial.ts'

interface Waiter {
  readonly sinceMs: number
  readonly tell: (newestMs: number) => void
  readonly fail: (error: Error) => void
}

/**
 * Those who wait for something new. Together they look at the store once a hint, and once a second in case a hint was
 * lost, but not while nobody waits.
 */
export class News {
  readonly #parts: Pick<ContentParts, 'store' | 'onNews' | 'clock'>
  readonly #waiters = new Set<Waiter>()
  #newestMs = 0
  #isLooking = false
  /** There may be something newer than what is being looked at. */
  #isDue = false
  #isClosed = false
  #stop: () => void = nothing

  constructor(parts: Pick<ContentParts, 'store' | 'onNews' | 'clock'>) {
    this.#parts = parts
  }

  /**
   * The local time of the newest deployment, in milliseconds since 1970, once it is above `sinceMs`, or once `waitMs`
   * have passed or the signal is aborted. Throws a Denial when too many wait.
   */
  after(sinceMs: number, waitMs: number, signal: AbortSignal): Promise<number> {
    if (waitMs <= 0 || this.#isClosed) return this.#parts.store.newestMs()
    if (this.#waiters.size >= maxWaiting) {
      return Promise.reject(new Denial(503, `${maxWaiting} are waiting for news already.`))
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        cancel()
        signal.removeEventListener('abort', giveUp)
        this.#remove(waiter)
      }
      const waiter: Waiter = {
        sinceMs,
        tell: (newestMs) => {
          leave()
          resolve(newestMs)
        },
        fail: (error) => {
          leave()
          reject(error)
        },
      }
      const giveUp = (): void => waiter.tell(this.#newestMs)
      const cancel = this.#parts.clock.after(waitMs, giveUp)
      signal.addEventListener('abort', giveUp, { once: true })
      this.#add(waiter)
    })
  }

  /** All who wait are told what there is; nobody waits from now on. */
  close(): void {
    this.#isClosed = true
    for (const waiter of this.#waiters) waiter.tell(this.#newestMs)
  }

  #add(waiter: Waiter): void {
    this.#waiters.add(waiter)
    if (this.#waiters.size === 1) this.#start()
    this.#look()
  }

  #remove(waiter: Waiter): void {
    if (this.#waiters.delete(waiter) && this.#waiters.size === 0) {
      this.#stop()
      this.#stop = nothing
    }
  }

  #start(): void {
    const { onNews, clock } = this.#parts
    const look = (): void => this.#look()
    const leave = onNews(look)
    let cancel = nothing
    const again = (): void => {
      cancel = clock.after(lookMs, () => {
        look()
        again()
      })
    }
    again()
    this.#stop = () => {
      leave()
      cancel()
    }
  }

  #look(): void {
    this.#isDue = true
    if (!this.#isLooking) void this.#lookWhileDue()
  }

  /** Never fails: what goes wrong is told to those who wait. */
  async #lookWhileDue(): Promise<void> {
    this.#isLooking = true
    while (this.#isDue) {
      this.#isDue = false
      try {
        this.#newestMs = await this.#parts.store.newestMs()
        for (const waiter of this.#waiters) {
          if (this.#newestMs > waiter.sinceMs) waiter.tell(this.#newestMs)
        }
      } catch (thrown) {
        for (const waiter of this.#waiters) waiter.fail(asSyncError(thrown))
      }
    }
    this.#isLooking = false
  }
}

function nothing(): void {
  // There is nothing to take back.
}

/** Half of the connections that the server takes: waiting for news keeps nobody from anything else. */
export const maxWaiting = 500
/** From one look to the next where no hint comes, in milliseconds. */
const lookMs = 1_000
