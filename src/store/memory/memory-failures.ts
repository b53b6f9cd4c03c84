import type { Clock } from '../../base/clock.ts'
import { failureBackoff, maxFailures, type FailedDeployment } from '../../content/content-store.ts'
import type { ContentRows, NewFailure } from './content-rows.ts'

type Name = Pick<FailedDeployment, 'entityId' | 'sourceId'>

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
      const known = this.#rows.failures.find((each) => isSame(each, failure))
      const attempts = known?.attempts ?? 1
      const waitMs = failureBackoff.baseMs * 2 ** (attempts - 1)
      this.forget([failure])
      const nextMs = nowMs + Math.min(waitMs, failureBackoff.maxMs)
      this.#rows.failures.push({ ...failure, attempts, failedMs: nowMs, nextMs })
    }
    for (const sourceId of new Set(failures.map((failure) => failure.sourceId))) {
      const hopeful = this.#by(({ failedMs }) => -failedMs)
        .filter((failure) => failure.sourceId === sourceId)
        .toSorted((a, b) => a.attempts - b.attempts)
      let size = 0
      this.forget(
        hopeful.filter((failure, n) => {
          size += sizeOf(failure)
          return n >= maxFailures.count || size > maxFailures.size
        }),
      )
    }
  }

  page({ offset, limit }: { readonly offset: number; readonly limit: number }): FailedDeployment[] {
    const all = this.#by(({ failedMs }) => failedMs)
    return all
      .filter(({ entityId }, n) => !all.slice(n + 1).some((later) => later.entityId === entityId))
      .slice(offset, offset + limit)
  }

  take(limit: number, leaseMs: number): FailedDeployment[] {
    const nowMs = this.#clock.now()
    const due = this.#by(({ nextMs }) => nextMs).filter(({ nextMs }) => nextMs <= nowMs)
    const ids = new Set(due.slice(0, limit).map(({ entityId }) => entityId))
    const taken = [...ids].flatMap((id) =>
      this.#by(() => 0)
        .filter(({ entityId }) => entityId === id)
        .map((row) =>
          Object.assign({}, row, { attempts: row.attempts + 1, nextMs: nowMs + leaseMs }),
        ),
    )
    this.forget(taken)
    this.#rows.failures.push(...taken)
    return taken
  }

  forget(names: readonly Name[]): void {
    this.#rows.failures = this.#rows.failures.filter(
      (failure) => !names.some((name) => isSame(failure, name)),
    )
  }

  forgetDeployed(entityIds: ReadonlySet<string>): void {
    this.#rows.failures = this.#rows.failures.filter(({ entityId }) => !entityIds.has(entityId))
  }

  #by(time: (failure: FailedDeployment) => number): FailedDeployment[] {
    return this.#rows.failures.toSorted((a, b) => time(a) - time(b) || byName(a, b))
  }
}

function isSame(one: Name, other: Name): boolean {
  return one.entityId === other.entityId && one.sourceId === other.sourceId
}

function byName(a: Name, b: Name): number {
  if (a.entityId !== b.entityId) return a.entityId < b.entityId ? -1 : 1
  return (a.sourceId ?? 0) - (b.sourceId ?? 0)
}

function sizeOf({ pointers, authChain }: FailedDeployment): number {
  return JSON.stringify(pointers).length + JSON.stringify(authChain).length
}
