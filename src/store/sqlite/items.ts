import type { Item } from '../../engine/handler.ts'
import type { ListedItem } from '../../engine/source.ts'
import type { HeldTask, Turning } from './turning.ts'

export interface ItemRow {
  readonly id: number
  readonly source_id: number
  readonly owner_id: number
  readonly key: string
  readonly path: string
  readonly size: number
  readonly mtime_ms: number | null
  readonly listed: string
  readonly stable_id: string | null
}

/** Columns of an item as `toItem` reads them. */
export const itemColumns = `item.id, item.source_id, source.owner_id, item.key, item.path, item.size,
  item.mtime_ms, item.listed, item.stable_id`

export function toItem(row: ItemRow): Item {
  return {
    rowId: row.id,
    sourceId: row.source_id,
    ownerId: row.owner_id,
    key: row.key,
    // Written by `storeItems` alone.
    path: JSON.parse(row.path) as string[],
    size: row.size,
    version: row.listed,
    ...(row.mtime_ms === null ? {} : { mtimeMs: row.mtime_ms }),
    ...(row.stable_id === null ? {} : { id: row.stable_id }),
  }
}

export function itemById(t: Turning, id: number): Item {
  const row = t.db
    .prepare<ItemRow>(
      `select ${itemColumns} from item join source on source.id = item.source_id where item.id = ?`,
    )
    .get(id)
  if (row === undefined) throw new Error(`assertion failed: item ${id} of a task exists`)
  return toItem(row)
}

/**
 * An owed item, and an item with the same content that is applied already: its former self, or one with the same stable
 * id, version and size.
 */
export function owedItem(t: Turning, id: number): { item: Item; known: Item | null } {
  const row = t.db
    .prepare<ItemRow & { is_applied: number | null }>(
      `select ${itemColumns}, item.applied = item.listed as is_applied
       from item join source on source.id = item.source_id where item.id = ?`,
    )
    .get(id)
  if (row === undefined) throw new Error(`assertion failed: item ${id} of a task exists`)
  const item = toItem(row)
  return { item, known: row.is_applied === 1 ? item : twinOf(t, item) }
}

function twinOf(t: Turning, item: Item): Item | null {
  if (item.id === undefined) return null
  const twin = t.db
    .prepare<ItemRow>(
      `select ${itemColumns} from item join source on source.id = item.source_id
       where item.source_id = ? and item.stable_id = ? and item.id <> ? and item.size = ?
         and item.applied = ? and item.listed = ? and item.state in (0, 5) limit 1`,
    )
    .get(item.sourceId, item.id, item.rowId, item.size, item.version, item.version)
  return twin === undefined ? null : toItem(twin)
}

/** What a listing brings, and where it found it. */
export interface Finding {
  readonly items: readonly ListedItem[]
  readonly gone: readonly string[]
  readonly placeId: number | null
  readonly roundId: number
  /** Items of this round are marked one by one: a full listing that has no places. */
  readonly marks: boolean
}

interface Known {
  readonly id: number
  readonly listed: string
  readonly path: string
  readonly state: number
  readonly place_id: number | null
  readonly missing_round_id: number | null
  readonly round_id: number
}

/** Stores what was found; what is new or another version is owed from now on. Returns the row ids of the items. */
export function storeItems(t: Turning, task: HeldTask, finding: Finding): number[] {
  const rows = finding.items.map((item) => storeItem(t, task.source_id, item, finding))
  const missing = t.db.prepare(
    `update item set missing_round_id = ?, is_said_gone = 1
     where source_id = ? and key = ? and state <> 5`,
  )
  for (const key of finding.gone) missing.run(finding.roundId, task.source_id, key)
  return rows
}

function storeItem(t: Turning, sourceId: number, item: ListedItem, finding: Finding): number {
  const known = t.db
    .prepare<Known>(
      `select id, listed, path, state, place_id, missing_round_id, round_id
       from item where source_id = ? and key = ?`,
    )
    .get(sourceId, item.key)
  if (known === undefined) return insertItem(t, sourceId, item, finding)
  const path = JSON.stringify(item.path)
  if (known.state === state.gone || known.listed !== item.version || known.path !== path) {
    oweItem(t, known.id, known.state, item)
  }
  const isPlaced =
    known.place_id === finding.placeId &&
    known.missing_round_id === null &&
    (!finding.marks || known.round_id === finding.roundId)
  if (!isPlaced) {
    t.db
      .prepare(
        `update item set place_id = ?, missing_round_id = null, is_said_gone = 0, round_id = ? where id = ?`,
      )
      .run(finding.placeId, finding.roundId, known.id)
  }
  return known.id
}

/** item.state */
export const state = { settled: 0, owed: 1, tasked: 2, skipped: 3, parked: 4, gone: 5 } as const

function insertItem(t: Turning, sourceId: number, item: ListedItem, finding: Finding): number {
  return t.db
    .prepare(
      `insert into item (source_id, key, place_id, path, size, mtime_ms, listed, stable_id, seq, state,
         round_id, changed_ms) values (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)`,
    )
    .run(
      sourceId,
      item.key,
      finding.placeId,
      JSON.stringify(item.path),
      item.size,
      item.mtimeMs ?? null,
      item.version,
      item.id ?? null,
      t.ledger.next('seq'),
      finding.roundId,
      t.nowMs,
    ).lastId
}

/** The item is owed in this version. A task of it that waits reads the new version; one that runs will find its number old. */
export function oweItem(t: Turning, id: number, before: number, item: ListedItem): void {
  if (before === state.parked) t.db.prepare('delete from task where item_id = ?').run(id)
  if (before === state.tasked) {
    t.db.prepare('update task set attempts = 0, crashes = 0 where item_id = ?').run(id)
  }
  t.db
    .prepare(
      `update item set path = ?, size = ?, mtime_ms = ?, listed = ?, stable_id = ?, seq = ?, state = ?,
         changed_ms = ?, error_code = null, error_message = null where id = ?`,
    )
    .run(
      JSON.stringify(item.path),
      item.size,
      item.mtimeMs ?? null,
      item.version,
      item.id ?? null,
      t.ledger.next('seq'),
      before === state.tasked ? state.tasked : state.owed,
      t.nowMs,
      id,
    )
}

/** The place that a step lists, made when its first batch arrives. It counts as listed only when `finishPlace` says so. */
export function placeOf(t: Turning, task: HeldTask): number {
  const step = task.step ?? ''
  t.db
    .prepare(
      `insert into place (source_id, step, parent_id, version, round_id) values (?, ?, ?, null, 0)
       on conflict do nothing`,
    )
    .run(task.source_id, step, task.parent_place_id)
  const place = t.db
    .prepare<{ id: number }>('select id from place where source_id = ? and step = ?')
    .get(task.source_id, step)
  return place?.id ?? 0
}

/** The place is completely listed in this round: what it held and does not hold any more is missing. */
export function finishPlace(
  t: Turning,
  task: HeldTask,
  place: { readonly id: number; readonly roundId: number; readonly seen: ReadonlySet<number> },
): void {
  const missing = t.db.prepare('update item set missing_round_id = ? where id = ?')
  const held = t.db
    .prepare<{ id: number }>('select id from item where place_id = ? and state <> 5')
    .all(place.id)
  for (const { id } of held) if (!place.seen.has(id)) missing.run(place.roundId, id)
  t.db
    .prepare('update place set round_id = ?, version = ?, parent_id = ? where id = ?')
    .run(place.roundId, task.version, task.parent_place_id, place.id)
}

/**
 * True if the place had this very version when a clean round last listed it and everything below:
 * then it and everything below counts as seen in this round, too.
 */
export function isUnchangedPlace(
  t: Turning,
  sourceId: number,
  next: { readonly step: string; readonly version: string; readonly roundId: number },
): boolean {
  const place = t.db
    .prepare<{ id: number }>(
      `select place.id from place join source on source.id = place.source_id
       where place.source_id = ? and place.step = ? and place.version = ?
         and place.round_id = source.clean_round_id`,
    )
    .get(sourceId, next.step, next.version)
  if (place === undefined) return false
  const below = `with recursive below (id) as (
    select ? union all select place.id from place join below on place.parent_id = below.id)`
  // A place without a version (a foreign drive mounted there) may change while nothing above it tells.
  const silent = t.db
    .prepare(`${below} select 1 from place where id in (select id from below) and version is null`)
    .get(place.id)
  if (silent !== undefined) return false
  t.db
    .prepare(`${below} update place set round_id = ? where id in (select id from below)`)
    .run(place.id, next.roundId)
  return true
}
