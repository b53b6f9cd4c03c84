import {
  failureBackoff,
  maxFailures,
  type ContentEffect,
  type FailedDeployment,
} from '../../../content/content-store.ts'
import type { AuthChain, EntityType } from '../../../content/entity.ts'
import type { Sql, Transaction } from '../sql.ts'
import { pointersOf } from './deployment-rows.ts'
import { doubledMs } from './doubled.ts'

type NewFailure = ContentEffect['failures'][number]

/** Whose fault it is, and how many are remembered at most. */
export interface FailureNote {
  readonly nowMs: number
  /** The peer that offered them; null: nobody in particular. */
  readonly sourceId: number | null
  readonly most?: number
}

/** Notes what could not be deployed. To say it twice is the same as once: tries are counted where they begin. */
export async function recordFailures(
  tx: Transaction,
  failures: readonly NewFailure[],
  { nowMs, sourceId, most = maxFailures }: FailureNote,
): Promise<void> {
  if (failures.length === 0) return
  const byId = new Map(failures.map((failure) => [failure.entityId, failure]))
  const tried = await tx.all<{ entity_id: string; attempts: number }>(
    'select entity_id, attempts from failed_deployment where entity_id = any(?)',
    [...byId.keys()],
  )
  const attempts = new Map(tried.map((row) => [row.entity_id, row.attempts]))
  const rows = [...byId.values()].map((failure) => ({
    entity_id: failure.entityId,
    type: failure.entityType,
    entity_ms: failure.entityTimestamp,
    next_ms: nowMs + doubledMs(attempts.get(failure.entityId) ?? 1, failureBackoff),
    snapshot_hash: failure.snapshotHash,
    pointers: JSON.stringify(failure.pointers),
    description: failure.description,
    auth_chain: JSON.stringify(failure.authChain),
  }))
  await tx.each(upsertFailure, rows, nowMs, sourceId)
  await dropSurplus(tx, most)
}

/** Those tried most often go first, of them the oldest. */
async function dropSurplus(tx: Transaction, most: number): Promise<void> {
  const row = await tx.get<{ count: number }>('select count(*) as count from failed_deployment')
  const surplus = (row?.count ?? 0) - most
  if (surplus <= 0) return
  await tx.run(
    `delete from failed_deployment where entity_id in (select entity_id from failed_deployment
       order by attempts desc, failed_ms, entity_id limit ?)`,
    surplus,
  )
}

const upsertFailure = `insert into failed_deployment (entity_id, type, entity_ms, failed_ms,
    next_ms, attempts, snapshot_hash, pointers, description, auth_chain, source_id)
  select r.entity_id, r.type, r.entity_ms, ?1, r.next_ms, 1, r.snapshot_hash, r.pointers,
    r.description, r.auth_chain, ?2
  from rows as r (entity_id text, type text, entity_ms bigint, next_ms bigint,
    snapshot_hash text, pointers text, description text, auth_chain text) where true
  on conflict (entity_id) do update set failed_ms = excluded.failed_ms,
    next_ms = excluded.next_ms, snapshot_hash = excluded.snapshot_hash,
    description = excluded.description, auth_chain = excluded.auth_chain`

export async function failuresOf(
  sql: Sql,
  page: { readonly offset: number; readonly limit: number },
): Promise<FailedDeployment[]> {
  const rows = await sql.all<FailureRow>(
    `select ${columns} from failed_deployment order by failed_ms, entity_id limit ? offset ?`,
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
  const due = await tx.all<FailureRow>(
    `select ${columns} from failed_deployment where next_ms <= ?
     order by next_ms, entity_id limit ? for update skip locked`,
    tx.nowMs,
    limit,
  )
  if (due.length === 0) return []
  await tx.run(
    `update failed_deployment set attempts = attempts + 1, next_ms = ?
     where entity_id = any(?)`,
    tx.nowMs + leaseMs,
    due.map((row) => row.entity_id),
  )
  const nextMs = tx.nowMs + leaseMs
  return due.map((row) => failureOf({ ...row, attempts: row.attempts + 1, next_ms: nextMs }))
}

export async function forgetFailures(sql: Sql, entityIds: readonly string[]): Promise<void> {
  if (entityIds.length === 0) return
  await sql.run('delete from failed_deployment where entity_id = any(?)', entityIds)
}

const columns = `entity_id, type, entity_ms, failed_ms, next_ms, attempts, snapshot_hash, pointers,
  description, auth_chain`

interface FailureRow {
  readonly entity_id: string
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
