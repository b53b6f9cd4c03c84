import type { Clock } from '../../base/clock.ts'

/**
 * The server's clock between two answers of it: as long as it was asked lately, and our own two clocks agree on how long ago
 * that was. After a sleep, or when a clock was set, the server is to be asked again.
 */
export class ServerClock {
  readonly #clock: Clock
  #known: (Asking & { readonly serverMs: number }) | null = null
  #toldMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** It was asked so lately that it need not say it again. */
  get isFresh(): boolean {
    return this.#known !== null && this.#clock.elapsed() - this.#known.elapsedMs < freshMs
  }

  /** Our own clocks, when the server is asked. */
  get asking(): Asking {
    return { nowMs: this.#clock.now(), elapsedMs: this.#clock.elapsed() }
  }

  /** What the server has said. Nobody knows when it said so, but for an answer that came at once. */
  set(serverMs: number, asking: Asking): void {
    const isSlow = this.#clock.elapsed() - asking.elapsedMs >= apartMs
    this.#known = isSlow ? null : { serverMs, ...asking }
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

interface Asking {
  readonly nowMs: number
  readonly elapsedMs: number
}

/** Milliseconds since an answer, and after which another one is asked for; so many that our clocks may be apart, and that an answer may take. */
const longestMs = 5_000
const freshMs = 1_000
const apartMs = 100
