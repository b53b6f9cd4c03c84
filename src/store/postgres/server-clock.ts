import type { Clock } from '../../base/clock.ts'

/**
 * The server's clock between two answers of it: as long as it was asked lately, and our own two clocks agree on how long ago
 * that was. After a sleep, or when a clock was set, the server is to be asked again.
 */
export class ServerClock {
  readonly #clock: Clock
  #known: { readonly serverMs: number; readonly nowMs: number; readonly elapsedMs: number } | null =
    null
  #toldMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** What the server has just said. */
  set(serverMs: number): number {
    this.#known = { serverMs, nowMs: this.#clock.now(), elapsedMs: this.#clock.elapsed() }
    return serverMs
  }

  /** Milliseconds since 1970, or null: nobody knows without asking. */
  now(): number | null {
    if (this.#known === null) return null
    const { serverMs, nowMs, elapsedMs } = this.#known
    const sinceMs = this.#clock.elapsed() - elapsedMs
    if (sinceMs >= longestMs || Math.abs(this.#clock.now() - nowMs - sinceMs) >= apartMs)
      return null
    // One answer may have been longer on its way than the next: time does not go back for that.
    const toldMs = serverMs + Math.round(sinceMs)
    const isBack = toldMs < this.#toldMs && this.#toldMs - toldMs < apartMs
    if (!isBack) this.#toldMs = toldMs
    return this.#toldMs
  }
}

/** Milliseconds since an answer, and so many that our clocks may be apart. */
const longestMs = 5_000
const apartMs = 100
