import {
  failureBackoff,
  maxFailures,
  type ContentEffect,
  type FailedDeployment,
} from '../../../content/content-store.ts'
import type { AuthChain, EntityType } from '../../../content/entity.ts'
import type { Sql, Transaction } from '../sql.ts'
import { lockClock } from './content-clock.ts'
import { pointersOf } from './deployment-rows.ts'
import { doubledMs } from './doubled.ts'

type NewFailure = ContentEffect['failures'][number]

/** What is failed, by whose word: a row. */
export type FailureName = Pick<FailedDeployment, 'entityId' | 'sourceId'>

/** When it was, and how much is remembered of a source at most. */
export interface FailureNote {
  readonly nowMs: number
  readonly most?: typeof maxFailures
}

/**
 * Notes what could not be deployed; what the same source said of it before is forgotten. To say it twice is the same as
 * once: tries are counted where they begin.
 */
export async function recordFailures(
  tx: Transaction,
  failures: readonly NewFailure[],
  { nowMs, most = maxFailures }: FailureNote,
): Promise<void> {
  if (failures.length === 0) return
  const byKey = new Map(failures.map((failure) => [keyOf(nameRow(failure)), failure]))
  const tried = await tx.all<NameRow & { readonly attempts: number }>(
    'select entity_id, source_id, attempts from failed_deployment where entity_id = any(?)',
    [...new Set(failures.map(({ entityId }) => entityId))],
  )
  const attempts = new Map(tried.map((row) => [keyOf(row), row.attempts]))
  const rows = [...byKey].map(([key, failure]) => {
    const waitMs = doubledMs(attempts.get(key) ?? 1, failureBackoff)
    return newRow(failure, nowMs + waitMs)
  })
  await tx.each(upsertFailure, rows, nowMs)
  for (const sourceId of new Set(rows.map((row) => row.source_id))) {
    await dropSurplus(tx, sourceId, most)
  }
}

function newRow(failure: NewFailure, nextMs: number): NameRow & Readonly<Record<string, unknown>> {
  const pointers = JSON.stringify(failure.pointers)
  const authChain = JSON.stringify(failure.authChain)
  return {
    ...nameRow(failure),
    type: failure.entityType,
    entity_ms: failure.entityTimestamp,
    next_ms: nextMs,
    size: pointers.length + authChain.length,
    snapshot_hash: failure.snapshotHash,
    pointers,
    description: failure.description,
    auth_chain: authChain,
  }
}

const upsertFailure = `insert into failed_deployment (entity_id, source_id, type, entity_ms,
    failed_ms, next_ms, attempts, size, snapshot_hash, pointers, description, auth_chain)
  select r.entity_id, r.source_id, r.type, r.entity_ms, ?1, r.next_ms, 1, r.size,
    r.snapshot_hash, r.pointers, r.description, r.auth_chain
  from rows as r (entity_id text, source_id bigint, type text, entity_ms bigint, next_ms bigint,
    size bigint, snapshot_hash text, pointers text, description text, auth_chain text) where true
  on conflict (entity_id, source_id) do update set type = excluded.type,
    entity_ms = excluded.entity_ms, failed_ms = excluded.failed_ms, next_ms = excluded.next_ms,
    size = excluded.size, snapshot_hash = excluded.snapshot_hash, pointers = excluded.pointers,
    description = excluded.description, auth_chain = excluded.auth_chain`

/** Those tried most often go first, of them the oldest. */
async function dropSurplus(
  tx: Transaction,
  sourceId: number,
  most: typeof maxFailures,
): Promise<void> {
  const held = await tx.get<{ count: number; size: number }>(
    `select count(*) as count, cast(coalesce(sum(size), 0) as bigint) as size from failed_deployment
     where source_id = ?`,
    sourceId,
  )
  if (held === undefined || (held.count <= most.count && held.size <= most.size)) return
  await tx.run(
    `delete from failed_deployment where source_id = ?1 and entity_id in
       (select entity_id from
         (select entity_id, row_number() over hopeful as n, sum(size) over hopeful as upto
            from failed_deployment where source_id = ?1
            window hopeful as (order by attempts, failed_ms desc, entity_id)) as counted
        where n > ?2 or upto > ?3)`,
    sourceId,
    // A little more than has to go: to look through all of them for each new one would hold everybody up.
    Math.ceil(most.count * keptShare),
    Math.ceil(most.size * keptShare),
  )
}

/** What is left of what a source may have, when it has more. */
const keptShare = 0.9

/** Of each entity the latest. */
export async function failuresOf(
  sql: Sql,
  page: { readonly offset: number; readonly limit: number },
): Promise<FailedDeployment[]> {
  const rows = await sql.all<FailureRow>(
    `select ${columns} from failed_deployment as one where not exists
       (select 1 from failed_deployment as later where later.entity_id = one.entity_id
          and (later.failed_ms, later.source_id) > (one.failed_ms, one.source_id))
     order by failed_ms, entity_id limit ? offset ?`,
    page.limit,
    page.offset,
  )
  return rows.map(failureOf)
}

/** The longest waiting first. */
export async function takeDueFailures(
  tx: Transaction,
  limit: number,
  leaseMs: number,
): Promise<FailedDeployment[]> {
  // Whoever writes failures has it: rows are locked in no order of their own.
  await lockClock(tx)
  const due = await tx.all<NameRow>(
    `select entity_id, source_id from failed_deployment where next_ms <= ?
     order by next_ms, entity_id, source_id limit ?`,
    tx.nowMs,
    limit,
  )
  if (due.length === 0) return []
  const ids = [...new Set(due.map((row) => row.entity_id))]
  const rows = await tx.all<FailureRow>(
    `update failed_deployment set attempts = attempts + 1, next_ms = ?
     where entity_id = any(?) returning ${columns}`,
    tx.nowMs + leaseMs,
    ids,
  )
  const place = new Map(ids.map((id, n) => [id, n]))
  const placeOf = (row: FailureRow): number => place.get(row.entity_id) ?? 0
  return rows
    .toSorted((a, b) => placeOf(a) - placeOf(b) || a.source_id - b.source_id)
    .map(failureOf)
}

export async function forgetFailures(sql: Sql, failures: readonly FailureName[]): Promise<void> {
  if (failures.length === 0) return
  await sql.each(
    `delete from failed_deployment where exists
       (select 1 from rows as r (entity_id text, source_id bigint)
        where failed_deployment.entity_id = r.entity_id
          and failed_deployment.source_id = r.source_id)`,
    failures.map(nameRow),
  )
}

const columns = `entity_id, source_id, type, entity_ms, failed_ms, next_ms, attempts,
  snapshot_hash, pointers, description, auth_chain`

interface NameRow {
  readonly entity_id: string
  /** 0: nobody in particular. */
  readonly source_id: number
}

function nameRow({ entityId, sourceId }: FailureName): NameRow {
  return { entity_id: entityId, source_id: sourceId ?? 0 }
}

function keyOf(row: NameRow): string {
  return `${row.source_id} ${row.entity_id}`
}

interface FailureRow extends NameRow {
  readonly type: EntityType
  readonly entity_ms: number
  readonly failed_ms: number
  readonly next_ms: number
  readonly attempts: number
  readonly snapshot_hash: string | null
  readonly pointers: string
  readonly description: string
  readonly auth_chain: string
}

function failureOf(row: FailureRow): FailedDeployment {
  return {
    entityId: row.entity_id,
    sourceId: row.source_id === 0 ? null : row.source_id,
    entityType: row.type,
    pointers: pointersOf(row.pointers),
    entityTimestamp: row.entity_ms,
    // Written by `recordFailures`.
    authChain: JSON.parse(row.auth_chain) as AuthChain,
    failedMs: row.failed_ms,
    description: row.description,
    snapshotHash: row.snapshot_hash,
    attempts: row.attempts,
    nextMs: row.next_ms,
  }
}
