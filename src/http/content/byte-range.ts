import type { ByteRange } from '../../engine/source.ts'

/** What a `Range` asks for: a part; `all` where there is none, or one that is not understood; `none`: it lies outside. */
export type Asked = ByteRange | 'all' | 'none'

/** One range of bytes of so many (RFC 9110, section 14.1.2). Of several, all of it is given, as the section allows. */
export function rangeOf(header: string | undefined, size: number): Asked {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '') ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return 'all'
  if (from === '') return within(size - Number(to), size, size)
  if (to === '') return within(Number(from), size, size)
  // The last byte is named, and may not come before the first.
  return Number(to) < Number(from) ? 'all' : within(Number(from), Number(to) + 1, size)
}

function within(start: number, end: number, size: number): Asked {
  const first = Math.max(0, start)
  return first >= size ? 'none' : { start: first, end: Math.min(end, size) }
}
