import { keyOf } from '../library-text.ts'

/** What the mark of a pointer is found by: the pointer itself, unless it is longer than any real one. */
export function pointerKey(pointer: string): string {
  return keyOf(pointer, maxPointerKey)
}

/** A type and the key of a pointer. */
export function placeOf(type: string, key: string): string {
  return `${type} ${key}`
}

/** Characters (UTF-16); an entry of an index of PostgreSQL has 2,700 bytes. */
const maxPointerKey = 600
