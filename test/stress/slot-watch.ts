import type { Clock } from '../../src/base/clock.ts'
import type { Observer } from '../../src/engine/engine.ts'
import type { Policy } from '../../src/engine/policy.ts'
import type { Claim } from '../../src/engine/task.ts'

export interface SlotWatchParts {
  readonly clock: Clock
  readonly slots: Policy['slots']
  readonly onFault: (text: string) => void
}

/** Sees to it that a claimer never has more in hand than it has slots. */
export class SlotWatch implements Observer {
  readonly #parts: SlotWatchParts
  readonly #held = new Set<Claim>()

  constructor(parts: SlotWatchParts) {
    this.#parts = parts
  }

  claimed(claim: Claim): void {
    this.#held.add(claim)
  }

  ended(claim: Claim): void {
    this.#held.delete(claim)
  }

  /** What ended in this turn is told a moment later. */
  turned(): void {
    setImmediate(() => this.#look())
  }

  #look(): void {
    const { clock, slots, onFault } = this.#parts
    for (const pool of ['list', 'read'] as const) {
      const held = [...this.#held].filter((one) => one.pool === pool && one.untilMs > clock.now())
      if (held.length > slots[pool]) {
        onFault(`${held.length} tasks in ${slots[pool]} slots to ${pool}`)
      }
    }
  }
}
