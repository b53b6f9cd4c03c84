import {
  maxRemembered,
  snapshotBackoff,
  type OpenSnapshots,
  type SnapshotPart,
} from '../../../content/content-store.ts'
import type { Sql, Transaction } from '../sql.ts'
import { lockClock } from './content-clock.ts'
import { doubledMs } from './doubled.ts'

/** Which of these snapshots have been gone through to their end. */
export async function processedOf(sql: Sql, hashes: readonly string[]): Promise<Set<string>> {
  if (hashes.length === 0) return new Set()
  const rows = await sql.all<{ hash: string }>(
    'select hash from processed_snapshot where hash = any(?)',
    hashes,
  )
  return new Set(rows.map(({ hash }) => hash))
}

interface WorkRow {
  readonly source_id: number | null
  readonly moved_ms: number
  readonly attempts: number
  readonly next_ms: number
}

async function workOf(tx: Transaction, hash: string): Promise<WorkRow | undefined> {
  return tx.get<WorkRow>(
    'select source_id, moved_ms, attempts, next_ms from snapshot_work where hash = ?',
    hash,
  )
}

/** Who takes up a snapshot, and after how long without a move another one's is anybody's. */
export interface Taker {
  readonly sourceId: number
  readonly patienceMs: number
}

export async function takeSnapshot(tx: Transaction, hash: string, taker: Taker): Promise<boolean> {
  await lockClock(tx)
  if ((await processedOf(tx, [hash])).size > 0) return false
  const work = await workOf(tx, hash)
  if (work !== undefined && !isFor(work, taker, tx.nowMs)) return false
  await tx.run(
    `insert into snapshot_work (hash, source_id, moved_ms, attempts, next_ms)
     values (?, ?, ?, 0, 0)
     on conflict (hash) do update set source_id = excluded.source_id, moved_ms = excluded.moved_ms`,
    hash,
    taker.sourceId,
    tx.nowMs,
  )
  return true
}

function isFor(work: WorkRow, { sourceId, patienceMs }: Taker, nowMs: number): boolean {
  if (work.next_ms > nowMs) return false
  const { source_id: holder, moved_ms: movedMs } = work
  return holder === null || holder === sourceId || nowMs - movedMs >= patienceMs
}

export async function planSnapshot(
  tx: Transaction,
  hash: string,
  starts: readonly number[],
): Promise<void> {
  await lockClock(tx)
  if ((await processedOf(tx, [hash])).size > 0) return
  if (starts.length === 0) {
    await noteProcessed(tx, [hash])
    return
  }
  await tx.run('delete from snapshot_part where hash = ?', hash)
  await tx.each(
    `insert into snapshot_part (hash, start) select ?1, r.start from rows as r (start bigint)
     where true on conflict do nothing`,
    starts.map((start) => ({ start })),
    hash,
  )
  await tx.run(
    `insert into snapshot_work (hash, moved_ms, attempts, next_ms) values (?, ?, 0, 0)
     on conflict (hash) do update set moved_ms = excluded.moved_ms`,
    hash,
    tx.nowMs,
  )
}

/** These parts are done; under the lock of the clock. */
export async function finishParts(
  tx: Transaction,
  parts: readonly SnapshotPart[],
  nowMs: number,
): Promise<void> {
  if (parts.length === 0) return
  const done = await tx.each<{ hash: string }>(
    `delete from snapshot_part where exists (select 1 from rows as r (hash text, start bigint)
       where snapshot_part.hash = r.hash and snapshot_part.start = r.start) returning hash`,
    parts,
  )
  const hashes = [...new Set(done.map(({ hash }) => hash))]
  if (hashes.length === 0) return
  await tx.run('update snapshot_work set moved_ms = ? where hash = any(?)', nowMs, hashes)
  const left = await tx.all<{ hash: string }>(
    'select distinct hash from snapshot_part where hash = any(?)',
    hashes,
  )
  const unfinished = new Set(left.map(({ hash }) => hash))
  await markProcessed(
    tx,
    hashes.filter((hash) => !unfinished.has(hash)),
    nowMs,
  )
}

export async function failSnapshot(tx: Transaction, hash: string, reason: string): Promise<void> {
  await lockClock(tx)
  if ((await processedOf(tx, [hash])).size > 0) return
  const attempts = ((await workOf(tx, hash))?.attempts ?? 0) + 1
  await tx.run('delete from snapshot_part where hash = ?', hash)
  await tx.run(
    `insert into snapshot_work (hash, moved_ms, attempts, next_ms, reason) values (?, ?, ?, ?, ?)
     on conflict (hash) do update set source_id = null, moved_ms = excluded.moved_ms,
       attempts = excluded.attempts, next_ms = excluded.next_ms, reason = excluded.reason`,
    hash,
    tx.nowMs,
    attempts,
    tx.nowMs + doubledMs(attempts, snapshotBackoff),
    reason,
  )
}

/** Who is at snapshots that are not gone through. */
export async function openSnapshotsOf(sql: Sql, nowMs: number): Promise<OpenSnapshots[]> {
  const rows = await sql.all<{ source_id: number | null; moved_ms: number }>(
    'select source_id, max(moved_ms) as moved_ms from snapshot_work group by source_id',
  )
  return rows.map((row) => ({ sourceId: row.source_id, idleMs: nowMs - row.moved_ms }))
}

export async function noteProcessed(tx: Transaction, hashes: readonly string[]): Promise<void> {
  await lockClock(tx)
  await markProcessed(tx, hashes, tx.nowMs)
}

async function markProcessed(
  tx: Transaction,
  hashes: readonly string[],
  nowMs: number,
): Promise<void> {
  if (hashes.length === 0) return
  await tx.together([
    {
      text: `insert into processed_snapshot (hash, processed_ms)
        select r.hash, ?1 from rows as r (hash text) where true on conflict do nothing`,
      values: [nowMs],
      rows: [...new Set(hashes)].map((hash) => ({ hash })),
    },
    { text: 'delete from snapshot_work where hash = any(?)', values: [hashes] },
    { text: 'delete from snapshot_part where hash = any(?)', values: [hashes] },
  ])
}

/** Of what is too much a few go, the oldest first; returns whether nothing is left. Under the lock of the clock. */
export async function forgetSnapshots(
  tx: Transaction,
  limit: number,
  most = maxRemembered,
): Promise<boolean> {
  const processed = await surplusOf(tx, { ...processedOrder, most: most.processed, limit })
  const open = await surplusOf(tx, { ...openOrder, most: most.open, limit })
  await forgetHashes(tx, ['processed_snapshot'], processed)
  await forgetHashes(tx, ['snapshot_work', 'snapshot_part'], open)
  return processed.length < limit && open.length < limit
}

const processedOrder = { table: 'processed_snapshot', time: 'processed_ms' } as const
const openOrder = { table: 'snapshot_work', time: 'moved_ms' } as const

interface Surplus {
  readonly table: 'processed_snapshot' | 'snapshot_work'
  readonly time: 'processed_ms' | 'moved_ms'
  readonly most: number
  readonly limit: number
}

async function surplusOf(tx: Transaction, asked: Surplus): Promise<string[]> {
  const { table, time, most, limit } = asked
  const row = await tx.get<{ count: number }>(`select count(*) as count from ${table}`)
  const surplus = Math.min(limit, (row?.count ?? 0) - most)
  if (surplus <= 0) return []
  const rows = await tx.all<{ hash: string }>(
    `select hash from ${table} order by ${time}, hash limit ?`,
    surplus,
  )
  return rows.map(({ hash }) => hash)
}

async function forgetHashes(
  tx: Transaction,
  tables: readonly string[],
  hashes: readonly string[],
): Promise<void> {
  if (hashes.length === 0) return
  await tx.together(
    tables.map((table) => ({ text: `delete from ${table} where hash = any(?)`, values: [hashes] })),
  )
}
