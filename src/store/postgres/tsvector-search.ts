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
 * Search by GIN indexes over tsvectors that we make ourselves: what is a word is not left to a configuration of the
 * server. Each lexeme begins with its owner (`7:cafe`), so the words of one owner are a range of the index, and a
 * search walks over nobody else's. Words of a name are there a second time, as `7=cafe`.
 */
export class TsvectorSearch implements SearchIndex {
  async add(tx: Transaction, kind: Searchable, entries: readonly SearchEntry[]): Promise<void> {
    if (entries.length === 0) return
    const rows = entries.map((entry) => ({ id: entry.id, words: lexemesOf(entry).join(' ') }))
    await tx.each(
      `insert into ${kind}_search (id, words)
       select r.id, array_to_tsvector(string_to_array(r.words, ' '))
       from rows as r (id bigint, words text)`,
      rows,
    )
  }

  async remove(tx: Transaction, kind: Searchable, rows: readonly Owned[]): Promise<void> {
    if (rows.length === 0) return
    await tx.run(
      `delete from ${kind}_search where id = any(?)`,
      rows.map(({ id }) => id),
    )
  }

  async find(sql: Sql, question: SearchQuestion): Promise<number[]> {
    const { kind, ownerId, text, isNamed, hasRemoved, limit } = question
    // Each lexeme stands in quotes and holds letters and digits only, so nothing typed is ever syntax.
    const mark = isNamed ? '=' : ':'
    const words = typedWords(text).map((word) => `'${ownerId}${mark}${word}':*`)
    if (words.length === 0) return []
    // Materialized, or the server may walk the rows of all owners in their order, hoping that one matches soon.
    const rows = await sql.all<{ id: number }>(
      `with found as materialized (select id from ${kind}_search where words @@ cast(? as tsquery))
       select id from found ${hasRemoved === true ? `where ${isFoundThere(kind, 'found.id')}` : ''}
       order by id limit ?`,
      words.join(' & '),
      limit,
    )
    return rows.map(({ id }) => id)
  }
}

function lexemesOf({ owner_id, name, rest }: SearchEntry): string[] {
  const named = wordsOf(name)
  return [
    ...named.map((word) => `${owner_id}=${word}`),
    ...new Set([...named, ...wordsOf(rest)].map((word) => `${owner_id}:${word}`)),
  ]
}
