import { assert } from '../../base/errors.ts'
import { maxDeployments } from '../../content/content-store.ts'
import { compareEntities, type Deployment } from '../../content/entity.ts'
import type { ContentRows } from './content-rows.ts'
import { byId } from './memory-changes.ts'
import { SeenEntities } from './seen-entities.ts'

export interface ArrivalsParts {
  readonly rows: ContentRows
  readonly seen: SeenEntities
}

/** How deployments become part of a history: each batch of them has a local time, and who is overwritten dies with it. */
export class Arrivals {
  readonly #rows: ContentRows
  readonly #seen: SeenEntities

  constructor({ rows, seen }: ArrivalsParts) {
    this.#rows = rows
    this.#seen = seen
  }

  /** None of them is there yet. */
  arrive(arriving: readonly Deployment[], nowMs: number): void {
    this.#checkComplete(arriving)
    const firstMs = Math.max(nowMs, this.#rows.lastMs + 1)
    for (let done = 0; done < arriving.length; done += maxDeployments) {
      const localMs = firstMs + done / maxDeployments
      this.#arriveAt(localMs, arriving.slice(done, done + maxDeployments))
    }
  }

  #checkComplete(arriving: readonly Deployment[]): void {
    const seen = new SeenEntities([...this.#rows.seen, ...arriving])
    for (const deployment of arriving) {
      assert(
        deployment.isComplete || seen.isDead(deployment),
        'an entity without all of its content would be active',
      )
    }
  }

  #arriveAt(localMs: number, batch: readonly Deployment[]): void {
    for (const deployment of batch.toSorted((a, b) => byId(a.entityId, b.entityId))) {
      const { type, pointers, entityId, timestamp } = deployment
      const id = ++this.#rows.lastId
      this.#rows.deployments.push({ id, deployment, localMs, death: null, isSwept: false })
      this.#seen.add({ type, pointers, entityId, timestamp })
    }
    this.#rows.lastMs = localMs
    this.#bury(localMs)
  }

  #bury(diedMs: number): void {
    for (const row of this.#rows.deployments) {
      if (row.death !== null || !this.#seen.isDead(row.deployment)) continue
      const greater = this.#seen
        .marks(row.deployment)
        .filter((mark) => mark !== undefined)
        .filter((mark) => compareEntities(mark, row.deployment) > 0)
      const [killer] = greater.toSorted(compareEntities)
      row.death = { by: killer?.entityId ?? '', diedMs }
    }
  }
}
