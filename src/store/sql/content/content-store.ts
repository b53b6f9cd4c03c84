import type {
  ActiveRow,
  ChangeQuery,
  Changes,
  Collected,
  CollectLimits,
  ContentEffect,
  ContentStore,
  Deployed,
  EntityFile,
  FailedDeployment,
  OpenSnapshots,
  Snapshot,
  StoredDeployment,
  SweepLimits,
  Swept,
} from '../../../content/content-store.ts'
import type { DeploymentOffer, EntityType } from '../../../content/entity.ts'
import type { TimeRange } from '../../../content/snapshots/time-range.ts'
import type { SqlDatabase } from '../sql.ts'
import {
  activeByContent,
  activeByIds,
  activeByPointers,
  activeByPrefix,
} from './active-entities.ts'
import { activeIn, activityIn, type WalkPlace } from './active-rows.ts'
import { changesOf, freshestOf } from './changes.ts'
import { collectGarbage, neededOf, sweepBlobs } from './collection.ts'
import { newestMs } from './content-clock.ts'
import { storedColumns, storedOf, type StoredRow } from './deployment-rows.ts'
import { applyContent } from './effect.ts'
import { failuresOf, forgetFailures, takeDueFailures, type FailureName } from './failures.ts'
import { overtakenOf, pointlessOf } from './offers.ts'
import { dropSnapshots, putSnapshot, snapshotsOf } from './own-snapshots.ts'
import {
  failSnapshot,
  noteProcessed,
  openSnapshotsOf,
  planSnapshot,
  processedOf,
  takeSnapshot,
} from './snapshot-work.ts'

/** A content node's rows. The promises are the port's. */
export class SqlContentStore implements ContentStore {
  readonly #db: SqlDatabase

  constructor({ db }: { readonly db: SqlDatabase }) {
    this.#db = db
  }

  deploy(effect: ContentEffect): Promise<readonly Deployed[]> {
    return this.#db.transaction((tx) => applyContent(tx, effect, tx.nowMs), { isRoutine: true })
  }

  async known(entityIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (entityIds.length === 0) return new Map()
    const rows = await this.#db.all<{ entity_id: string; local_ms: number }>(
      'select entity_id, local_ms from deployment where entity_id = any(?)',
      entityIds,
    )
    return new Map(rows.map((row) => [row.entity_id, row.local_ms]))
  }

  pointless(offers: readonly DeploymentOffer[]): Promise<ReadonlySet<string>> {
    return pointlessOf(this.#db, offers)
  }

  overtaken(offers: readonly DeploymentOffer[]): Promise<ReadonlySet<string>> {
    return overtakenOf(this.#db, offers)
  }

  activeByPointers(pointers: readonly string[]): Promise<readonly EntityFile[]> {
    return activeByPointers(this.#db, pointers)
  }

  activeByIds(entityIds: readonly string[]): Promise<readonly EntityFile[]> {
    return activeByIds(this.#db, entityIds)
  }

  activeByPrefix(
    prefix: string,
    page: { readonly offset: number; readonly limit: number },
  ): Promise<{ readonly total: number; readonly entities: readonly EntityFile[] }> {
    return activeByPrefix(this.#db, prefix, page)
  }

  activeByContent(hash: string, limit: number): Promise<readonly string[]> {
    return activeByContent(this.#db, hash, limit)
  }

  async deployment(type: EntityType, entityId: string): Promise<StoredDeployment | null> {
    const row = await this.#db.get<StoredRow>(
      `select ${storedColumns} from deployment where entity_id = ? and type = ?`,
      entityId,
      type,
    )
    return row === undefined ? null : storedOf(row)
  }

  changes(query: ChangeQuery): Promise<Changes> {
    return changesOf(this.#db, query)
  }

  freshest(
    afterMs: number,
    lastId: string,
    types: readonly EntityType[],
    limit: number,
  ): Promise<readonly StoredDeployment[]> {
    return freshestOf(this.#db, { ms: afterMs, lastId }, types, limit)
  }

  newestMs(): Promise<number> {
    return newestMs(this.#db)
  }

  failures(page: {
    readonly offset: number
    readonly limit: number
  }): Promise<readonly FailedDeployment[]> {
    return failuresOf(this.#db, page)
  }

  dueFailures(limit: number, leaseMs: number): Promise<readonly FailedDeployment[]> {
    return this.#db.transaction((tx) => takeDueFailures(tx, limit, leaseMs))
  }

  forgetFailures(failures: readonly FailureName[]): Promise<void> {
    return forgetFailures(this.#db, failures)
  }

  activeIn(
    range: TimeRange,
    after: WalkPlace | null,
    limit: number,
  ): Promise<readonly ActiveRow[]> {
    return activeIn(this.#db, range, after, limit)
  }

  activity(range: TimeRange): Promise<{ readonly count: number; readonly changedMs: number }> {
    return activityIn(this.#db, range)
  }

  snapshots(): Promise<readonly Snapshot[]> {
    return snapshotsOf(this.#db)
  }

  putSnapshot(snapshot: Snapshot): Promise<void> {
    return this.#db.transaction((tx) => putSnapshot(tx, snapshot))
  }

  dropSnapshots(ranges: readonly TimeRange[]): Promise<void> {
    return dropSnapshots(this.#db, ranges)
  }

  processed(hashes: readonly string[]): Promise<ReadonlySet<string>> {
    return processedOf(this.#db, hashes)
  }

  takeSnapshot(hash: string, sourceId: number, patienceMs: number): Promise<boolean> {
    return this.#db.transaction((tx) => takeSnapshot(tx, hash, { sourceId, patienceMs }))
  }

  planSnapshot(hash: string, starts: readonly number[]): Promise<void> {
    return this.#db.transaction((tx) => planSnapshot(tx, hash, starts))
  }

  failSnapshot(hash: string, reason: string): Promise<void> {
    return this.#db.transaction((tx) => failSnapshot(tx, hash, reason))
  }

  async openSnapshots(): Promise<readonly OpenSnapshots[]> {
    return openSnapshotsOf(this.#db, await this.#db.now())
  }

  noteProcessed(hashes: readonly string[]): Promise<void> {
    return this.#db.transaction((tx) => noteProcessed(tx, hashes))
  }

  collect(limits: CollectLimits): Promise<Collected> {
    return this.#db.transaction((tx) => collectGarbage(tx, limits))
  }

  sweepBlobs(after: string | null, limits: SweepLimits): Promise<Swept> {
    return this.#db.transaction((tx) => sweepBlobs(tx, after, limits))
  }

  async needed(hashes: readonly string[], graceMs: number): Promise<ReadonlySet<string>> {
    return neededOf(this.#db, hashes, (await this.#db.now()) - graceMs)
  }

  async fact(name: string): Promise<string | null> {
    const row = await this.#db.get<{ value: string }>(
      'select value from content_fact where name = ?',
      name,
    )
    return row?.value ?? null
  }

  async setFact(name: string, value: string): Promise<void> {
    await this.#db.run(
      `insert into content_fact (name, value) values (?, ?)
       on conflict (name) do update set value = excluded.value`,
      name,
      value,
    )
  }
}
