/** What passes between us and PostgreSQL, so that it is the same as with SQLite. */
import { TypeOverrides } from 'pg'
import type { SqlValue } from '../sql/sql.ts'

/** What several rows have in a column, bytes among it. */
export type Column = readonly (string | number | Uint8Array | null)[]

/** A value as the server reads it: a text in its own notation, or bytes. */
export type Parameter = string | Buffer | null

/**
 * PostgreSQL keeps no U+0000 in a text, and no half of a surrogate pair: both become U+FFFD. Of halves in plain texts
 * the encoder takes care.
 */
export function parameter(value: SqlValue | Column): Parameter {
  if (value === null) return null
  if (typeof value === 'string') return withoutNul(value)
  if (typeof value === 'number') return String(value)
  if (value instanceof Uint8Array) {
    return bufferOf(value)
  }
  return `{${value.map(element).join(',')}}`
}

/** The same of JSON as `JSON.stringify` writes it: there both are escapes. */
export function jsonParameter(json: SqlValue | Column): Parameter {
  if (typeof json !== 'string' || !json.includes('\\u')) return parameter(json)
  return json.replace(/\\(u0000|ud[89a-f]..|.)/g, (whole, escaped: string) =>
    escaped.length > 1 ? '\\ufffd' : whole,
  )
}

/** Of an array (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO). */
function element(value: Column[number]): string {
  if (value === null) return 'NULL'
  if (typeof value === 'number') return String(value)
  if (value instanceof Uint8Array) return `"\\\\x${bufferOf(value).toString('hex')}"`
  return `"${withoutNul(value).replace(/["\\]/g, String.raw`\$&`)}"`
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function withoutNul(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text
}

/**
 * Numbers are numbers (integers beyond 2^53 never occur here), what is true is 1, JSON stays a text. Identifiers of
 * types are those of pg_type.
 */
export const resultTypes = new TypeOverrides()
for (const number of [20, 1700]) resultTypes.setTypeParser(number, Number)
for (const json of [114, 3802]) resultTypes.setTypeParser(json, String)
resultTypes.setTypeParser(16, (text: string) => (text === 't' ? 1 : 0))

/** Of values of a type, by the identifier of it; they arrive as texts. */
export function readerOf(typeId: number): (text: string) => unknown {
  const parse: unknown = resultTypes.getTypeParser(typeId, 'text')
  // Its own types take the text for the number of the type.
  return parse as (text: string) => unknown
}
