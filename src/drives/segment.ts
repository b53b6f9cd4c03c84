/**
 * Names in keys. A key is a path whose segments are percent-encoded from the bytes that the remote has for the name:
 * every byte but `A-Z a-z 0-9 - _ . ! ~ * ' ( )` as `%XX`. So `%c3` and `%C3` are one name, the two ways of
 * writing `é` in Unicode are two, and bytes that are no UTF-8 survive. A `%` that begins no escape stays as it is.
 */

/** The canonical form of a segment that a remote wrote somehow; null for one that is no name: empty, `.`, `..`, with NUL or a slash inside. */
export function canonicalSegment(raw: string): string | null {
  const segment = plain.test(raw) ? raw : encoded(raw)
  return isName(segment) ? segment : null
}

/** The canonical form of a name's bytes; null for one that is no name. */
export function segmentOfBytes(bytes: Uint8Array): string | null {
  const segment = escaped(bytes)
  return isName(segment) ? segment : null
}

/** The bytes of a name. */
export function bytesOfSegment(segment: string): Buffer {
  if (plain.test(segment)) return Buffer.from(segment, 'latin1')
  const escape = /%([\dA-F]{2})/g
  const text = segment.replace(escape, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  return Buffer.from(text, 'latin1')
}

/** The name for showing; bytes that are no UTF-8 become U+FFFD. */
export function shownName(segment: string): string {
  if (plain.test(segment)) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return bytesOfSegment(segment).toString('utf8')
  }
}

/** The names of a key, for showing; none for the root. */
export function shownPath(key: string): readonly string[] {
  return key === '' ? [] : key.split('/').map(shownName)
}

/** A key as a person reads it, in quotes. */
export function quoted(key: string): string {
  return `"${shownPath(key).join('/')}"`
}

const plain = /^[\w\-.!~*'()]+$/

/** How each byte is written. */
const escapes = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte)
  return plain.test(char) ? char : `%${byte.toString(16).padStart(2, '0').toUpperCase()}`
})

function encoded(raw: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(raw))
  } catch {
    return raw.replace(/%[\da-f]{2}|%|[^%]+/gi, (piece) => {
      if (piece === '%') return piece
      return escaped(piece.startsWith('%') ? [parseInt(piece.slice(1), 16)] : Buffer.from(piece))
    })
  }
}

function escaped(bytes: Iterable<number>): string {
  let text = ''
  for (const byte of bytes) text += escapes[byte]
  return text
}

function isName(segment: string): boolean {
  return segment !== '' && segment !== '.' && segment !== '..' && !/%00|%2F/.test(segment)
}
