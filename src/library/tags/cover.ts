import { Buffer } from 'node:buffer'
import { SyncError } from '../../base/errors.ts'
import type { CoverPlace } from '../tags.ts'
import { pictureIn } from './flac.ts'
import { unescape } from './id3v2.ts'
import type { Fetch } from './read-tags.ts'

export interface CoverImage {
  readonly bytes: Uint8Array
  /** Told from the bytes, whatever the file says. */
  readonly mime: 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp'
}

/**
 * Reads a picture from its place. Throws SyncError `too-big` above `maxBytes` (and never reads more than
 * `maxCoverBytes`), `unparsable` when it is no JPEG, PNG, GIF or WebP, and what `fetch` throws.
 */
export async function readCover(
  place: CoverPlace,
  fetch: Fetch,
  maxBytes: number,
  signal: AbortSignal,
): Promise<CoverImage> {
  signal.throwIfAborted()
  const length = place.end - place.start
  const most = Math.min(maxBytes, maxCoverBytes)
  if (length > most) {
    throw new SyncError('too-big', `The picture has ${length} bytes; ${most} are the limit.`)
  }
  const bytes = pictureFrom[place.form](
    asBuffer(await fetch({ start: place.start, end: place.end })),
  )
  const mime = bytes === null ? null : imageType(bytes)
  if (bytes === null || mime === null) {
    throw new SyncError('unparsable', 'The picture is damaged, or neither JPEG, PNG, GIF nor WebP.')
  }
  return { bytes, mime }
}

/** Bytes of the largest picture that is ever read. */
export const maxCoverBytes = 20 * 1_048_576

/** What the bytes of a picture are, by how they begin; null when they are none of these. */
export function imageType(bytes: Uint8Array): CoverImage['mime'] | null {
  const head = asBuffer(bytes.subarray(0, 12)).toString('latin1')
  if (head.startsWith('\u00ff\u00d8\u00ff')) return 'image/jpeg'
  if (head.startsWith('\u0089PNG\r\n\u001a\n')) return 'image/png'
  if (/^GIF8[79]a/.test(head)) return 'image/gif'
  if (head.startsWith('RIFF') && head.slice(8) === 'WEBP') return 'image/webp'
  return null
}

const pictureFrom: Readonly<Record<CoverPlace['form'], (stored: Buffer) => Buffer | null>> = {
  raw: (stored) => stored,
  unsync: unescape,
  'flac-base64': pictureBlock,
  'ogg-base64': (stored) => pictureBlock(withoutPages(stored)),
}

/** The picture in a block that is written in base64, up to where the base64 ends. */
function pictureBlock(text: Buffer): Buffer | null {
  const end = text.findIndex((byte) => base64[byte] !== 1)
  const block = Buffer.from(
    text.subarray(0, end < 0 ? text.length : end).toString('latin1'),
    'base64',
  )
  const place = pictureIn(block, { start: 0, end: block.length })?.place
  if (place === undefined) return null
  const length = block.readUInt32BE(place.start - 4)
  return length > block.length - place.start
    ? null
    : block.subarray(place.start, place.start + length)
}

/** Takes out the headers of Ogg pages: four letters that may stand in base64, and a zero that may not. */
function withoutPages(stored: Buffer): Buffer {
  const parts: Buffer[] = []
  let at = 0
  for (let page = stored.indexOf(pageMark); page >= 0; page = stored.indexOf(pageMark, at)) {
    parts.push(stored.subarray(at, page))
    at = page + 27 + (stored[page + 26] ?? 0)
  }
  return Buffer.concat([...parts, stored.subarray(at)])
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const pageMark = Buffer.from('OggS\0', 'latin1')
/** 1 for every byte that may stand in base64. */
const base64 = new Uint8Array(256)
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/='))
  base64[byte] = 1
