import type { Clock } from '../../base/clock.ts'

export interface PaceLimits {
  /** A request that is under way brings so many bytes for each second of every while of `patienceMs`. */
  readonly slowestRate: number
  readonly patienceMs: number
}

/** Tells when a request trickles: it would keep its place from others. What is too small for a while has to be over by then. */
export class UploadPace {
  readonly #clock: Clock
  readonly #limits: PaceLimits
  readonly #onSlow: () => void
  #bytes = 0
  #isHeld = false
  #wasHeld = false
  #cancel: () => void

  constructor(clock: Clock, limits: PaceLimits, onSlow: () => void) {
    this.#clock = clock
    this.#limits = limits
    this.#onSlow = onSlow
    this.#cancel = this.#wait()
  }

  took(bytes: number): void {
    this.#bytes += bytes
  }

  /** It waits for us from now on; `go` ends that. */
  hold(): void {
    this.#isHeld = true
    this.#wasHeld = true
  }

  go(): void {
    this.#isHeld = false
  }

  end(): void {
    this.#cancel()
  }

  #wait(): () => void {
    return this.#clock.after(this.#limits.patienceMs, () => this.#look())
  }

  #look(): void {
    const { slowestRate, patienceMs } = this.#limits
    if (!this.#wasHeld && this.#bytes < (slowestRate * patienceMs) / 1_000) {
      this.#onSlow()
      return
    }
    this.#bytes = 0
    this.#wasHeld = this.#isHeld
    this.#cancel = this.#wait()
  }
}
