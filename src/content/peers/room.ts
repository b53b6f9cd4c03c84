import { cancellation } from '../../base/abort.ts'

interface Waiting {
  readonly id: string
  readonly bytes: number
  readonly take: () => void
}

/**
 * Memory for entities on their way, in bytes, until they are written: whoever needs more than is left waits, in the order
 * in which they came. Each enters once, so that nobody who has some waits for more.
 */
export class Room {
  readonly #bytes: number
  readonly #held = new Map<string, number>()
  #left: number
  readonly #waiting: Waiting[] = []

  constructor(bytes: number) {
    this.#bytes = bytes
    this.#left = bytes
  }

  /** Takes so many bytes, or all that there are if it is more; rejects when the signal is aborted first. */
  enter(id: string, bytes: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        reject(cancellation(signal, `Waiting for memory for ${id}`))
        this.#look()
      }
      const take = (): void => {
        signal.removeEventListener('abort', stop)
        resolve()
      }
      const waiting = { id, bytes: Math.min(bytes, this.#bytes), take }
      this.#waiting.push(waiting)
      if (signal.aborted) stop()
      else signal.addEventListener('abort', stop, { once: true })
      this.#look()
    })
  }

  has(id: string): boolean {
    return this.#held.has(id)
  }

  /** It needs no more than so many of them; 0: it is gone. Whoever has not entered has none. */
  keep(id: string, bytes: number): void {
    const held = this.#held.get(id)
    if (held === undefined || bytes > held) return
    this.#left += held - bytes
    if (bytes === 0) this.#held.delete(id)
    else this.#held.set(id, bytes)
    this.#look()
  }

  #look(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.bytes > this.#left) return
      this.#waiting.shift()
      this.#left -= next.bytes
      this.#held.set(next.id, next.bytes)
      next.take()
    }
  }
}
