import { isOfSource } from './removed-music.ts'
import { contentTypes, type TrackContent } from './track-content.ts'
import { rowsOf, type Sql, type SqlValue } from './sql.ts'

export const shown = 0
export const hidden = 1
export const gone = 2

/** A track as it is kept; album and artist only while it is shown. */
export interface TrackRow extends TrackContent {
  readonly id: number
  readonly state: number
  readonly fresh_ms: number | null
  readonly gone_ms: number | null
  readonly artist_id: number | null
  readonly album_id: number | null
}

/** Where a shown track stands. */
export interface Place {
  readonly artist_id: number
  readonly album_id: number
}

/** A track that there has not been before, and is to be shown. */
export interface NewTrack extends TrackContent, Place {
  readonly fresh_ms: number | null
}

/** A track that is not shown, and is to be shown. */
export interface KnownTrack extends NewTrack {
  readonly id: number
}

/** The tracks of these items, by item. */
export async function tracksAt(
  sql: Sql,
  itemIds: readonly number[],
): Promise<ReadonlyMap<number | null, TrackRow>> {
  if (itemIds.length === 0) return new Map()
  const rows = await sql.all<TrackRow>('select * from track where item_id = any(?)', itemIds)
  return new Map(rows.map((row) => [row.item_id, row]))
}

export async function trackAt(sql: Sql, itemId: number): Promise<TrackRow | undefined> {
  return sql.get<TrackRow>('select * from track where item_id = ?', itemId)
}

/** Gives their numbers by item. */
export async function insertTracks(
  sql: Sql,
  tracks: readonly NewTrack[],
): Promise<ReadonlyMap<number | null, number>> {
  if (tracks.length === 0) return new Map()
  const rows = await sql.each<{ id: number; item_id: number }>(insertSql, tracks)
  return new Map(rows.map(({ id, item_id: item }) => [item, id]))
}

/** Shows tracks that are not shown with another content, and maybe another item. */
export async function updateTracks(sql: Sql, tracks: readonly KnownTrack[]): Promise<void> {
  if (tracks.length > 0) await sql.each(updateSql, tracks)
}

export async function hideTracks(sql: Sql, ids: readonly number[]): Promise<void> {
  await sql.run(
    `update track set state = ${hidden}, artist_id = null, album_id = null where id = any(?)`,
    ids,
  )
}

export async function buryTracks(sql: Sql, ids: readonly number[], nowMs: number): Promise<void> {
  if (ids.length === 0) return
  await sql.run(`update track set state = ${gone}, gone_ms = ? where id = any(?)`, nowMs, ids)
}

/** Takes a tombstone out of the ground: nobody else will find it, and its item may be another track's. */
export async function raiseTrack(sql: Sql, id: number): Promise<void> {
  await sql.run(`update track set state = ${hidden}, item_id = null where id = ?`, id)
}

/** Leaves a track to be found by its identity alone. */
export async function detachTrack(sql: Sql, id: number): Promise<void> {
  await sql.run('update track set item_id = null where id = ?', id)
}

export async function deleteTrack(sql: Sql, id: number): Promise<void> {
  await deleteTracks(sql, [id])
}

export async function deleteTracks(sql: Sql, ids: readonly number[]): Promise<void> {
  await sql.run('delete from track where id = any(?)', ids)
}

/** What a shelf has to know of a track to clear it away. */
export type ClearedTrack = Pick<TrackRow, 'id' | 'owner_id' | 'item_id' | 'state' | 'album_id'>

/** At most so many of a source's tracks, in whatever state. */
export async function tracksOfSource(
  sql: Sql,
  sourceId: number,
  limit: number,
): Promise<readonly ClearedTrack[]> {
  return sql.all<ClearedTrack>(
    'select id, owner_id, item_id, state, album_id from track where source_id = ? limit ?',
    sourceId,
    limit,
  )
}

/** The items for which `tombstoneOf` would find something, as things are now. */
export async function itemsWithTombstones(
  sql: Sql,
  contents: readonly TrackContent[],
  sinceMs: number,
): Promise<ReadonlySet<number | null>> {
  if (contents.length === 0) return new Set()
  const wanted = contents.map((content) => ({
    item_id: content.item_id,
    source_id: content.source_id,
    owner_id: content.owner_id,
    stable_id: content.stable_id,
    content_hash: content.content_hash,
    fingerprint: content.fingerprint,
  }))
  const rows = await sql.all<{ item_id: number }>(anyTombstoneSql, rowsOf(wanted), sinceMs)
  return new Set(rows.map(({ item_id: item }) => item))
}

/**
 * The tombstone of the same file, buried at `sinceMs` or later; the latest of several. Stays locked, so that whoever
 * forgets old ones for good does not forget this one.
 */
export async function tombstoneOf(
  sql: Sql,
  content: TrackContent,
  sinceMs: number,
): Promise<TrackRow | undefined> {
  const where = `state = ${gone} and gone_ms >= ? order by gone_ms desc, id limit 1 for update`
  return alike(sql, content, where, [sinceMs])
}

/** The same file at another place, where it first appeared at `sinceMs` or later. */
export async function heirOf(
  sql: Sql,
  track: TrackRow,
  sinceMs: number,
): Promise<TrackRow | undefined> {
  const where = `state = ${shown} and fresh_ms >= ? and id <> ? order by id limit 1`
  return alike(sql, track, where, [sinceMs, track.id])
}

async function alike(
  sql: Sql,
  content: TrackContent,
  where: string,
  values: readonly SqlValue[],
): Promise<TrackRow | undefined> {
  for (const [level, scope] of identityLevels) {
    const value = content[level]
    if (value === null) continue
    const text = `select * from track where ${scope} = ? and ${level} = ? and ${isOfSource} and ${where}`
    const found = await sql.get<TrackRow>(text, content[scope], value, ...values)
    if (found !== undefined) return found
  }
  return undefined
}

/** Of `Identity`, the strongest first, each with what it is unique in. */
const identityLevels = [
  ['stable_id', 'source_id'],
  ['content_hash', 'owner_id'],
  ['fingerprint', 'owner_id'],
] as const

const anyTombstoneSql = `select r.item_id
  from json_to_recordset(?1) as r (item_id bigint, source_id bigint, owner_id bigint,
    stable_id text, content_hash text, fingerprint text)
  where ${identityLevels
    .map(
      ([level, scope]) => `exists (select 1 from track where track.${scope} = r.${scope}
        and track.${level} = r.${level} and track.state = ${gone} and track.gone_ms >= ?2 and ${isOfSource})`,
    )
    .join(' or ')}`

const columnTypes = {
  ...contentTypes,
  artist_id: 'bigint',
  album_id: 'bigint',
  fresh_ms: 'bigint',
}
const columns = Object.keys(columnTypes)
const typed = Object.entries(columnTypes).map(([column, type]) => `${column} ${type}`)

const insertSql = `insert into track (${columns.join(', ')}, state)
  select ${columns.map((column) => `r.${column}`).join(', ')}, ${shown}
  from rows as r (${typed.join(', ')}) returning id, item_id`

const updateSql = `update track set ${columns.map((column) => `${column} = r.${column}`).join(', ')},
  gone_ms = null, state = ${shown}
  from rows as r (id bigint, ${typed.join(', ')}) where track.id = r.id`
