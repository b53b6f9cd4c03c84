import { hash } from 'node:crypto'

/** Text as every database keeps it: PostgreSQL takes neither a NUL nor half of a surrogate pair. */
export function storable(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, '\ufffd')
}

/**
 * What an index finds a text by: the text itself, or where that is too long its beginning with a hash of the whole.
 * Equal texts have equal keys, different ones different keys. An entry of an index of PostgreSQL has 2,700 bytes;
 * the longest one holds a folder and three names.
 */
export function keyOf(text: string, maxLength: number): string {
  const kept = storable(text)
  if (kept.length <= maxLength) return kept
  const end = hash('sha256', kept, 'base64url').slice(0, hashLength)
  return `${beginning(kept, maxLength - end.length)}${end}`
}

/** The first `maxLength` characters, and never half of one. */
export function beginning(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : storable(text.slice(0, maxLength))
}

/** Characters (UTF-16) of what stands for a name: an artist, an album, a release. */
export const maxNameKey = 160
/** Characters (UTF-16) of an artist's name as it is shown; what is longer is cut. */
export const maxCreditedName = 500
/** Characters (UTF-16) of what stands for a folder, or for a file wherever it is. */
export const maxPlaceKey = 360

/** Characters of base64: 132 bits. */
const hashLength = 22
