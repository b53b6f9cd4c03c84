import type {
  Owned,
  Searchable,
  SearchEntry,
  SearchIndex,
  SearchQuestion,
} from '../sql/search-index.ts'
import { typedWords, wordsOf } from '../sql/search-words.ts'
import { rowsOf, type Sql, type Transaction } from '../sql/sql.ts'

/**
 * Search by FTS5, without the texts themselves. A row's number is the owner's in the upper 32 bits and its own in the
 * lower, so a search of one owner is a range of one index and sees nobody else's. A letter that is newer than the
 * tables of FTS5 separates words.
 */
export class Fts5Search implements SearchIndex {
  async add(tx: Transaction, kind: Searchable, entries: readonly SearchEntry[]): Promise<void> {
    if (entries.length === 0) return
    const rows = entries.map(({ id, owner_id, name, rest }) => ({
      id,
      owner_id,
      name: wordsOf(name).join(' '),
      rest: wordsOf(rest).join(' '),
    }))
    await tx.each(inserts[kind], rows)
  }

  async remove(tx: Transaction, kind: Searchable, rows: readonly Owned[]): Promise<void> {
    if (rows.length === 0) return
    await tx.run(
      `delete from ${kind}_search where rowid in (select (r.owner_id << 32) | r.id
         from json_to_recordset(?) as r (id bigint, owner_id bigint))`,
      rowsOf(rows.map(({ id, owner_id }) => ({ id, owner_id }))),
    )
  }

  async removeSource(tx: Transaction, sourceId: number): Promise<void> {
    await tx.run(
      `delete from track_search where rowid in
         (select (owner_id << 32) | id from track where source_id = ? and state = 0)`,
      sourceId,
    )
  }

  async find(sql: Sql, { kind, ownerId, text, isNamed, limit }: SearchQuestion): Promise<number[]> {
    // Each word stands in quotes and holds letters and digits only, so nothing typed is ever syntax.
    const words = typedWords(text).map((word) => `"${word}"*`)
    if (words.length === 0) return []
    const rows = await sql.all<{ id: number }>(
      `select rowid & 4294967295 as id from ${kind}_search
       where ${kind}_search match ? and rowid between (? << 32) and ((? + 1) << 32) - 1
       order by rowid limit ?`,
      isNamed ? `${names[kind]} : (${words.join(' ')})` : words.join(' '),
      ownerId,
      ownerId,
      limit,
    )
    return rows.map(({ id }) => id)
  }
}

/** The columns that hold the names. */
const names = { artist: 'name', album: 'name', track: 'title' } as const

const inserts: Readonly<Record<Searchable, string>> = {
  artist: `insert into artist_search (rowid, name) select (r.owner_id << 32) | r.id, r.name
    from rows as r (id bigint, owner_id bigint, name text)`,
  album: `insert into album_search (rowid, name, artist) select (r.owner_id << 32) | r.id, r.name, r.rest
    from rows as r (id bigint, owner_id bigint, name text, rest text)`,
  track: `insert into track_search (rowid, title, rest) select (r.owner_id << 32) | r.id, r.name, r.rest
    from rows as r (id bigint, owner_id bigint, name text, rest text)`,
}
