import type { Clock } from '../../src/base/clock.ts'

interface Timer {
  readonly atMs: number
  readonly order: number
  readonly run: () => void
}

/** Timers that may fire at one and the same moment. */
const maxStill = 3_000

/** A clock that moves only when everybody waits: then straight to the next timer. */
export class VirtualClock implements Clock {
  #nowMs: number
  #skewMs = 0
  #order = 0
  /** Timers that fired since time last moved. */
  #still = 0
  readonly #timers = new Set<Timer>()

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs + this.#skewMs
  }

  elapsed(): number {
    return this.#nowMs
  }

  /** The wall is set forwards or backwards; what has elapsed does not change. */
  setWall(byMs: number): void {
    this.#skewMs += byMs
  }

  after(ms: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, run }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      const cancel = this.after(ms, () => {
        signal?.removeEventListener('abort', stop)
        resolve()
      })
      const stop = (): void => {
        cancel()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', stop, { once: true })
    })
  }

  /** Lets everybody go on until all wait, then fires the next timer within `untilMs` of elapsed time. False: there is none. */
  async step(untilMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    await settle()
    return this.#fire(untilMs)
  }

  /** Moves on until `isDone` or `limitMs` later; true if it was done. */
  async runUntil(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const endMs = this.#nowMs + limitMs
    for (;;) {
      await settle()
      if (isDone()) return true
      if (this.#fire(endMs)) continue
      await settle()
      return isDone()
    }
  }

  #fire(untilMs: number): boolean {
    const next = this.#next()
    if (next === null || next.atMs > untilMs) {
      if (Number.isFinite(untilMs)) this.#nowMs = Math.max(this.#nowMs, untilMs)
      return false
    }
    this.#timers.delete(next)
    this.#still = next.atMs > this.#nowMs ? 0 : this.#still + 1
    if (this.#still > maxStill) throw new Error('time stands still: somebody never waits')
    this.#nowMs = Math.max(this.#nowMs, next.atMs)
    next.run()
    return true
  }

  #next(): Timer | null {
    let next: Timer | null = null
    for (const timer of this.#timers) {
      const isEarlier =
        next === null ||
        timer.atMs < next.atMs ||
        (timer.atMs === next.atMs && timer.order < next.order)
      if (isEarlier) next = timer
    }
    return next
  }
}

/** The clock as one process sees it: once that is killed, nothing of it happens any more. */
export class LifeClock implements Clock {
  isOver = false
  readonly #clock: VirtualClock
  readonly #cancels = new Set<() => void>()

  constructor(clock: VirtualClock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  elapsed(): number {
    return this.#clock.elapsed()
  }

  after(ms: number, run: () => void): () => void {
    if (this.isOver) return () => undefined
    const cancel = this.#clock.after(ms, () => {
      this.#cancels.delete(cancel)
      run()
    })
    this.#cancels.add(cancel)
    return cancel
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.isOver) return new Promise(() => undefined)
    await this.#clock.sleep(ms, signal)
    if (this.isOver) await new Promise(() => undefined)
  }

  end(): void {
    this.isOver = true
    for (const cancel of this.#cancels) cancel()
  }
}

/** Everything that can go on without time passing goes on: streams need a few rounds of the event loop. */
async function settle(): Promise<void> {
  for (let round = 0; round < 3; round++) await new Promise((resolve) => setImmediate(resolve))
}
