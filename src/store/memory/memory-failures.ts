import type { Clock } from '../../base/clock.ts'
import { failureBackoff, maxFailures, type FailedDeployment } from '../../content/content-store.ts'
import type { ContentRows, NewFailure } from './content-rows.ts'

/** Deployments that could not be made, in the model. */
export class MemoryFailures {
  readonly #rows: ContentRows
  readonly #clock: Pick<Clock, 'now'>

  constructor(parts: { readonly rows: ContentRows; readonly clock: Pick<Clock, 'now'> }) {
    this.#rows = parts.rows
    this.#clock = parts.clock
  }

  record(failures: readonly NewFailure[], nowMs: number): void {
    for (const failure of failures) {
      const known = this.#rows.failures.get(failure.entityId)
      const attempts = known?.attempts ?? 1
      const waitMs = failureBackoff.baseMs * 2 ** (attempts - 1)
      this.#rows.failures.set(failure.entityId, {
        ...failure,
        // What an id stands for does not change.
        entityType: known?.entityType ?? failure.entityType,
        entityTimestamp: known?.entityTimestamp ?? failure.entityTimestamp,
        pointers: known?.pointers ?? failure.pointers,
        attempts,
        failedMs: nowMs,
        nextMs: nowMs + Math.min(waitMs, failureBackoff.maxMs),
      })
    }
    const surplus = this.#rows.failures.size - maxFailures
    if (surplus <= 0) return
    const hopeless = this.#by(({ failedMs }) => failedMs).toSorted(
      (a, b) => b.attempts - a.attempts,
    )
    for (const { entityId } of hopeless.slice(0, surplus)) this.#rows.failures.delete(entityId)
  }

  page({ offset, limit }: { readonly offset: number; readonly limit: number }): FailedDeployment[] {
    return this.#by(({ failedMs }) => failedMs).slice(offset, offset + limit)
  }

  take(limit: number, leaseMs: number): FailedDeployment[] {
    const nowMs = this.#clock.now()
    const due = this.#by(({ nextMs }) => nextMs).filter(({ nextMs }) => nextMs <= nowMs)
    const taken: FailedDeployment[] = []
    for (const failure of due.slice(0, limit)) {
      const again = { ...failure, attempts: failure.attempts + 1, nextMs: nowMs + leaseMs }
      this.#rows.failures.set(failure.entityId, again)
      taken.push(again)
    }
    return taken
  }

  forget(entityIds: readonly string[]): void {
    for (const entityId of entityIds) this.#rows.failures.delete(entityId)
  }

  #by(time: (failure: FailedDeployment) => number): FailedDeployment[] {
    return [...this.#rows.failures.values()].sort(
      (a, b) => time(a) - time(b) || (a.entityId < b.entityId ? -1 : 1),
    )
  }
}
