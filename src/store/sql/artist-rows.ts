import type { Owned, SearchIndex } from './search-index.ts'
import { rowsOf, type Transaction } from './sql.ts'

/** What an artist is found by: whose library he is in, and his name as `nameKey` makes it. */
export interface ArtistName {
  readonly owner_id: number
  readonly key: string
}

export function artistKey({ owner_id, key }: ArtistName): string {
  return `${owner_id} ${key}`
}

/** The numbers of artists who are shown from now on, by `artistKey`; who has not been there before is made. */
export async function takeArtists(
  tx: Transaction,
  search: SearchIndex,
  names: readonly ArtistName[],
): Promise<ReadonlyMap<string, number>> {
  const found = await tx.all<ArtistRow>(findSql, rowsOf(names))
  const awake = found.filter(({ empty_ms: emptyMs }) => emptyMs === null)
  const empty = found.filter(({ empty_ms: emptyMs }) => emptyMs !== null)
  const woken =
    empty.length === 0
      ? []
      : await tx.all<ArtistRow>(
          wakeSql,
          empty.map(({ id }) => id),
        )
  const known = new Set([...awake, ...woken].map(artistKey))
  const missing = names.filter((name) => !known.has(artistKey(name)))
  const made = missing.length === 0 ? [] : await tx.each<ArtistRow>(insertSql, missing)
  const arrived = [...woken, ...made]
  await search.add(
    tx,
    'artist',
    arrived.map(({ id, owner_id, key }) => ({ id, owner_id, name: key, rest: '' })),
  )
  return new Map([...awake, ...arrived].map((row) => [artistKey(row), row.id]))
}

/** Those of these artists whom nothing shown belongs to any more are empty. */
export async function settleArtists(
  tx: Transaction,
  search: SearchIndex,
  ids: readonly number[],
): Promise<void> {
  if (ids.length === 0) return
  await search.remove(tx, 'artist', await tx.all<Owned>(settleSql, tx.nowMs, ids))
}

interface ArtistRow extends ArtistName {
  readonly id: number
  readonly empty_ms?: number | null
}

const findSql = `select artist.id, artist.owner_id, artist.key, artist.empty_ms
  from json_to_recordset(?) as r (owner_id bigint, key text)
    cross join artist on artist.owner_id = r.owner_id and artist.key = r.key`

// Who was empty for long may be forgotten by the purge at this very moment: then he is not given, and made anew.
const wakeSql = `update artist set empty_ms = null where id = any(?) and empty_ms is not null
  returning id, owner_id, key`

const insertSql = `insert into artist (owner_id, key)
  select r.owner_id, r.key from rows as r (owner_id bigint, key text)
  returning id, owner_id, key`

const settleSql = `update artist set empty_ms = ? where id = any(?) and empty_ms is null
  and not exists (select 1 from track_artist where artist_id = artist.id) returning id, owner_id`
