import type { Clock } from '../../base/clock.ts'

export interface NewsPaceParts {
  readonly clock: Clock
}

/** Milliseconds between two that go on: what comes one behind the other is read together. */
const gapMs = 50
/** Milliseconds that anybody waits at most, however many do: of more than twenty, some go on together. */
const maxWaitMs = 1_000

/**
 * Peers mostly have the same news at the same moment: they are read one after the other. What the first of them told,
 * the others need not be asked for again; and twenty peers take no more turns than one.
 */
export class NewsPace {
  readonly #parts: NewsPaceParts
  /** When whoever comes next may go on. */
  #freeMs = 0

  constructor(parts: NewsPaceParts) {
    this.#parts = parts
  }

  /** In the order in which they come; whoever comes to nobody goes on at once. Who is called off leaves his place empty. */
  async next(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    const nowMs = clock.elapsed()
    const atMs = Math.min(Math.max(nowMs, this.#freeMs), nowMs + maxWaitMs)
    this.#freeMs = atMs + gapMs
    if (atMs > nowMs) await clock.sleep(atMs - nowMs, signal)
  }
}
