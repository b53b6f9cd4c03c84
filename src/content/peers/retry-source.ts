import { SyncError } from '../../base/errors.ts'
import type { Batch, Opened, Source } from '../../engine/source.ts'
import type { ContentStore } from '../content-store.ts'
import type { Intake } from './intake.ts'

export interface RetrySourceParts {
  readonly store: Pick<ContentStore, 'dueFailures' | 'forgetFailures' | 'pointless'>
  readonly intake: Pick<Intake, 'take'>
}

/** Failed deployments that are tried in one step. */
const maxTried = 100
/** Milliseconds in which nobody else takes them. */
const leaseMs = 600_000

/**
 * Failed deployments as a source: each round tries those that are due, from whichever peers have them. What something
 * greater has replaced meanwhile is forgotten.
 */
export class RetrySource implements Source {
  readonly shape = 'feed'
  readonly #parts: RetrySourceParts

  constructor(parts: RetrySourceParts) {
    this.#parts = parts
  }

  async *list(_step: string | null, signal: AbortSignal): AsyncIterable<Batch> {
    const { store, intake } = this.#parts
    const due = await store.dueFailures(maxTried, leaseMs)
    if (due.length === 0) return
    const pointless = await store.pointless(due)
    await store.forgetFailures([...pointless])
    const left = due.filter(({ entityId }) => !pointless.has(entityId))
    for await (const effect of intake.take(left, { sourceId: null, snapshotHash: null }, signal)) {
      yield { changes: [], effect }
    }
    if (due.length === maxTried) yield { changes: [], next: [{ step: 'more' }] }
  }

  async open(): Promise<Opened> {
    throw new SyncError('internal', 'Failed deployments are not opened.')
  }

  async stat(): Promise<never> {
    throw new SyncError('internal', 'Failed deployments are not looked at.')
  }

  async check(): Promise<void> {
    // There is nobody to reach.
  }

  async close(): Promise<void> {
    // There is nothing to let go of.
  }
}
