import { isFoundThere } from '../sql/removed-music.ts'
import type {
  Owned,
  Searchable,
  SearchEntry,
  SearchIndex,
  SearchQuestion,
} from '../sql/search-index.ts'
import { typedWords, wordsOf } from '../sql/search-words.ts'
import type { Sql, Transaction } from '../sql/sql.ts'

/**
 * Search by FTS5, without the texts themselves. A row's number is the owner's in the upper 32 bits and its own in the
 * lower, so a search of one owner is a range of one index and sees nobody else's. A letter that is newer than the
 * tables of FTS5 separates words.
 */
export class Fts5Search implements SearchIndex {
  async add(tx: Transaction, kind: Searchable, entries: readonly SearchEntry[]): Promise<void> {
    // One row a statement: whatever might be several rows makes FTS5 write out what it has gathered so far.
    for (const { id, owner_id, name, rest } of entries) {
      const texts = kind === 'artist' ? [name] : [name, rest]
      await tx.run(inserts[kind], owner_id, id, ...texts.map((text) => wordsOf(text).join(' ')))
    }
  }

  async remove(tx: Transaction, kind: Searchable, rows: readonly Owned[]): Promise<void> {
    for (const { id, owner_id } of rows) {
      await tx.run(`delete from ${kind}_search where rowid = (? << 32) | ?`, owner_id, id)
    }
  }

  async find(sql: Sql, question: SearchQuestion): Promise<number[]> {
    const { kind, ownerId, text, isNamed, hasRemoved, limit } = question
    // Each word stands in quotes and holds letters and digits only, so nothing typed is ever syntax.
    const words = typedWords(text).map((word) => `"${word}"*`)
    if (words.length === 0) return []
    const rows = await sql.all<{ id: number }>(
      `select rowid & 4294967295 as id from ${kind}_search
       where ${kind}_search match ? and rowid between (? << 32) and ((? + 1) << 32) - 1
         ${hasRemoved === true ? `and ${isFoundThere(kind, `(${kind}_search.rowid & 4294967295)`)}` : ''}
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
  artist: 'insert into artist_search (rowid, name) values ((? << 32) | ?, ?)',
  album: 'insert into album_search (rowid, name, artist) values ((? << 32) | ?, ?, ?)',
  track: 'insert into track_search (rowid, title, rest) values ((? << 32) | ?, ?, ?)',
}
