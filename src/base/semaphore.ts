import { cancellation } from './abort.ts'

/** So many at the same time; the others wait in the order in which they came. */
export class Semaphore {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(places: number) {
    this.#free = places
  }

  /** Resolves to what gives the place back, to be called once; rejects when the signal is aborted first. */
  async enter(signal: AbortSignal, what: string): Promise<() => void> {
    if (signal.aborted) throw cancellation(signal, what)
    if (this.#free > 0) this.#free--
    else await this.#turn(signal, what)
    let isLeft = false
    return () => {
      if (isLeft) return
      isLeft = true
      this.#leave()
    }
  }

  #turn(signal: AbortSignal, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1)
        reject(cancellation(signal, what))
      }
      const take = (): void => {
        signal.removeEventListener('abort', stop)
        resolve()
      }
      signal.addEventListener('abort', stop, { once: true })
      this.#waiting.push(take)
    })
  }

  /** The place goes to whoever has waited longest. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
