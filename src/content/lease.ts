import type { Clock } from '../base/clock.ts'

/** Rights that one process at a time has, by name, for a while. */
export interface Leases {
  /** Whether it is this holder's now, for so many milliseconds; he who has it and asks again has it for longer. */
  take(name: string, holder: string, leaseMs: number): Promise<boolean>
  /** Gives it back; nothing happens if it is somebody else's. */
  end(name: string, holder: string): Promise<void>
}

export interface LeaseParts {
  readonly leases: Leases
  readonly name: string
  /** Another one for each process, where several may want it. */
  readonly holder: string
  readonly clock: Clock
}

/** Milliseconds for which it is taken, and after which it is taken again. */
const leaseMs = 20_000
const renewMs = 5_000

/** A right that this process tries to have, for as long as it runs. Who dies loses it after `leaseMs`. */
export class Lease {
  readonly #parts: LeaseParts
  readonly #end = new AbortController()
  #untilMs = Number.NEGATIVE_INFINITY
  #loop: Promise<void> = Promise.resolve()

  constructor(parts: LeaseParts) {
    this.#parts = parts
  }

  /** Nobody else has it now: also where the database has not been heard since it was taken. */
  get isHeld(): boolean {
    return this.#parts.clock.elapsed() < this.#untilMs
  }

  /** Resolves when it has been asked for once. */
  async start(): Promise<void> {
    await this.#ask()
    this.#loop = this.#keep()
  }

  async stop(): Promise<void> {
    const { leases, name, holder } = this.#parts
    this.#end.abort()
    await this.#loop
    const wasHeld = this.isHeld
    this.#untilMs = Number.NEGATIVE_INFINITY
    // A database that is away gives it to the next one in its own time.
    if (wasHeld) await leases.end(name, holder).catch(() => undefined)
  }

  async #keep(): Promise<void> {
    const { clock } = this.#parts
    const { signal } = this.#end
    while (!signal.aborted) {
      await clock.sleep(renewMs, signal).catch(() => undefined)
      if (!signal.aborted) await this.#ask()
    }
  }

  async #ask(): Promise<void> {
    const { leases, name, holder, clock } = this.#parts
    const askedMs = clock.elapsed()
    try {
      const isOurs = await leases.take(name, holder, leaseMs)
      this.#untilMs = isOurs ? askedMs + leaseMs : Number.NEGATIVE_INFINITY
    } catch {
      // It is ours for as long as it was, and no longer.
    }
  }
}
