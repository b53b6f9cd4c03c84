import type { Clock } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import {
  maxResults,
  type Ack,
  type FreeSlots,
  type Stall,
  type TaskStore,
  type Turn,
} from '../../src/engine/task-store.ts'
import type { Result } from '../../src/engine/task.ts'

export interface UnreliableStoreParts {
  readonly store: TaskStore
  readonly clock: Clock
  readonly random: Random
  /** A result that counted though it came too late, or for the second time. */
  readonly onFault: (text: string) => void
}

/** A result that comes once more, or only now, and must not count. */
interface Echo {
  readonly result: Result
  readonly atMs: number
  readonly why: string
}

/** Parts of all results that get lost, come too late, and come twice. */
const lostPart = 0.02
const latePart = 0.02
const twicePart = 0.1

/** Milliseconds by which what comes too late is too late; a lease is not extended for reading. */
const lateMs = 100

/** A store whose mail is unreliable: some results never arrive, some after their lease has passed, some twice. */
export class UnreliableStore implements TaskStore {
  readonly #parts: UnreliableStoreParts
  readonly counts = { lost: 0, late: 0, twice: 0, results: 0 }
  #echoes: Echo[] = []

  constructor(parts: UnreliableStoreParts) {
    this.#parts = parts
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

  async turn(results: readonly Result[], free: FreeSlots): Promise<Turn> {
    const sent = results.map((result) => (this.#keeps(result) ? null : result))
    const arriving = sent.filter((result) => result !== null)
    const echoes = this.#dueEchoes(maxResults - arriving.length)
    const turn = await this.#parts.store.turn(
      [...arriving, ...echoes.map(({ result }) => result)],
      free,
    )
    for (const [at, { why, result }] of echoes.entries()) {
      if (turn.acks[arriving.length + at]?.isHeld === true) {
        this.#parts.onFault(`${why} counted: ${JSON.stringify(result)}`)
      }
    }
    for (const result of arriving) this.#perhapsAgain(result)
    let at = 0
    const acks = sent.map((result): Ack => {
      const ack = result === null ? undefined : turn.acks[at++]
      return ack ?? { isHeld: false }
    })
    return { ...turn, acks }
  }

  /** Whether the result gets lost, or lies about until it is too late. */
  #keeps(result: Result): boolean {
    const { random } = this.#parts
    this.counts.results++
    const fate = random()
    if (fate < lostPart) {
      this.counts.lost++
      return true
    }
    if (fate >= lostPart + latePart || result.type !== 'applied') return false
    this.counts.late++
    this.#echoes.push({ result, atMs: result.claim.untilMs + lateMs, why: 'what came too late' })
    return true
  }

  #perhapsAgain(result: Result): void {
    if (result.type === 'found' || result.type === 'checked') return
    const { clock, random } = this.#parts
    if (random() >= twicePart) return
    this.counts.twice++
    // In the next turn, or when its slot has long held something else.
    const atMs = clock.now() + random() * 500
    this.#echoes.push({ result, atMs, why: 'what came twice' })
  }

  #dueEchoes(most: number): readonly Echo[] {
    const nowMs = this.#parts.clock.now()
    const due = this.#echoes.filter(({ atMs }) => atMs <= nowMs).slice(0, Math.max(0, most))
    this.#echoes = this.#echoes.filter((echo) => !due.includes(echo))
    return due
  }
}
