import type { Write } from '../sql.ts'

/** Bytes of the rows that one statement takes, about: to PostgreSQL they go as text, twice as long, all in one piece. */
const maxBytes = 16_777_216

/** A row of which all that may be big are its bytes. */
interface BulkyRow {
  readonly bytes: Uint8Array
}

export interface BulkyWrite extends Write {
  readonly rows: readonly BulkyRow[]
}

/** The same as several writes, each of as many rows as a statement takes; a row that is bigger alone is alone. */
export function portions({ text, values = [], rows }: BulkyWrite): readonly Write[] {
  const parts: BulkyRow[][] = []
  let left = 0
  for (const row of rows) {
    const size = row.bytes.length
    const last = parts.at(-1)
    if (last === undefined || size > left) {
      parts.push([row])
      left = maxBytes - size
    } else {
      last.push(row)
      left -= size
    }
  }
  return parts.map((part) => ({ text, values, rows: part }))
}
