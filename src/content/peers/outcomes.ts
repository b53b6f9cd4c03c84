import type { Clock } from '../../base/clock.ts'
import { holdMs } from '../blobs.ts'
import { admittedBytes, type Outcome } from './basket.ts'

interface Remembered {
  readonly outcome: Promise<Outcome>
  /** When it was begun, in milliseconds of the clock. */
  readonly sinceMs: number
  /** What is kept in memory for it; 0 while it is on its way. */
  bytes: number
}

/** Entities whose outcome is remembered for others that offer them too. */
const maxRemembered = 1_000
/** Bytes of all of them, and of each: what is bigger is known once it is written. */
const maxRememberedBytes = 33_554_432
const maxEachBytes = 1_048_576
/** Milliseconds for which it is; half of what is left of the grace period in which its content is sure to be there. */
const rememberedMs = holdMs / 2

/** What becomes of entities that are on their way, and what became of those of late: the oldest are forgotten first. */
export class Outcomes {
  readonly #clock: Clock
  /** In the order in which they came. */
  readonly #byId = new Map<string, Remembered>()
  #bytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  known(entityId: string): Promise<Outcome> | null {
    const known = this.#byId.get(entityId)
    if (known === undefined) return null
    return this.#clock.elapsed() - known.sinceMs < rememberedMs ? known.outcome : null
  }

  /** It never rejects. */
  remember(entityId: string, outcome: Promise<Outcome>): void {
    this.#forget(entityId)
    const remembered = { outcome, sinceMs: this.#clock.elapsed(), bytes: 0 }
    this.#byId.set(entityId, remembered)
    const [oldest] = this.#byId.keys()
    if (this.#byId.size > maxRemembered && oldest !== undefined) this.#forget(oldest)
    void outcome.then((settled) => {
      if (this.#byId.get(entityId) === remembered) this.#note(entityId, remembered, settled)
    })
  }

  #note(entityId: string, remembered: Remembered, outcome: Outcome): void {
    const bytes = 'admitted' in outcome ? admittedBytes(outcome.admitted) : 0
    if (bytes > maxEachBytes) {
      this.#forget(entityId)
      return
    }
    remembered.bytes = bytes
    this.#bytes += bytes
    for (const [id, { bytes: some }] of this.#byId) {
      if (this.#bytes <= maxRememberedBytes) return
      if (some > 0) this.#forget(id)
    }
  }

  #forget(entityId: string): void {
    this.#bytes -= this.#byId.get(entityId)?.bytes ?? 0
    this.#byId.delete(entityId)
  }
}
