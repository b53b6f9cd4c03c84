import { SyncError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import {
  maxResults,
  type FreeSlots,
  type Stall,
  type TaskStore,
  type Turn,
} from '../../src/engine/task-store.ts'
import type { Claim, Result } from '../../src/engine/task.ts'

export interface UnreliableStoreParts {
  readonly store: TaskStore
  readonly random: Random
  /** Told of claims that nobody will ever run. */
  readonly lost: (claims: readonly Claim[]) => void
  /** All is well from now on. */
  readonly isWell: () => boolean
}

/** Results that may be heard once more. */
const maxRemembered = 20

const echoChance = 0.15
const lossChance = 0.01

/** Between an engine and its store: results arrive twice, or again long after, and what a turn answers gets lost. */
export class UnreliableStore implements TaskStore {
  readonly #parts: UnreliableStoreParts
  readonly #heard: Result[] = []

  constructor(parts: UnreliableStoreParts) {
    this.#parts = parts
  }

  async turn(results: readonly Result[], free: FreeSlots): Promise<Turn> {
    const { store, random, lost, isWell } = this.#parts
    // What a check said is no result of a claim: late, it would be true once more.
    this.#heard.push(...results.filter(({ type }) => type !== 'checked'))
    this.#heard.splice(0, this.#heard.length - maxRemembered)
    const turn = await store.turn([...results, ...this.#echo(results.length)], free)
    if (!isWell() && random() < lossChance) {
      lost(turn.claims)
      throw new SyncError('database', 'Nobody heard whether the turn was written.')
    }
    return { ...turn, acks: turn.acks.slice(0, results.length) }
  }

  #echo(count: number): readonly Result[] {
    const { random } = this.#parts
    if (count === maxResults || random() >= echoChance) return []
    const at = Math.floor(random() * this.#heard.length)
    return this.#heard.slice(at, at + 1)
  }

  open(): Promise<void> {
    return this.#parts.store.open()
  }

  close(): Promise<void> {
    return this.#parts.store.close()
  }

  stalls(): Promise<readonly Stall[]> {
    return this.#parts.store.stalls()
  }

  purge(limit: number): Promise<number> {
    return this.#parts.store.purge(limit)
  }
}
