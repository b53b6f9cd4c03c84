import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Registry } from '../engine/registry.ts'

/** Rows that are removed in one transaction, which others may wait for: some ten milliseconds. */
const atOnce = 500
/** How often it is looked for removed sources: when something was changed, and though nobody told of anything, in milliseconds. */
const pauseMs = 1_000
const lookMs = 60_000

export interface ClearingParts {
  readonly registry: Pick<Registry, 'clearRemoved'>
  readonly clock: Clock
}

export interface ClearingLimits {
  readonly signal?: AbortSignal
  /** Portions at most; what is left then waits for the next one who clears. */
  readonly maxPortions?: number
  /** Told after each portion how many rows are gone. */
  readonly told?: (rows: number) => void
}

/** Clears away what removed sources have left behind, half of the time; the other half is everybody else's. Returns how many rows. */
export async function clearRemoved(
  { registry, clock }: ClearingParts,
  { signal, maxPortions = Number.POSITIVE_INFINITY, told }: ClearingLimits,
): Promise<number> {
  let rows = 0
  for (let portion = 0; portion < maxPortions; portion++) {
    if (signal?.aborted === true) break
    const startedMs = clock.elapsed()
    const cleared = await registry.clearRemoved(atOnce)
    if (cleared === 0) break
    rows += cleared
    told?.(rows)
    await clock.sleep(Math.max(1, clock.elapsed() - startedMs), signal).catch(() => undefined)
  }
  return rows
}

/** The same for as long as a process does the work: whatever was removed, by whomever, and whoever died over it. */
export class Clearing {
  readonly #parts: ClearingParts
  readonly #log: Log
  readonly #stopped = new AbortController()
  #awoken = new AbortController()
  #loop: Promise<void> | null = null

  constructor(parts: ClearingParts, log: Log) {
    this.#parts = parts
    this.#log = log
  }

  start(): void {
    this.#loop ??= this.#run()
  }

  /** Somebody may have removed a source. */
  look(): void {
    this.#awoken.abort()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    this.#awoken.abort()
    await this.#loop
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    while (!signal.aborted) {
      const awoken = new AbortController()
      this.#awoken = awoken
      try {
        const rows = await clearRemoved(this.#parts, { signal })
        if (rows > 0) this.#log.info({ rows }, 'what removed sources had left is cleared away')
      } catch (error) {
        this.#log.error({ error }, 'clearing away what removed sources have left failed')
      }
      const { clock } = this.#parts
      await clock.sleep(pauseMs, signal).catch(() => undefined)
      await clock.sleep(lookMs, awoken.signal).catch(() => undefined)
    }
  }
}
