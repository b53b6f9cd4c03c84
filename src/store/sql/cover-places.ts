import type { Item } from '../../engine/handler.ts'
import type { CoverPlace } from '../../library/tags.ts'
import { storable } from './library-text.ts'
import type { Sql } from './sql.ts'
import { folderOf } from './track-content.ts'

/** Where a picture is: at most one an item. */
export interface CoverRow {
  readonly item_id: number
  readonly owner_id: number
  readonly source_id: number
  readonly version: string
  readonly folder?: string
  readonly rank?: number
  readonly start_byte?: number
  readonly end_byte?: number
  readonly mime?: string
  readonly form?: CoverPlace['form']
}

/** The whole file is a picture of its folder. */
export function pictureOf(item: Item, rank: number): CoverRow {
  return { ...whose(item), folder: folderOf(item), rank }
}

/** A picture inside of an audio file, if there is one. */
export function embeddedIn(item: Item, place: CoverPlace | undefined): CoverRow | null {
  if (place === undefined) return null
  const { start, end, mime, form } = place
  return { ...whose(item), start_byte: start, end_byte: end, mime: storable(mime), form }
}

/** What is known of the bytes is forgotten when the item has another version. */
export async function keepCovers(sql: Sql, covers: readonly CoverRow[]): Promise<void> {
  if (covers.length > 0) await sql.each(keepSql, covers)
}

export async function forgetCovers(sql: Sql, itemIds: readonly number[]): Promise<void> {
  if (itemIds.length > 0) await sql.run('delete from cover where item_id = any(?)', itemIds)
}

/** Forgets at most so many of the pictures of a source's folders; those inside of tracks go with them. */
export async function clearPictures(sql: Sql, sourceId: number, limit: number): Promise<number> {
  return sql.run(
    `delete from cover where item_id in
       (select item_id from cover where source_id = ? and folder is not null limit ?)`,
    sourceId,
    limit,
  )
}

function whose(item: Item): CoverRow {
  return {
    item_id: item.rowId,
    owner_id: item.ownerId,
    source_id: item.sourceId,
    version: storable(item.version),
  }
}

const columns = {
  item_id: 'bigint',
  owner_id: 'bigint',
  source_id: 'bigint',
  version: 'text',
  folder: 'text',
  rank: 'bigint',
  start_byte: 'bigint',
  end_byte: 'bigint',
  mime: 'text',
  form: 'text',
} as const satisfies Record<keyof CoverRow, 'bigint' | 'text'>
const names = Object.keys(columns)
const typed = Object.entries(columns).map(([name, type]) => `${name} ${type}`)

// "where true": SQLite would read "on conflict" as the condition of a join.
const keepSql = `
  insert into cover (${names.join(', ')}) select ${names.map((name) => `r.${name}`).join(', ')}
  from rows as r (${typed.join(', ')})
  where true
  on conflict (item_id) do update set
    hash = case when cover.version = excluded.version then cover.hash end,
    hash_mime = case when cover.version = excluded.version then cover.hash_mime end,
    version = excluded.version, folder = excluded.folder, rank = excluded.rank,
    start_byte = excluded.start_byte, end_byte = excluded.end_byte,
    mime = excluded.mime, form = excluded.form`
