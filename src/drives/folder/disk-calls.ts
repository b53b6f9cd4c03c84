import { abortable, cancellation, throwIfAborted } from '../../base/abort.ts'
import { SyncError } from '../../base/errors.ts'
import { diskFailure } from './disk-failure.ts'

/** What is asked of the disk, and until when anybody wants to know. */
export interface Attempt {
  /** What is tried, on what: `Reading "a.mp3"`. */
  readonly what: string
  readonly scope: 'root' | 'item'
  readonly signal: AbortSignal
}

/**
 * The calls of one drive to the operating system. Such a call cannot be called off: on a mount that hangs it never
 * comes back, and holds one of the few threads that all file calls and name look-ups of the process share. So a drive
 * has `callsAtOnce` of them under way at most, one that was abandoned among them until it comes back, and while
 * `maxAbandoned` have not come back it makes no more.
 */
export class DiskCalls {
  #underWay = 0
  #abandoned = 0
  readonly #waiting = new Set<() => void>()

  /**
   * Makes a call, or a few one after the other. Ends with the signal at the latest, and in SyncErrors only:
   * `unavailable` at once while the disk hangs, else what `diskFailure` makes of a failure. What comes when nobody
   * waits any more goes to `drop`.
   */
  async make<T>(attempt: Attempt, call: () => Promise<T>, drop?: (late: T) => void): Promise<T> {
    const { what, scope, signal } = attempt
    throwIfAborted(signal, what)
    if (this.#abandoned >= maxAbandoned) throw hanging(what)
    await this.#place(attempt)
    let isBack = false
    const work = call().finally(() => {
      isBack = true
      this.#leave()
    })
    try {
      return await abortable(work, signal, what, drop)
    } catch (thrown) {
      if (!isBack) this.#abandon(work)
      throw diskFailure(thrown, what, scope)
    }
  }

  /** Waits for a place; those who wait get theirs in the order in which they came. */
  async #place({ what, signal }: Attempt): Promise<void> {
    if (this.#underWay < callsAtOnce) {
      this.#underWay++
      return
    }
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        signal.removeEventListener('abort', stop)
        resolve()
      }
      const stop = (): void => {
        this.#waiting.delete(go)
        reject(cancellation(signal, what))
      }
      signal.addEventListener('abort', stop, { once: true })
      this.#waiting.add(go)
    })
  }

  /** Gives the place to who waits longest, or back. */
  #leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#underWay--
      return
    }
    this.#waiting.delete(next)
    next()
  }

  #abandon(work: Promise<unknown>): void {
    this.#abandoned++
    const back = (): void => {
      this.#abandoned--
    }
    work.then(back, back)
  }
}

/** Threads that a drive takes at most, of the sixteen there are. */
export const callsAtOnce = 4
/** Calls that were abandoned and have not come back, from which on a disk is taken for hanging. */
export const maxAbandoned = 2

function hanging(what: string): SyncError {
  const message = `${what} was not tried: the disk has not answered ${maxAbandoned} calls yet.`
  return new SyncError('unavailable', message)
}
