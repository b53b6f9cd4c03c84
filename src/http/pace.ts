import type { Clock } from '../base/clock.ts'

/**
 * Work that takes at most a fifth of the time, however many ask for it: one piece after the other, in the order in
 * which they were asked for, and each is followed by a rest of four times its length.
 */
export class Pace {
  readonly #clock: Clock
  readonly #waiting = new Set<() => Promise<void>>()
  #isBusy = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Calls `work`, which must not fail, when its turn comes, at once if nothing is before it. The function that comes
   * back takes the call back, if it has not been made: whoever asks has one waiting at most.
   */
  ask(work: () => Promise<void>): () => void {
    this.#waiting.add(work)
    this.#next()
    return () => this.#waiting.delete(work)
  }

  #next(): void {
    const [work] = this.#waiting
    if (this.#isBusy || work === undefined) return
    this.#waiting.delete(work)
    this.#isBusy = true
    void this.#do(work)
  }

  async #do(work: () => Promise<void>): Promise<void> {
    const startedMs = this.#clock.elapsed()
    await work()
    const restMs = (this.#clock.elapsed() - startedMs) * restPerWork
    const goOn = (): void => {
      this.#isBusy = false
      this.#next()
    }
    if (restMs > 0) this.#clock.after(restMs, goOn)
    else goOn()
  }
}

/** Time of rest per time of work. */
const restPerWork = 4
