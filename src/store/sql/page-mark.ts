import { SyncError } from '../../base/errors.ts'

/** Where a page ended: the values its last row is ordered by. Opaque to whoever carries it to the next page. */
export type PageMark = readonly (string | number)[]

export function encodeMark(mark: PageMark): string {
  return Buffer.from(JSON.stringify(mark)).toString('base64url')
}

/** Throws `bad-input` for whatever is not a mark with values of the types of `shape`, in that order. */
export function decodeMark(text: string, shape: PageMark): PageMark {
  const values = text.length > maxMarkLength ? null : parse(text)
  if (
    !Array.isArray(values) ||
    values.length !== shape.length ||
    !values.every((value, i) => typeof value === typeof shape[i])
  ) {
    throw new SyncError(
      'bad-input',
      'The page asked for with "after" is not one that was given out.',
    )
  }
  return values as PageMark // Each value has just been looked at.
}

function parse(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    return null
  }
}

/** Characters. Names and a path of the longest kind fit in. */
const maxMarkLength = 32_768
