import type { Searchable } from './search-index.ts'
import type { Sql } from './sql.ts'

/**
 * What removed sources have left in a library until it has gone, and how nobody gets to see it: while an owner has such
 * a source, whatever is asked of his library is asked of views that are called like the tables and leave it out. That
 * costs a look at every track; at all other times it costs nothing.
 */
const removed = '(select source.id from source where source.removed_ms is not null)'

/** True of a track that is not of a removed source. */
export const isOfSource = `track.source_id not in ${removed}`

export async function hasRemovedMusic(sql: Sql, ownerId: number): Promise<boolean> {
  const source = await sql.get(
    'select 1 from source where owner_id = ? and removed_ms is not null limit 1',
    ownerId,
  )
  return source !== undefined
}

/** The same selection from a library, of what sources have that are there. */
export function withoutRemoved(selection: string): string {
  return `${views} ${selection.replace(/ indexed by \w+/g, '')}`
}

const views = `with track as not materialized (select * from main.track where ${isOfSource}),
  track_artist as not materialized (
    select * from main.track_artist where exists (select 1 from track where track.id = track_artist.track_id)),
  album as not materialized (
    select * from main.album where exists (select 1 from track where track.album_id = album.id and track.state = 0)),
  artist as not materialized (
    select * from main.artist where exists (select 1 from track_artist where track_artist.artist_id = artist.id))`

/** Whether anything that is there stands behind a row that the search has found. */
export function isFoundThere(kind: Searchable, id: string): string {
  if (kind === 'track')
    return `exists (select 1 from track where track.id = ${id} and ${isOfSource})`
  if (kind === 'album') {
    return `exists (select 1 from track where track.album_id = ${id} and track.state = 0 and ${isOfSource})`
  }
  return `exists (select 1 from track_artist join track on track.id = track_artist.track_id
    where track_artist.artist_id = ${id} and ${isOfSource})`
}
