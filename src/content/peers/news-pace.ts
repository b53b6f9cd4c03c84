import type { Clock } from '../../base/clock.ts'
import { throwIfAborted } from '../../base/abort.ts'

export interface NewsPaceParts {
  readonly clock: Clock
}

/** Milliseconds that anybody waits at most, however many do. */
const maxWaitMs = 500
/** Of what is left of that, each one waits so much longer than the one before: 50 ms, and less the more there are. */
const gapShare = 0.1

/**
 * Peers mostly have the same news at the same moment: they are read one after the other. What the first of them told,
 * the others need not be asked for again; and twenty peers take few more turns than one.
 */
export class NewsPace {
  readonly #parts: NewsPaceParts
  /** Those who wait, in the order in which they came. */
  #line: (() => void)[] = []
  /** When the first of them goes on, the second, and so on. */
  #placesMs: number[] = []
  #lastMs = Number.NEGATIVE_INFINITY
  #cancel = (): void => undefined

  constructor(parts: NewsPaceParts) {
    this.#parts = parts
  }

  /** In the order in which they come; whoever comes to nobody goes on at once. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      throwIfAborted(signal, 'Waiting for others')
      const leave = (): void => {
        this.#line = this.#line.filter((other) => other !== go)
        // Who stood behind moves up.
        this.#placesMs.pop()
        reject(signal.reason)
      }
      const go = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#line.push(go)
      this.#placesMs.push(this.#placeMs())
      this.#move()
    })
  }

  #placeMs(): number {
    const nowMs = this.#parts.clock.elapsed()
    const beforeMs = this.#placesMs.at(-1) ?? this.#lastMs
    const leftMs = nowMs + maxWaitMs - Math.max(beforeMs, nowMs)
    return Math.max(nowMs, beforeMs + leftMs * gapShare)
  }

  /** Lets go on whose time has come, and comes back when the next one's has. */
  #move(): void {
    this.#cancel()
    const { clock } = this.#parts
    const nowMs = clock.elapsed()
    for (let [atMs] = this.#placesMs; atMs !== undefined; [atMs] = this.#placesMs) {
      if (atMs > nowMs) {
        this.#cancel = clock.after(atMs - nowMs, () => this.#move())
        return
      }
      this.#lastMs = atMs
      this.#placesMs.shift()
      this.#line.shift()?.()
    }
  }
}
