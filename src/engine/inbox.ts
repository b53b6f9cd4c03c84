import type { Clock } from '../base/clock.ts'
import { maxResults, type Ack } from './task-store.ts'
import type { Result } from './task.ts'

/** A result on its way to the store, and whom to tell what became of it. */
export interface Letter {
  readonly result: Result
  readonly deliver: (ack: Ack) => void
}

/** Results wait at most so long for others to be written with them. */
const groupMs = 10

/** Timers cannot wait for weeks; a turn that comes early does no harm. */
const maxWaitMs = 3_600_000
/** Nor for more than this part of the tasks that run: the others can bring theirs while these are written. */
const groupPart = 1 / 2

/**
 * Collects results so that many are written in one transaction: a turn waits until `maxResults` or a good part of those
 * that run are here, or `groupMs` have passed since the first. Bounded by the number of slots.
 */
export class Inbox {
  readonly #clock: Clock
  readonly #letters: Letter[] = []
  #isWoken = false
  #onChange: () => void = () => undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#letters.length
  }

  /** Resolves when the result is durable, or refused. */
  post(result: Result): Promise<Ack> {
    return new Promise((deliver) => {
      this.#letters.push({ result, deliver })
      this.#onChange()
    })
  }

  wake(): void {
    this.#isWoken = true
    this.#onChange()
  }

  take(): readonly Letter[] {
    this.#isWoken = false
    return this.#letters.splice(0, maxResults)
  }

  /** The store did not take them. */
  putBack(letters: readonly Letter[]): void {
    this.#letters.unshift(...letters)
  }

  /** Resolves when the next turn should be taken: by `untilMs` something falls due, `running` tasks may bring results. */
  wait(untilMs: number | null, running: () => number): Promise<void> {
    return new Promise((resolve) => {
      const timers: (() => void)[] = []
      let isGrouping = false
      const done = (): void => {
        this.#onChange = () => undefined
        for (const cancel of timers) cancel()
        resolve()
      }
      const look = (): void => {
        const { length } = this.#letters
        const wanted = Math.max(1, Math.ceil(running() * groupPart))
        if (this.#isWoken || length >= Math.min(maxResults, wanted)) done()
        else if (length > 0 && !isGrouping) {
          isGrouping = true
          timers.push(this.#clock.after(groupMs, done))
        }
      }
      if (untilMs !== null) {
        const waitMs = Math.min(maxWaitMs, Math.max(0, untilMs - this.#clock.now()))
        timers.push(this.#clock.after(waitMs, done))
      }
      this.#onChange = look
      look()
    })
  }
}
