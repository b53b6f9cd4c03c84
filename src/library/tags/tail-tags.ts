import { Buffer } from 'node:buffer'
import type { ByteRange } from '../../engine/source.ts'
import { type Picture, type TagBlock, betterPicture, maxFieldBytes } from './findings.ts'
import { type Reading, type SparseFile, demand, wish } from './sparse-file.ts'

/** What stands at the end of a file: APEv2, ID3v1 or both. */
export interface TailTags {
  readonly blocks: readonly TagBlock[]
  readonly picture: Picture | undefined
  /** Where the audio ends. */
  readonly start: number
}

/** Reads the tags at the end of the file, APEv2 (hydrogenaudio: APEv2 specification) and ID3v1. */
export function* tailTags(file: SparseFile): Reading<TailTags> {
  const range = tailRange(file)
  const tailStart = range.start
  const tail = yield* demand(file, range)
  const id3At = tail.length - id3v1Bytes
  const hasId3 = id3At >= 0 && tail.toString('latin1', id3At, id3At + 3) === 'TAG'
  const blocks: TagBlock[] = hasId3 ? [{ mime: 'audio/mpeg', bytes: tail.subarray(id3At) }] : []
  const footerEnd = hasId3 ? id3At : tail.length
  const ape = yield* apeTag(file, tailStart + footerEnd)
  if (ape === null) return { blocks, picture: undefined, start: tailStart + footerEnd }
  return { blocks: [...ape.blocks, ...blocks], picture: ape.picture, start: ape.start }
}

/** What is read first of it. */
export function tailRange(file: SparseFile): ByteRange {
  return { start: Math.max(0, file.size - tailBytes), end: file.size }
}

/** Bytes at the end that hold ID3v1 and the footer of APEv2, and the tag as well where it is small. */
export const tailBytes = 2_048

function* apeTag(file: SparseFile, end: number): Reading<TailTags | null> {
  const footer = yield* demand(file, { start: Math.max(0, end - footerBytes), end })
  if (footer.length < footerBytes || footer.toString('latin1', 0, 8) !== 'APETAGEX') return null
  const size = footer.readUInt32LE(12)
  const start = end - size
  const hasHeader = (footer.readUInt32LE(20) & 0x80_00_00_00) !== 0
  if (size < footerBytes || start < 0) return null
  const items = { start, end: end - footerBytes }
  const found = yield* apeItems(file, items, Math.min(footer.readUInt32LE(16), maxItems))
  const blocks = found.kept.length === 0 ? [] : [{ mime: 'audio/ape', bytes: apeFile(found.kept) }]
  return { blocks, picture: found.picture, start: start - (hasHeader ? footerBytes : 0) }
}

interface Found {
  readonly kept: Buffer[]
  picture: Picture | undefined
}

function* apeItems(file: SparseFile, items: ByteRange, count: number): Reading<Found> {
  const found: Found = { kept: [], picture: undefined }
  let at = items.start
  for (let index = 0; index < count && at + 8 < items.end; index++) {
    const ahead = { start: at, end: Math.min(items.end, at + aheadBytes) }
    const range = { start: at, end: Math.min(items.end, at + itemHeadBytes) }
    const head = yield* wish(file, range, [ahead])
    const item = head === null ? null : itemIn(head, at, items.end)
    if (item === null) break
    if (item.isText && item.end - at <= maxFieldBytes) {
      const bytes = yield* wish(file, { start: at, end: item.end }, [ahead])
      if (bytes === null) break
      found.kept.push(bytes)
    }
    if (item.picture !== null) found.picture = betterPicture(found.picture, item.picture)
    at = item.end
  }
  return found
}

interface Item {
  readonly isText: boolean
  readonly end: number
  readonly picture: Picture | null
}

/** Size, flags, key and a zero, value; a picture's value is its name, a zero and the picture. */
function itemIn(head: Buffer, at: number, tagEnd: number): Item | null {
  const keyEnd = head.indexOf(0, 8)
  if (keyEnd < 0) return null
  const key = head.toString('latin1', 8, keyEnd).toLowerCase()
  const end = at + keyEnd + 1 + head.readUInt32LE(0)
  if (end > tagEnd) return null
  const kind = (head.readUInt32LE(4) >> 1) & 3
  const nameEnd = head.indexOf(0, keyEnd + 1)
  const isPicture = kind === 1 && key.startsWith('cover art') && nameEnd > 0
  const place = { start: at + nameEnd + 1, end, mime: '', form: 'raw' as const }
  const picture = isPicture && place.start < end ? { place, isFront: key.includes('front') } : null
  return { isText: kind === 0, end, picture }
}

/** The texts as a Monkey's Audio file without audio: the smallest container that the tag parser takes APEv2 in. */
function apeFile(kept: readonly Buffer[]): Buffer {
  const descriptor = Buffer.alloc(52 + 24)
  descriptor.write('MAC ', 0, 'latin1')
  descriptor.writeUInt32LE(52, 8)
  descriptor.writeUInt32LE(24, 12)
  const header = Buffer.alloc(footerBytes)
  header.write('APETAGEX', 0, 'latin1')
  header.writeUInt32LE(2_000, 8)
  header.writeUInt32LE(
    kept.reduce((sum, item) => sum + item.length, footerBytes),
    12,
  )
  header.writeUInt32LE(kept.length, 16)
  header.writeUInt32LE(0xa0_00_00_00, 20)
  // The parser looks for one byte behind the last value.
  return Buffer.concat([descriptor, header, ...kept, Buffer.alloc(footerBytes)])
}

const footerBytes = 32
const id3v1Bytes = 128
/** Bytes of an item's header, key and file name. */
const itemHeadBytes = 512
const maxItems = 500
/** Bytes read at once in the middle of a tag. */
const aheadBytes = 4_096
