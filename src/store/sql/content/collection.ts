import type {
  Collected,
  CollectLimits,
  SweepLimits,
  Swept,
} from '../../../content/content-store.ts'
import type { Sql, Transaction } from '../sql.ts'
import { lockClock } from './content-clock.ts'
import { forgetSnapshots } from './snapshot-work.ts'

interface DeadRow {
  readonly id: number
  readonly entity_id: string
}

/**
 * Lets go of what nobody needs, in two steps a deployment: its content when it has been dead for the grace period, then
 * the deployment with its file, unless it is still the greatest of a pointer, for whoever comes later has to hear of it,
 * or its file is the content of another one. Under the lock of the clock: nobody comes to need meanwhile what is looked at.
 */
export async function collectGarbage(tx: Transaction, limits: CollectLimits): Promise<Collected> {
  const { graceMs, keepDeadMs, limit } = limits
  await lockClock(tx)
  const graceSinceMs = tx.nowMs - graceMs
  const swept = await deadBefore(tx, 'is_swept = 0', graceSinceMs, limit)
  const candidates = await contentOf(tx, swept)
  await tx.run('update deployment set is_swept = 1 where id = any(?)', idsOf(swept))
  const expired = await deadBefore(
    tx,
    `is_swept = 1 and marks = 0 and not exists
       (select 1 from content_file where content_file.hash = deployment.entity_id)`,
    Math.min(tx.nowMs - keepDeadMs, graceSinceMs),
    limit,
  )
  await forget(tx, idsOf(expired))
  for (const { entity_id: entityId } of expired) candidates.add(entityId)
  const needed = await neededOf(tx, [...candidates], graceSinceMs)
  const unneeded = [...candidates].filter((hash) => !needed.has(hash))
  const isForgotten = await forgetSnapshots(tx, limit)
  const { removed, kept } = await removeBlobs(tx, unneeded, graceSinceMs)
  return {
    hashes: unneeded.filter((hash) => !removed.has(hash) && !kept.has(hash)),
    blobs: removed.size,
    deployments: expired.length,
    isDone: isForgotten && swept.length < limit && expired.length < limit,
  }
}

/**
 * A blob that was held when the last who needed it was let go of has nobody left who would ask for it. Under the same
 * lock.
 */
export async function sweepBlobs(
  tx: Transaction,
  after: string | null,
  { graceMs, limit }: SweepLimits,
): Promise<Swept> {
  await lockClock(tx)
  const sinceMs = tx.nowMs - graceMs
  const page = await tx.all<{ hash: string; stored_ms: number }>(
    'select hash, stored_ms from small_blob where hash > ? order by hash limit ?',
    after ?? '',
    limit,
  )
  const old = page.filter((row) => row.stored_ms <= sinceMs).map(({ hash }) => hash)
  const needed = await neededOf(tx, old, sinceMs)
  const unneeded = old.filter((hash) => !needed.has(hash))
  const { removed } = await removeBlobs(tx, unneeded, sinceMs)
  return { blobs: removed.size, last: page.length < limit ? null : (page.at(-1)?.hash ?? null) }
}

/** Of these, what somebody needs: active entities and those that died later than `sinceMs`, files of entities, snapshots. */
export async function neededOf(
  sql: Sql,
  hashes: readonly string[],
  sinceMs: number,
): Promise<Set<string>> {
  if (hashes.length === 0) return new Set()
  const rows = await sql.all<{ hash: string }>(
    `select content_file.hash from content_file
       cross join deployment on deployment.id = content_file.deployment_id
     where content_file.hash = any(?1) and (deployment.is_active = 1 or deployment.died_ms > ?2)
     union select entity_id as hash from deployment where entity_id = any(?1)
     union select hash from snapshot where hash = any(?1)`,
    hashes,
    sinceMs,
  )
  return new Set(rows.map(({ hash }) => hash))
}

function idsOf(rows: readonly DeadRow[]): number[] {
  return rows.map(({ id }) => id)
}

/** Those that died first. The conditions begin with those of an index each. */
function deadBefore(
  tx: Transaction,
  condition: 'is_swept = 0' | `is_swept = 1 and marks = 0 ${string}`,
  beforeMs: number,
  limit: number,
): Promise<DeadRow[]> {
  return tx.all<DeadRow>(
    `select id, entity_id from deployment
     where is_active = 0 and ${condition} and died_ms <= ? order by died_ms, id limit ?`,
    beforeMs,
    limit,
  )
}

async function contentOf(tx: Transaction, dead: readonly DeadRow[]): Promise<Set<string>> {
  const rows = await tx.all<{ hash: string }>(
    'select distinct hash from content_file where deployment_id = any(?)',
    idsOf(dead),
  )
  return new Set(rows.map(({ hash }) => hash))
}

async function forget(tx: Transaction, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  await tx.together([
    { text: 'delete from content_file where deployment_id = any(?)', values: [ids] },
    { text: 'delete from entity_file where id = any(?)', values: [ids] },
    { text: 'delete from deployment where id = any(?)', values: [ids] },
  ])
}

async function removeBlobs(
  tx: Transaction,
  hashes: readonly string[],
  beforeMs: number,
): Promise<{ removed: Set<string>; kept: Set<string> }> {
  if (hashes.length === 0) return { removed: new Set(), kept: new Set() }
  // What is held meanwhile is not old any more when its row is looked at.
  const gone = await tx.all<{ hash: string }>(
    'delete from small_blob where hash = any(?) and stored_ms <= ? returning hash',
    hashes,
    beforeMs,
  )
  const young = await tx.all<{ hash: string }>(
    'select hash from small_blob where hash = any(?)',
    hashes,
  )
  return { removed: namesOf(gone), kept: namesOf(young) }
}

function namesOf(rows: readonly { readonly hash: string }[]): Set<string> {
  return new Set(rows.map(({ hash }) => hash))
}
