/** What passes between us and PostgreSQL, so that it is the same as with SQLite. */
import { TypeOverrides } from 'pg'
import type { SqlValue } from '../sql/sql.ts'

/**
 * PostgreSQL keeps no U+0000 in a text, and no half of a surrogate pair: both become U+FFFD. Of halves in plain texts
 * the encoder takes care.
 */
export function storable(value: SqlValue): SqlValue {
  if (typeof value === 'string') return withoutNul(value)
  const isTexts = isList(value) && value.some((part) => typeof part === 'string')
  return isTexts ? value.map((part) => (typeof part === 'string' ? withoutNul(part) : part)) : value
}

/** The same of JSON as `JSON.stringify` writes it: there both are escapes. */
export function storableJson(json: SqlValue): SqlValue {
  if (typeof json !== 'string' || !json.includes('\\u')) return json
  return json.replace(/\\(u0000|ud[89a-f]..|.)/g, (whole, escaped: string) =>
    escaped.length > 1 ? '\\ufffd' : whole,
  )
}

function withoutNul(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text
}

function isList(value: SqlValue): value is readonly (string | number | null)[] {
  return Array.isArray(value)
}

/**
 * Numbers are numbers (integers beyond 2^53 never occur here), what is true is 1, JSON stays a text. Identifiers of
 * types are those of pg_type.
 */
export const resultTypes = new TypeOverrides()
for (const number of [20, 1700]) resultTypes.setTypeParser(number, Number)
for (const json of [114, 3802]) resultTypes.setTypeParser(json, String)
resultTypes.setTypeParser(16, (text: string) => (text === 't' ? 1 : 0))
