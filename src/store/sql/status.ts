import type {
  LastRound,
  SourceEntry,
  SourceStatus,
  Trouble,
  WorkCounts,
} from '../../engine/registry.ts'
import type { Sql } from './sql.ts'
import { state } from './items.ts'
import { isThere } from './removal.ts'
import { never } from './rounds.ts'

interface StateCount {
  readonly state: number
  readonly count: number
}

/** All counts are of rows: nothing that could drift. */
export async function ownerCounts(db: Sql, ownerId: number): Promise<WorkCounts> {
  const counts = await db.all<StateCount>(
    `select item.state, count(*) as count from source join item on item.source_id = source.id
     where source.owner_id = ? and ${isThere} group by item.state`,
    ownerId,
  )
  const slots = await db.get<SlotCount>(
    `select count(*) as running, ${reading} as reading
     from slot join queue on queue.id = slot.queue_id
     join source on source.id = queue.source_id where source.owner_id = ?`,
    ownerId,
  )
  return toCounts(counts, slots)
}

async function sourceCounts(db: Sql, sourceId: number): Promise<WorkCounts> {
  const counts = await db.all<StateCount>(
    'select state, count(*) as count from item where source_id = ? group by state',
    sourceId,
  )
  const slots = await db.get<SlotCount>(
    `select count(*) as running, ${reading} as reading
     from slot join queue on queue.id = slot.queue_id where queue.source_id = ?`,
    sourceId,
  )
  return toCounts(counts, slots)
}

const reading = `coalesce(sum(case when slot.pool = 'read' then 1 else 0 end), 0)`

interface SlotCount {
  readonly running: number
  readonly reading: number
}

function toCounts(
  rows: readonly StateCount[],
  { running, reading }: SlotCount = { running: 0, reading: 0 },
): WorkCounts {
  const of = (wanted: number): number => rows.find((row) => row.state === wanted)?.count ?? 0
  return {
    waiting: Math.max(0, of(state.owed) + of(state.tasked) - reading),
    running,
    done: of(state.settled),
    failed: of(state.parked),
    skipped: of(state.skipped),
  }
}

interface StatusRow {
  readonly health: number
  readonly is_paused: number
  readonly due_ms: number
  readonly rest_until_ms: number | null
  readonly error_code: string | null
  readonly error_message: string | null
  readonly error_ms: number | null
  readonly withheld: number
  readonly is_round_open: number
  readonly outcome: string | null
  readonly spoiled_code: string | null
  readonly spoiled_message: string | null
  readonly ended_ms: number | null
}

export async function sourceStatus(db: Sql, entry: SourceEntry): Promise<SourceStatus | null> {
  const row = await db.get<StatusRow>(
    `select source.*, last.outcome, last.ended_ms, last.spoiled_code, last.spoiled_message,
       case when exists (select 1 from round where source_id = source.id and ended_ms is null)
         then 1 else 0 end as is_round_open
     from source left join round as last on last.id =
       (select max(id) from round where source_id = source.id and ended_ms is not null)
     where source.id = ?`,
    entry.id,
  )
  if (row === undefined) return null
  const { error_code: code, error_message: message, error_ms: atMs } = row
  return {
    ...entry,
    state: stateOf(row),
    lastError: code === null ? null : { code, message: message ?? '', atMs: atMs ?? 0 },
    nextMs: nextOf(row),
    lastRound: lastRoundOf(row),
    withheld: row.withheld,
    counts: await sourceCounts(db, entry.id),
  }
}

function lastRoundOf(row: StatusRow): LastRound | null {
  const { outcome, ended_ms: endedMs, spoiled_code: code, spoiled_message: message } = row
  if (outcome === null) return null
  return {
    outcome,
    endedMs: endedMs ?? 0,
    reason: code === null ? null : { code, message: message ?? '' },
  }
}

function stateOf(row: StatusRow): SourceStatus['state'] {
  if (row.is_paused === 1) return 'paused'
  if (row.health === 1) return 'resting'
  if (row.health === 2) return 'stopped'
  if (row.is_round_open === 1) return 'listing'
  return row.ended_ms === null ? 'new' : 'waiting'
}

function nextOf(row: StatusRow): number | null {
  if (row.is_paused === 1 || row.health === 2) return null
  if (row.health === 1) return row.rest_until_ms
  return row.due_ms === never ? null : row.due_ms
}

interface TroubleRow {
  readonly source_id: number
  readonly path: string
  readonly state: number
  readonly error_code: string | null
  readonly error_message: string | null
}

export async function troublesOf(db: Sql, sourceId: number, limit: number): Promise<Trouble[]> {
  const rows = await db.all<TroubleRow>(
    `select item.source_id, item.path, item.state, item.error_code, item.error_message
     from item join source on source.id = item.source_id
     where item.source_id = ? and item.state in (3, 4) and ${isThere} order by item.id limit ?`,
    sourceId,
    limit,
  )
  return rows.map((row) => ({
    sourceId: row.source_id,
    path: (JSON.parse(row.path) as string[]).join('/'),
    state: row.state === state.skipped ? 'skipped' : 'failed',
    code: row.error_code ?? '',
    message: row.error_message ?? '',
  }))
}
