import type { Snapshot } from '../../../content/content-store.ts'
import type { TimeRange } from '../../../content/snapshots/time-range.ts'
import type { Sql, Transaction } from '../sql.ts'

interface SnapshotRow {
  readonly init_ms: number
  readonly end_ms: number
  readonly hash: string
  readonly replaced: string
  readonly count: number
  readonly generated_ms: number
}

/** Those that this node offers, the oldest range first. */
export async function snapshotsOf(sql: Sql): Promise<Snapshot[]> {
  const rows = await sql.all<SnapshotRow>(
    'select init_ms, end_ms, hash, replaced, count, generated_ms from snapshot order by init_ms, end_ms',
  )
  return rows.map((row) => ({
    hash: row.hash,
    range: { init: row.init_ms, end: row.end_ms },
    // Written below.
    replaced: JSON.parse(row.replaced) as string[],
    count: row.count,
    generatedMs: row.generated_ms,
  }))
}

export async function putSnapshot(tx: Transaction, snapshot: Snapshot): Promise<void> {
  const { hash, range, replaced, count, generatedMs } = snapshot
  await tx.run('delete from snapshot where init_ms >= ? and end_ms <= ?', range.init, range.end)
  await tx.run(
    `insert into snapshot (init_ms, end_ms, hash, replaced, count, generated_ms)
     values (?, ?, ?, ?, ?, ?)`,
    range.init,
    range.end,
    hash,
    JSON.stringify(replaced),
    count,
    generatedMs,
  )
}

export async function dropSnapshots(sql: Sql, ranges: readonly TimeRange[]): Promise<void> {
  if (ranges.length === 0) return
  await sql.each(
    `delete from snapshot where exists (select 1 from rows as r (init_ms bigint, end_ms bigint)
       where snapshot.init_ms = r.init_ms and snapshot.end_ms = r.end_ms)`,
    ranges.map(({ init, end }) => ({ init_ms: init, end_ms: end })),
  )
}
