import type { Sql, Transaction } from './sql.ts'

export type Searchable = 'artist' | 'album' | 'track'

/** A row and whose it is. */
export interface Owned {
  readonly id: number
  readonly owner_id: number
}

/** What a row is found by. */
export interface SearchEntry extends Owned {
  /** Its own name: what has every word here comes first. */
  readonly name: string
  /** Everything else that it is found by. */
  readonly rest: string
}

export interface SearchQuestion {
  readonly kind: Searchable
  readonly ownerId: number
  /** As a person typed it. */
  readonly text: string
  /** Looks at names alone. */
  readonly isNamed: boolean
  /** The owner has removed sources, whose rows are still there: they are passed over. */
  readonly hasRemoved?: boolean
  readonly limit: number
}

/**
 * Full-text indexes over what is shown. Every word that was typed must be the beginning of a word; what is a word,
 * and which letters are the same, says search-words.ts, so that each index finds the same. One owner's search sees
 * nobody else's rows and costs nothing by their number.
 */
export interface SearchIndex {
  /** Rows that are not in it. */
  add(tx: Transaction, kind: Searchable, entries: readonly SearchEntry[]): Promise<void>
  remove(tx: Transaction, kind: Searchable, rows: readonly Owned[]): Promise<void>
  /** Numbers of the rows that match, oldest first; none if there is no word in the text. */
  find(sql: Sql, question: SearchQuestion): Promise<number[]>
}
