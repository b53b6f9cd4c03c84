import { Buffer } from 'node:buffer'
import { type Picture, type TagBlock, betterPicture, maxFieldBytes } from './findings.ts'
import type { ByteRange } from '../../engine/source.ts'
import { type Reading, SparseFile, demand, wish } from './sparse-file.ts'

/** An ID3v2 tag (id3.org: 2.2, 2.3, 2.4), reduced to its text. */
export interface Id3Tag {
  /** Where the tag ends and the audio begins. */
  readonly end: number
  readonly block: TagBlock | undefined
  readonly picture: Picture | undefined
  readonly hasTitle: boolean
}

/**
 * Reads the tag at `start`; null when there is none. Pictures and whatever else is no text are stepped over
 * unread; `behind` bytes after the tag are read along with what lies at its end.
 */
export function* id3v2(file: SparseFile, start: number, behind: number): Reading<Id3Tag | null> {
  const header = yield* demand(file, { start, end: start + headerBytes })
  if (header.length < headerBytes || header.toString('latin1', 0, 3) !== 'ID3') return null
  const major = header.readUInt8(3)
  const flags = header.readUInt8(5)
  const bodyEnd = start + headerBytes + syncSafe(header, 6)
  const end = bodyEnd + (major === 4 && (flags & hasFooter) !== 0 ? headerBytes : 0)
  const nothing: Id3Tag = { end, block: undefined, picture: undefined, hasTitle: false }
  if (major < 2 || major > 4 || (major === 2 && (flags & hasExtendedHeader) !== 0)) return nothing

  const walk = { file, start: start + headerBytes, end: bodyEnd, tagEnd: end, behind, major, flags }
  // Before 2.4 the whole tag was escaped, and its sizes count what was there before.
  return (flags & isUnsynchronised) !== 0 && major < 4
    ? yield* escapedFrames(walk)
    : yield* frames(walk)
}

interface Walk {
  readonly file: SparseFile
  readonly start: number
  readonly end: number
  readonly tagEnd: number
  readonly behind: number
  readonly major: number
  readonly flags: number
}

function* frames(walk: Walk): Reading<Id3Tag> {
  const found: Found = { kept: [], picture: undefined, hasTitle: false }
  const frameHeader = walk.major === 2 ? 6 : 10
  let at = walk.start + (yield* extendedHeader(walk))
  for (let count = 0; count < maxFrames && at + frameHeader <= walk.end; count++) {
    const range = { start: at, end: at + frameHeader }
    const header = yield* wish(walk.file, range, ahead(walk, at))
    const frame = header?.length === frameHeader ? frameOf(header, at, walk) : null
    if (frame === null || !(yield* take(walk, frame, found))) break
    at = frame.end
  }
  const { kept, picture, hasTitle } = found
  return { end: walk.tagEnd, block: tagOf(walk.major, kept), picture, hasTitle }
}

interface Found {
  readonly kept: Buffer[]
  picture: Picture | undefined
  hasTitle: boolean
}

/** One frame; false when it is out of reach. */
function* take(walk: Walk, frame: Frame, found: Found): Reading<boolean> {
  const { start, end } = frame
  if (isText(frame.id) && end - start <= maxFieldBytes) {
    const bytes = yield* wish(walk.file, { start, end }, ahead(walk, start))
    if (bytes === null) return false
    const plain = plainFrame(frame, bytes, walk)
    if (plain !== null) {
      found.kept.push(plain)
      found.hasTitle ||= isTitle(frame.id)
    }
  }
  if (isPicture(frame.id)) {
    const range = { start, end: Math.min(end, start + pictureHeadBytes) }
    const head = yield* wish(walk.file, range, ahead(walk, start))
    const seen = head === null ? null : pictureOf(frame, head, walk)
    if (seen !== null) found.picture = betterPicture(found.picture, seen)
  }
  return true
}

interface Frame {
  readonly id: string
  readonly flags: number
  readonly start: number
  readonly end: number
}

function frameOf(header: Buffer, at: number, walk: Walk): Frame | null {
  const id = header.toString('latin1', 0, walk.major === 2 ? 3 : 4)
  if (!/^[A-Z][A-Z0-9]+ ?$/.test(id)) return null
  const start = at + header.length
  if (walk.major === 2) {
    const end = start + header.readUIntBE(3, 3)
    return end > walk.end ? null : { id, flags: 0, start, end }
  }
  const flags = header.readUInt16BE(8)
  const plain = header.readUInt32BE(4)
  let size = walk.major === 3 ? plain : syncSafe(header, 4)
  // Old versions of iTunes wrote 2.4 with the plain sizes of 2.3.
  if (
    walk.major === 4 &&
    plain !== size &&
    isFrameAt(walk, start + plain) &&
    !isFrameAt(walk, start + size)
  ) {
    size = plain
  }
  return start + size > walk.end ? null : { id, flags, start, end: start + size }
}

/** Whether the bytes that are known there begin a frame, the padding or the end of the tag. */
function isFrameAt(walk: Walk, at: number): boolean {
  if (at === walk.end) return true
  const id = at > walk.end ? null : walk.file.slice(at, at + 4)?.toString('latin1')
  return id !== null && id !== undefined && /^(?:[A-Z][A-Z0-9]{3}|\0{4})$/.test(id)
}

/** A text frame without escapes, length prefix and flags; null when it is packed or encrypted. */
function plainFrame(frame: Frame, stored: Buffer, walk: Walk): Buffer | null {
  const flags = formatFlags(frame, walk)
  if (flags.isPacked) return null
  const bytes = (flags.isEscaped ? unescape(stored) : stored).subarray(flags.prefix)
  const header = Buffer.alloc(frame.id.length === 3 ? 6 : 10)
  header.write(frame.id, 0, 'latin1')
  if (walk.major === 2) header.writeUIntBE(bytes.length, 3, 3)
  else writeSyncSafe(header, 4, bytes.length)
  return Buffer.concat([header, bytes])
}

interface FrameFormat {
  readonly isPacked: boolean
  readonly isEscaped: boolean
  /** Bytes before the content: a group's number, the length. */
  readonly prefix: number
}

function formatFlags(frame: Frame, walk: Walk): FrameFormat {
  const { flags } = frame
  if (walk.major === 2) return { isPacked: false, isEscaped: false, prefix: 0 }
  if (walk.major === 3) {
    return {
      isPacked: (flags & 0xc0) !== 0,
      isEscaped: false,
      prefix: (flags & 0x20) === 0 ? 0 : 1,
    }
  }
  return {
    isPacked: (flags & 0x0c) !== 0,
    isEscaped: (flags & 0x02) !== 0 || (walk.flags & isUnsynchronised) !== 0,
    prefix: ((flags & 0x40) === 0 ? 0 : 1) + ((flags & 0x01) === 0 ? 0 : 4),
  }
}

/** APIC: encoding, type of the file and a zero, kind, description and its zero, picture. PIC has three letters for the type. */
function pictureOf(frame: Frame, head: Buffer, walk: Walk): Picture | null {
  const flags = formatFlags(frame, walk)
  if (flags.isPacked) return null
  const body = head.subarray(flags.prefix)
  const typeEnd = walk.major === 2 ? 4 : body.indexOf(0, 1)
  if (typeEnd < 0 || body.length < typeEnd + 3) return null
  const kindAt = walk.major === 2 ? typeEnd : typeEnd + 1
  const pictureAt = afterText(body, kindAt + 1, (body[0] ?? 0) === 1 || body[0] === 2)
  const start = frame.start + flags.prefix + pictureAt
  if (pictureAt < 0 || start >= frame.end) return null
  const mime = mimeOf(body.toString('latin1', 1, typeEnd))
  // A link to a picture is not followed.
  if (mime === '-->') return null
  const form = flags.isEscaped ? 'unsync' : 'raw'
  return { place: { start, end: frame.end, mime, form }, isFront: body[kindAt] === frontCover }
}

function afterText(body: Buffer, start: number, isWide: boolean): number {
  if (!isWide) {
    const zero = body.indexOf(0, start)
    return zero < 0 ? -1 : zero + 1
  }
  for (let at = start; at + 1 < body.length; at += 2) {
    if (body[at] === 0 && body[at + 1] === 0) return at + 2
  }
  return -1
}

function mimeOf(said: string): string {
  const name = said.trim().toLowerCase()
  if (name === '-->' || name.includes('/')) return name
  return name === 'jpg' ? 'image/jpeg' : `image/${name}`
}

/** The frames of a tag that is escaped as a whole, as far as its first `maxEscapedBytes` go. */
function* escapedFrames(walk: Walk): Reading<Id3Tag> {
  const range = { start: walk.start, end: Math.min(walk.end, walk.start + maxEscapedBytes) }
  const stored = yield* demand(walk.file, range, ahead(walk, walk.end))
  const plain = unescape(stored)
  const inMemory: Walk = {
    ...walk,
    file: memoryFile(plain),
    start: 0,
    end: plain.length,
    flags: walk.flags & ~isUnsynchronised,
  }
  const found = yield* frames(inMemory)
  const place = found.picture?.place
  if (found.picture === undefined || place === undefined) return { ...found, end: walk.tagEnd }
  const [start, end] = [place.start, place.end].map((at) => walk.start + escapedOffset(stored, at))
  const picture = {
    ...found.picture,
    place: { ...place, start: start ?? 0, end: end ?? 0, form: 'unsync' as const },
  }
  return { ...found, picture, end: walk.tagEnd }
}

function memoryFile(bytes: Buffer): SparseFile {
  const file = new SparseFile('', bytes.length)
  file.add(0, bytes)
  return file
}

/** Where in the escaped bytes the byte lies that has this place among the plain ones. */
function escapedOffset(stored: Buffer, plainOffset: number): number {
  let at = 0
  for (let plain = 0; plain < plainOffset && at < stored.length; plain++) {
    at += stored[at] === 0xff && stored[at + 1] === 0 ? 2 : 1
  }
  return at
}

/** Undoes unsynchronisation: every `FF 00` was an `FF` (id3v2.4.0-structure, 6.1). */
export function unescape(stored: Buffer): Buffer {
  const plain = Buffer.allocUnsafe(stored.length)
  let length = 0
  for (let at = 0; at < stored.length; at++) {
    const byte = stored[at] ?? 0
    plain[length++] = byte
    if (byte === 0xff && stored[at + 1] === 0) at++
  }
  return plain.subarray(0, length)
}

function* extendedHeader(walk: Walk): Reading<number> {
  if ((walk.flags & hasExtendedHeader) === 0) return 0
  const size = yield* demand(walk.file, { start: walk.start, end: walk.start + 4 })
  return walk.major === 4 ? syncSafe(size, 0) : size.readUInt32BE(0) + 4
}

/** What to read along when the walk has come to bytes that are not known: a little there, and the beginning of the audio. */
function ahead(walk: Walk, at: number): ByteRange[] {
  const behind = { start: walk.tagEnd, end: walk.tagEnd + walk.behind }
  if (walk.end - at <= aheadBytes) return [{ start: at, end: behind.end }]
  return [{ start: at, end: at + aheadBytes }, behind]
}

/** 2.3 is written as 2.4, which differs in nothing but its sizes here: the parser would take `AC/DC` of 2.3 for two artists. */
function tagOf(major: number, kept: readonly Buffer[]): TagBlock | undefined {
  if (kept.length === 0) return undefined
  const header = Buffer.from([0x49, 0x44, 0x33, major === 2 ? 2 : 4, 0, 0, 0, 0, 0, 0])
  writeSyncSafe(
    header,
    6,
    kept.reduce((sum, frame) => sum + frame.length, 0),
  )
  return { mime: 'audio/mpeg', bytes: Buffer.concat([header, ...kept]) }
}

/** Texts, and the identifier of a recording. */
function isText(id: string): boolean {
  return id.startsWith('T') || id === 'UFID' || id === 'UFI'
}

function isTitle(id: string): boolean {
  return id === 'TIT2' || id === 'TT2'
}

function isPicture(id: string): boolean {
  return id === 'APIC' || id === 'PIC'
}

function syncSafe(bytes: Buffer, at: number): number {
  let value = 0
  for (let index = at; index < at + 4; index++)
    value = value * 128 + (bytes.readUInt8(index) & 0x7f)
  return value
}

function writeSyncSafe(bytes: Buffer, at: number, value: number): void {
  for (let index = 0; index < 4; index++) bytes[at + index] = (value >> (7 * (3 - index))) & 0x7f
}

const headerBytes = 10
const isUnsynchronised = 0x80
const hasExtendedHeader = 0x40
const hasFooter = 0x10
const frontCover = 3
/** Frames looked at in one tag. */
const maxFrames = 2_000
/** Bytes in front of a picture: its type, kind and description. */
const pictureHeadBytes = 512
/** Bytes read of a tag that is escaped as a whole. */
const maxEscapedBytes = 262_144
/** Bytes read at once in the middle of a tag. */
const aheadBytes = 2_048
