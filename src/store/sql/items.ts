import type { Item } from '../../engine/handler.ts'
import type { ListedItem } from '../../engine/source.ts'
import { rowsOf } from './sql.ts'
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
  const item: { -readonly [Field in keyof Item]: Item[Field] } = {
    rowId: row.id,
    sourceId: row.source_id,
    ownerId: row.owner_id,
    key: row.key,
    // Written by `storeItems` alone.
    path: JSON.parse(row.path) as string[],
    size: row.size,
    version: row.listed,
  }
  if (row.mtime_ms !== null) item.mtimeMs = row.mtime_ms
  if (row.stable_id !== null) item.id = row.stable_id
  return item
}

export async function itemById(t: Turning, id: number): Promise<Item> {
  const row = await t.tx.get<ItemRow>(
    `select ${itemColumns} from item join source on source.id = item.source_id where item.id = ?`,
    id,
  )
  if (row === undefined) throw new Error(`assertion failed: item ${id} of a task exists`)
  return toItem(row)
}

/** item.state */
export const state = { settled: 0, owed: 1, tasked: 2, skipped: 3, parked: 4, gone: 5 } as const

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
  readonly key: string
  readonly listed: string
  readonly path: string
  readonly state: number
  readonly place_id: number | null
  readonly missing_round_id: number | null
  readonly round_id: number
}

/** Stores what was found; what is new or another version is owed from now on. Returns the row ids of the items. */
export async function storeItems(t: Turning, task: HeldTask, finding: Finding): Promise<number[]> {
  const { source_id: sourceId } = task
  const items = new Map(finding.items.map((item) => [asKept(item.key), item]))
  const known = await knownItems(
    t,
    sourceId,
    [...items.values()].map(({ key }) => key),
  )
  const news: object[] = []
  const changed: ChangedRow[] = []
  const moved: number[] = []
  for (const [key, item] of items) {
    const row = known.get(key)
    if (row === undefined) news.push({ key: item.key, ...contentOf(t, sourceId, item) })
    else {
      if (isAnother(row, item)) changed.push({ ...row, ...contentOf(t, sourceId, item) })
      if (!isPlaced(row, finding)) moved.push(row.id)
    }
  }
  const inserted = await insertItems(t, sourceId, news, finding)
  await oweRows(t, changed)
  await placeItems(t, moved, finding)
  await sayGone(t, sourceId, finding)
  return finding.items.map(({ key }) => {
    const kept = asKept(key)
    return known.get(kept)?.id ?? inserted.get(kept) ?? 0
  })
}

/** A key as every database keeps it: what is no text (U+0000, half a letter) comes back as U+FFFD from some. */
function asKept(key: string): string {
  return key.replace(/\0|\p{Surrogate}/gu, '\uFFFD')
}

async function knownItems(
  t: Turning,
  sourceId: number,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Known>> {
  const ids = await idsOf(t, sourceId, keys)
  if (ids.length === 0) return new Map()
  const rows = await t.tx.all<Known>(
    `select id, key, listed, path, state, place_id, missing_round_id, round_id from item
     where id = any(?)`,
    ids,
  )
  return new Map(rows.map((row) => [asKept(row.key), row]))
}

/** Characters of a key or step that an index holds; four bytes each at most. */
const indexedLength = 600

/** What an index holds of a key or step. */
export function indexed(text: string): string {
  // Counted as the databases count: by code points.
  return text.length <= indexedLength ? text : Array.from(text).slice(0, indexedLength).join('')
}

/**
 * The items of a source that have these keys. Each is looked for by itself: a list would be compared with every row of
 * the table as long as the database has no statistics of it, as when it has just been filled.
 */
async function idsOf(t: Turning, sourceId: number, keys: readonly string[]): Promise<number[]> {
  if (keys.length === 0) return []
  const rows = await t.tx.all<{ id: number | null }>(
    `select (select item.id from item where item.source_id = ?1
       and substr(item.key, 1, ${indexedLength}) = r.head and item.key = r.key) as id
     from json_to_recordset(?2) as r (key text, head text)`,
    sourceId,
    rowsOf(keys.map((key) => ({ key, head: indexed(key) }))),
  )
  return rows.flatMap(({ id }) => id ?? [])
}

/** Of a place. */
export const stepIs = `substr(step, 1, ${indexedLength}) = ? and step = ?`

function isAnother(row: Known, item: ListedItem): boolean {
  return (
    row.state === state.gone ||
    row.listed !== item.version ||
    row.path !== JSON.stringify(item.path)
  )
}

function isPlaced(row: Known, { placeId, roundId, marks }: Finding): boolean {
  return (
    row.place_id === placeId &&
    row.missing_round_id === null &&
    (!marks || row.round_id === roundId)
  )
}

async function insertItems(
  t: Turning,
  sourceId: number,
  rows: readonly object[],
  { placeId, roundId }: Finding,
): Promise<ReadonlyMap<string, number>> {
  if (rows.length === 0) return new Map()
  const inserted = await t.tx.each<{ id: number; key: string }>(
    `insert into item (source_id, key, place_id, path, size, mtime_ms, listed, stable_id, seq, state,
       round_id, changed_ms)
     select ?1, r.key, ?2, r.path, r.size, r.mtime_ms, r.listed, r.stable_id, r.seq, 1, ?3, ?4
     from rows as r (key text, path text, size bigint, mtime_ms bigint, listed text, stable_id text, seq bigint)
     returning id, key`,
    rows,
    sourceId,
    placeId,
    roundId,
    t.nowMs,
  )
  return new Map(inserted.map(({ id, key }) => [asKept(key), id]))
}

/** What a listing says of an item, as columns; it comes to be owed with the next number. */
interface Content {
  readonly path: string
  readonly size: number
  readonly mtime_ms: number | null
  readonly listed: string
  readonly stable_id: string | null
  readonly seq: number
}

function contentOf(t: Turning, sourceId: number, item: ListedItem): Content {
  return {
    path: JSON.stringify(item.path),
    size: item.size,
    mtime_ms: item.mtimeMs ?? null,
    listed: item.version,
    stable_id: item.id ?? null,
    seq: t.ledger.nextSeq(sourceId),
  }
}

/** An item in another version, and the state in which that finds it. */
interface ChangedRow extends Content {
  readonly id: number
  readonly state: number
}

/** The item in work is owed in this version. */
export async function oweItem(
  t: Turning,
  { source_id: sourceId, item_id: id }: HeldTask,
  item: ListedItem,
): Promise<void> {
  await oweRows(t, [{ id: id ?? 0, state: state.tasked, ...contentOf(t, sourceId, item) }])
}

/** The items are owed in these versions. A task that waits reads the new one; one that runs will find its number old. */
async function oweRows(t: Turning, changed: readonly ChangedRow[]): Promise<void> {
  if (changed.length === 0) return
  const idsOf = (wanted: number): number[] =>
    changed.filter((row) => row.state === wanted).map(({ id }) => id)
  const parked = idsOf(state.parked)
  const tasked = idsOf(state.tasked)
  if (parked.length > 0) await t.tx.run('delete from task where item_id = any(?)', parked)
  if (tasked.length > 0) {
    await t.tx.run('update task set attempts = 0, crashes = 0 where item_id = any(?)', tasked)
  }
  const rows = changed.map((row) =>
    row.state === state.tasked ? row : { ...row, state: state.owed },
  )
  await t.tx.each(
    `update item set path = r.path, size = r.size, mtime_ms = r.mtime_ms, listed = r.listed,
       stable_id = r.stable_id, seq = r.seq, state = r.state, changed_ms = ?1,
       error_code = null, error_message = null
     from rows as r (id bigint, path text, size bigint, mtime_ms bigint, listed text, stable_id text,
       seq bigint, state bigint)
     where item.id = r.id`,
    rows,
    t.nowMs,
  )
}

async function placeItems(
  t: Turning,
  ids: readonly number[],
  { placeId, roundId }: Finding,
): Promise<void> {
  if (ids.length === 0) return
  await t.tx.run(
    `update item set place_id = ?, missing_round_id = null, is_said_gone = 0, round_id = ?
     where id = any(?)`,
    placeId,
    roundId,
    ids,
  )
}

async function sayGone(t: Turning, sourceId: number, { gone, roundId }: Finding): Promise<void> {
  const ids = await idsOf(t, sourceId, gone)
  if (ids.length === 0) return
  await t.tx.run(
    `update item set missing_round_id = ?, is_said_gone = 1 where id = any(?) and state <> 5`,
    roundId,
    ids,
  )
}
