import type { Clock } from '../base/clock.ts'

export interface LookoutParts {
  readonly clock: Clock
  /** Milliseconds between two looks. */
  readonly everyMs: number
  /** What fails is looked at again the next time. */
  readonly look: () => Promise<void>
}

/** Looks now and then, for as long as a process runs, at what others may have changed. */
export class Lookout {
  readonly #parts: LookoutParts
  readonly #end = new AbortController()
  #loop: Promise<void> = Promise.resolve()

  constructor(parts: LookoutParts) {
    this.#parts = parts
  }

  /** Resolves after the first look. */
  async start(): Promise<void> {
    await this.#look()
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#end.abort()
    await this.#loop
  }

  async #run(): Promise<void> {
    const { clock, everyMs } = this.#parts
    const { signal } = this.#end
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => undefined)
      if (!signal.aborted) await this.#look()
    }
  }

  async #look(): Promise<void> {
    await this.#parts.look().catch(() => undefined)
  }
}
