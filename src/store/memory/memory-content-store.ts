import type { Clock } from '../../base/clock.ts'
import { assert } from '../../base/errors.ts'
import {
  maxEffect,
  type ActiveRow,
  type ChangeQuery,
  type Changes,
  type Collected,
  type CollectLimits,
  type ContentEffect,
  type ContentStore,
  type Deployed,
  type EntityFile,
  type FailedDeployment,
  type OpenSnapshots,
  type Snapshot,
  type StoredDeployment,
  type SweepLimits,
  type Swept,
} from '../../content/content-store.ts'
import {
  compareEntities,
  type Deployment,
  type DeploymentOffer,
  type EntityType,
} from '../../content/entity.ts'
import type { TimeRange } from '../../content/snapshots/time-range.ts'
import { Arrivals } from './arrivals.ts'
import { byText, changesIn, storedIn, storedOf } from './memory-changes.ts'
import type { ContentRows, KeptDeployment, SeenEntity } from './content-rows.ts'
import { collectInMemory, isNeeded, sweepInMemory } from './memory-collection.ts'
import { MemoryFailures } from './memory-failures.ts'
import { MemorySnapshots } from './memory-snapshots.ts'
import { SeenEntities } from './seen-entities.ts'

export interface MemoryContentParts {
  readonly rows: ContentRows
  readonly clock: Pick<Clock, 'now'>
}

/**
 * The model of a content store: each answer is found by going through all there is. It shares no line with the one that
 * asks a database.
 */
export class MemoryContentStore implements ContentStore {
  readonly #rows: ContentRows
  readonly #clock: Pick<Clock, 'now'>
  readonly #seen: SeenEntities
  readonly #arrivals: Arrivals
  readonly #failures: MemoryFailures
  readonly #snapshots: MemorySnapshots

  constructor(parts: MemoryContentParts) {
    this.#rows = parts.rows
    this.#clock = parts.clock
    this.#seen = new SeenEntities(parts.rows.seen)
    this.#arrivals = new Arrivals({ rows: parts.rows, seen: this.#seen })
    this.#failures = new MemoryFailures(parts)
    this.#snapshots = new MemorySnapshots(parts)
  }

  async deploy({
    deployments,
    blobs,
    failures,
    parts,
  }: ContentEffect): Promise<readonly Deployed[]> {
    assert(deployments.length <= maxEffect, `an effect has at most ${maxEffect} deployments`)
    const ids = new Set(this.#rows.deployments.map(({ deployment }) => deployment.entityId))
    const isNew = deployments.map(({ entityId }) => {
      const isFirst = !ids.has(entityId)
      ids.add(entityId)
      return isFirst
    })
    const nowMs = this.#clock.now()
    this.#arrivals.arrive(
      deployments.filter((_, n) => isNew[n]),
      nowMs,
    )
    this.#keepBlobs(blobs, nowMs)
    const kept = deployments.map(({ entityId }) => this.#kept(entityId))
    if (blobs.length > 0) for (const row of kept) row.isSwept = false
    this.#failures.forgetDeployed(ids)
    this.#failures.record(
      failures.filter(({ entityId }) => !ids.has(entityId)),
      nowMs,
    )
    this.#snapshots.finish(parts)
    return kept.map(({ deployment: { entityId }, localMs }, n) => ({
      entityId,
      localMs,
      isNew: isNew[n] === true,
    }))
  }

  #keepBlobs(blobs: ContentEffect['blobs'], storedMs: number): void {
    for (const { hash, bytes } of blobs) {
      if (!this.#rows.blobs.has(hash)) this.#rows.blobs.set(hash, { bytes, storedMs })
    }
  }

  #kept(entityId: string): KeptDeployment {
    const row = this.#rows.deployments.find(({ deployment }) => deployment.entityId === entityId)
    assert(row !== undefined, 'what was deployed is there')
    return row
  }

  async known(entityIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return new Map(
      this.#rows.deployments
        .filter(({ deployment }) => entityIds.includes(deployment.entityId))
        .map(({ deployment, localMs }) => [deployment.entityId, localMs]),
    )
  }

  async pointless(offers: readonly DeploymentOffer[]): Promise<ReadonlySet<string>> {
    return this.#offersThat(offers, (entity, marks) =>
      marks.every((mark) => mark !== undefined && compareEntities(entity, mark) <= 0),
    )
  }

  async overtaken(offers: readonly DeploymentOffer[]): Promise<ReadonlySet<string>> {
    return this.#offersThat(
      offers,
      (entity, marks) =>
        this.#seen.isDead(entity) &&
        marks.some((mark) => mark === undefined || compareEntities(entity, mark) > 0),
    )
  }

  #offersThat(
    offers: readonly DeploymentOffer[],
    test: (entity: SeenEntity, marks: readonly (SeenEntity | undefined)[]) => boolean,
  ): Set<string> {
    const passed = offers.filter((offer) => {
      const { entityId, entityType: type, entityTimestamp: timestamp, pointers } = offer
      const entity = { entityId, type, timestamp, pointers }
      return pointers.length > 0 && test(entity, this.#seen.marks(entity))
    })
    return new Set(passed.map(({ entityId }) => entityId))
  }

  get #active(): KeptDeployment[] {
    return this.#rows.deployments.filter(({ death }) => death === null)
  }

  async activeByPointers(pointers: readonly string[]): Promise<readonly EntityFile[]> {
    return filesOf(
      this.#active.filter(({ deployment }) =>
        deployment.pointers.some((pointer) => pointers.includes(pointer)),
      ),
    )
  }

  async activeByIds(entityIds: readonly string[]): Promise<readonly EntityFile[]> {
    return filesOf(this.#active.filter(({ deployment }) => entityIds.includes(deployment.entityId)))
  }

  async activeByPrefix(
    prefix: string,
    { offset, limit }: { readonly offset: number; readonly limit: number },
  ): Promise<{ readonly total: number; readonly entities: readonly EntityFile[] }> {
    const found = this.#active.flatMap((row) => {
      const pointers = row.deployment.pointers.filter((pointer) => pointer.startsWith(prefix))
      const [first] = pointers.toSorted(byText)
      return first === undefined ? [] : { row, first }
    })
    const sorted = found.toSorted(
      (a, b) =>
        byText(a.first, b.first) || byText(a.row.deployment.entityId, b.row.deployment.entityId),
    )
    const entities = filesOf(sorted.slice(offset, offset + limit).map(({ row }) => row))
    return { total: found.length, entities }
  }

  async activeByContent(hash: string, limit: number): Promise<readonly string[]> {
    return this.#active
      .filter(({ deployment }) => deployment.content.some((file) => file.hash === hash))
      .map(({ deployment }) => deployment.entityId)
      .sort(byText)
      .slice(0, limit)
  }

  async deployment(type: EntityType, entityId: string): Promise<StoredDeployment | null> {
    const row = this.#rows.deployments.find(
      ({ deployment }) => deployment.entityId === entityId && deployment.type === type,
    )
    return row === undefined ? null : storedOf(row)
  }

  async changes(query: ChangeQuery): Promise<Changes> {
    return changesIn(this.#rows.deployments, query)
  }

  async freshest(
    afterMs: number,
    lastId: string,
    types: readonly EntityType[],
    limit: number,
  ): Promise<readonly StoredDeployment[]> {
    const query = { types, from: afterMs, lastId, sortBy: 'local', order: 'asc' } as const
    const holders = this.#rows.deployments.filter(({ deployment }) =>
      this.#seen.marks(deployment).some((mark) => mark?.entityId === deployment.entityId),
    )
    return storedIn(holders, { ...query, offset: 0, limit })
  }

  async newestMs(): Promise<number> {
    return this.#rows.lastMs
  }

  async failures(page: {
    readonly offset: number
    readonly limit: number
  }): Promise<readonly FailedDeployment[]> {
    return this.#failures.page(page)
  }

  async dueFailures(limit: number, leaseMs: number): Promise<readonly FailedDeployment[]> {
    return this.#failures.take(limit, leaseMs)
  }

  async forgetFailures(
    failures: readonly Pick<FailedDeployment, 'entityId' | 'sourceId'>[],
  ): Promise<void> {
    this.#failures.forget(failures)
  }

  async activeIn(
    range: TimeRange,
    after: { readonly timestamp: number; readonly entityId: string } | null,
    limit: number,
  ): Promise<readonly ActiveRow[]> {
    return this.#active
      .filter(({ deployment }) => isIn(range, deployment))
      .filter(({ deployment }) => after === null || compareEntities(deployment, after) > 0)
      .sort((a, b) => compareEntities(a.deployment, b.deployment))
      .slice(0, limit)
      .map(({ deployment: { entityId, type, pointers, authChain, timestamp }, localMs }) => ({
        entityId,
        type,
        pointers,
        authChain,
        timestamp,
        localMs,
      }))
  }

  async activity(
    range: TimeRange,
  ): Promise<{ readonly count: number; readonly changedMs: number }> {
    const rows = this.#rows.deployments.filter(({ deployment }) => isIn(range, deployment))
    const changes = rows.flatMap(({ localMs, death }) => {
      if (death === null) return localMs
      // What was dead when it came has changed nothing.
      return death.diedMs > localMs ? death.diedMs : []
    })
    return {
      count: rows.filter(({ death }) => death === null).length,
      changedMs: Math.max(0, ...changes),
    }
  }

  async snapshots(): Promise<readonly Snapshot[]> {
    return this.#snapshots.own()
  }

  async putSnapshot(snapshot: Snapshot): Promise<void> {
    this.#snapshots.put(snapshot)
  }

  async dropSnapshots(ranges: readonly TimeRange[]): Promise<void> {
    this.#snapshots.drop(ranges)
  }

  async processed(hashes: readonly string[]): Promise<ReadonlySet<string>> {
    return new Set(hashes.filter((hash) => this.#rows.processed.has(hash)))
  }

  async takeSnapshot(hash: string, sourceId: number, patienceMs: number): Promise<boolean> {
    return this.#snapshots.take(hash, sourceId, patienceMs)
  }

  async planSnapshot(hash: string, starts: readonly number[]): Promise<void> {
    this.#snapshots.plan(hash, starts)
  }

  async failSnapshot(hash: string, _reason: string): Promise<void> {
    this.#snapshots.fail(hash)
  }

  async noteProcessed(hashes: readonly string[]): Promise<void> {
    this.#snapshots.note(hashes)
  }

  async openSnapshots(): Promise<readonly OpenSnapshots[]> {
    return this.#snapshots.open()
  }

  async collect(limits: CollectLimits): Promise<Collected> {
    const collected = collectInMemory(this.#rows, limits, this.#clock.now())
    const isForgotten = this.#snapshots.forget(limits.limit)
    return { ...collected, isDone: collected.isDone && isForgotten }
  }

  async sweepBlobs(after: string | null, limits: SweepLimits): Promise<Swept> {
    return sweepInMemory(this.#rows, after, limits, this.#clock.now())
  }

  async needed(hashes: readonly string[], graceMs: number): Promise<ReadonlySet<string>> {
    const sinceMs = this.#clock.now() - graceMs
    return new Set(hashes.filter((hash) => isNeeded(this.#rows, hash, sinceMs)))
  }

  async fact(name: string): Promise<string | null> {
    return this.#rows.facts.get(name) ?? null
  }

  async setFact(name: string, value: string): Promise<void> {
    this.#rows.facts.set(name, value)
  }
}

function isIn(range: TimeRange, { timestamp }: Deployment): boolean {
  return timestamp >= range.init && timestamp <= range.end
}

function filesOf(rows: readonly KeptDeployment[]): EntityFile[] {
  return rows.map(({ deployment: { entityId, file: bytes } }) => ({ entityId, bytes }))
}
