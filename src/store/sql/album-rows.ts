import type { Owned, SearchIndex } from './search-index.ts'
import { rowsOf, type Transaction } from './sql.ts'
import { shown } from './track-rows.ts'

/** What an album is found by: whose library it is in, and keys of its artist, its name and its release. */
export interface AlbumName {
  readonly owner_id: number
  readonly artist_key: string
  readonly key: string
  readonly release: string
}

/** An album that a track stands in. */
export interface WantedAlbum extends AlbumName {
  readonly artist_id: number
  /** As the track spells it. */
  readonly name: string
}

export function albumKey({ owner_id, artist_key, key, release }: AlbumName): string {
  return JSON.stringify([owner_id, artist_key, key, release])
}

/** The numbers of albums that are shown from now on, by `albumKey`; what has not been there before is made. */
export async function takeAlbums(
  tx: Transaction,
  search: SearchIndex,
  albums: readonly WantedAlbum[],
): Promise<ReadonlyMap<string, number>> {
  const wanted = new Map(albums.map((album) => [albumKey(album), album]))
  const found = await tx.all<AlbumRow>(findSql, rowsOf(albums))
  const awake = found.filter(({ empty_ms: emptyMs }) => emptyMs === null)
  const empty = found.flatMap((row) => {
    const album = wanted.get(albumKey(row))
    return row.empty_ms === null || album === undefined
      ? []
      : [{ id: row.id, artist_id: album.artist_id }]
  })
  const woken = empty.length === 0 ? [] : await tx.each<AlbumRow>(wakeSql, empty)
  const known = new Set([...awake, ...woken].map(albumKey))
  const missing = albums.filter((album) => !known.has(albumKey(album)))
  const made = missing.length === 0 ? [] : await tx.each<AlbumRow>(insertSql, missing)
  const arrived = [...woken, ...made]
  await search.add(
    tx,
    'album',
    arrived.map((row) => ({
      id: row.id,
      owner_id: row.owner_id,
      name: wanted.get(albumKey(row))?.name ?? '',
      rest: row.artist_key,
    })),
  )
  return new Map([...awake, ...arrived].map((row) => [albumKey(row), row.id]))
}

/** Those of these albums that nothing shown belongs to any more are empty. */
export async function settleAlbums(
  tx: Transaction,
  search: SearchIndex,
  ids: readonly number[],
): Promise<void> {
  if (ids.length === 0) return
  await search.remove(tx, 'album', await tx.all<Owned>(settleSql, tx.nowMs, ids))
}

interface AlbumRow extends AlbumName {
  readonly id: number
  readonly empty_ms?: number | null
}

const findSql = `select album.id, album.owner_id, album.artist_key, album.key, album.release, album.empty_ms
  from json_to_recordset(?) as r (owner_id bigint, artist_key text, key text, release text)
    cross join album on album.owner_id = r.owner_id and album.artist_key = r.artist_key
      and album.key = r.key and album.release = r.release`

// While the album was empty its artist may have been purged, and be another row by now. It may be purged itself at
// this very moment: then it is not given, and made anew.
const wakeSql = `update album set empty_ms = null, artist_id = r.artist_id
  from rows as r (id bigint, artist_id bigint)
  where album.id = r.id and album.empty_ms is not null
  returning album.id, album.owner_id, album.artist_key, album.key, album.release`

const insertSql = `insert into album (owner_id, artist_key, key, release, artist_id)
  select r.owner_id, r.artist_key, r.key, r.release, r.artist_id
  from rows as r (owner_id bigint, artist_key text, key text, release text, artist_id bigint)
  returning id, owner_id, artist_key, key, release`

const settleSql = `update album set empty_ms = ? where id = any(?) and empty_ms is null
  and not exists (select 1 from track where state = ${shown} and album_id = album.id)
  returning id, owner_id`
