import { fold } from '../../library/spelling.ts'
import type { Database } from './database.ts'

type SearchTable = 'track_search' | 'album_search' | 'artist_search'

/**
 * Full-text indexes over what is shown (FTS5, without the texts themselves). A row's number is the owner's in the
 * upper 32 bits and its own in the lower, so a search of one owner is a range of one index and sees nobody else's.
 */
export class SearchIndex {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  addTrack(ownerId: number, id: number, texts: { title: string; rest: string }): void {
    this.#database
      .prepare('insert into track_search (rowid, title, rest) values ((? << 32) | ?, ?, ?)')
      .run(ownerId, id, wordsOf(texts.title).join(' '), wordsOf(texts.rest).join(' '))
  }

  addAlbum(ownerId: number, id: number, texts: { name: string; artist: string }): void {
    this.#database
      .prepare('insert into album_search (rowid, name, artist) values ((? << 32) | ?, ?, ?)')
      .run(ownerId, id, wordsOf(texts.name).join(' '), wordsOf(texts.artist).join(' '))
  }

  addArtist(ownerId: number, id: number, name: string): void {
    this.#database
      .prepare('insert into artist_search (rowid, name) values ((? << 32) | ?, ?)')
      .run(ownerId, id, wordsOf(name).join(' '))
  }

  remove(table: SearchTable, ownerId: number, id: number): void {
    this.#database.prepare(`delete from ${table} where rowid = (? << 32) | ?`).run(ownerId, id)
  }

  /** Numbers of the rows that match, oldest first. `match` comes from `matchOf`. */
  find(table: SearchTable, ownerId: number, match: string, limit: number): number[] {
    return this.#database
      .prepare<{ id: number }>(
        `select rowid & 4294967295 as id from ${table}
         where ${table} match ? and rowid between (? << 32) and ((? + 1) << 32) - 1
         order by rowid limit ?`,
      )
      .all(match, ownerId, ownerId, limit)
      .map(({ id }) => id)
  }
}

/**
 * What a person typed, as a question to FTS5: every word must be the beginning of a word. Null when there is no word
 * in it. Each word stands in quotes and holds letters, marks and digits only, so nothing typed is ever syntax.
 */
export function matchOf(text: string): string | null {
  const words = wordsOf(text.slice(0, maxSearchLength)).slice(0, maxSearchWords)
  return words.length === 0 ? null : words.map((word) => `"${word}"*`).join(' ')
}

/** Characters of a search that are looked at. */
export const maxSearchLength = 500
/** Words of a search that are looked at. */
export const maxSearchWords = 16

/** Each word once, folded, and spelt as somebody would who has another keyboard. FTS5 itself takes off the accents. */
function wordsOf(text: string): string[] {
  const plain = fold(text).replace(/[łøđðħıŋæœþ]/g, (letter) => plainLetters[letter] ?? letter)
  return [...new Set(plain.match(/[\p{L}\p{N}\p{M}\p{Co}]+/gu))]
}

/** Letters that Unicode does not compose of a plain one and an accent. */
const plainLetters: Readonly<Record<string, string>> = {
  ł: 'l',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ħ: 'h',
  ı: 'i',
  ŋ: 'n',
  æ: 'ae',
  œ: 'oe',
  þ: 'th',
}
