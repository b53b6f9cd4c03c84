import { Buffer } from 'node:buffer'
import { SyncError } from '../../base/errors.ts'
import type { ByteRange } from '../../engine/source.ts'
import { type Run, comments } from './comments.ts'
import { type Findings, type Sound, bitsPerSecond, durationOf } from './findings.ts'
import { streamSound } from './flac.ts'
import { type Reading, type SparseFile, demand, wish } from './sparse-file.ts'

/**
 * An Ogg file (RFC 3533) with Vorbis, Opus, FLAC or Speex: its first packet, its comments, and its last page, which
 * tells how long it is.
 */
export function* ogg(file: SparseFile, base: number): Reading<Findings> {
  const first = yield* pageAt(file, base)
  const last = { start: Math.max(base, file.size - tailBytes), end: file.size }
  if (first === null)
    throw new SyncError('unparsable', `${file.name} begins like Ogg but has no whole page.`)
  const range = { start: first.bodyStart, end: first.bodyEnd }
  const codec = codecOf(yield* demand(file, range, [last]))
  if (codec === null) {
    throw new SyncError(
      'not-audio',
      `${file.name} is an Ogg file without audio that is understood.`,
    )
  }
  const run = new PacketRun(file, first.end, codec.commentPrefix)
  const found = yield* comments(run, true)
  const samples = (yield* lastPosition(file, first.serial, last)) - codec.skipped
  const durationMs = durationOf(samples, codec.clock) ?? codec.sound.durationMs
  return {
    sound: {
      ...codec.sound,
      durationMs,
      bitrate: bitsPerSecond(file.size - first.end, durationMs),
    },
    blocks: found.block === undefined ? [] : [found.block],
    cover: found.picture?.place,
  }
}

/** Bytes at the end that nearly always hold the beginning of the last page: a second of music, as most encoders make them. */
export const tailBytes = 16_384

interface Codec {
  readonly sound: Sound
  /** Ticks a second of the position in a page. */
  readonly clock: number
  /** Samples at the beginning that are not played. */
  readonly skipped: number
  /** Bytes before the comments in their packet. */
  readonly commentPrefix: number
}

function codecOf(head: Buffer): Codec | null {
  const known = { isLossless: false, isDurationEstimated: false }
  if (head.toString('latin1', 0, 7) === '\u0001vorbis') {
    const sampleRate = head.readUInt32LE(12)
    const sound = { ...known, codec: 'vorbis', sampleRate, channels: head.readUInt8(11) }
    return { sound, clock: sampleRate, skipped: 0, commentPrefix: 7 }
  }
  if (head.toString('latin1', 0, 8) === 'OpusHead') {
    const sound = { ...known, codec: 'opus', sampleRate: 48_000, channels: head.readUInt8(9) }
    return { sound, clock: 48_000, skipped: head.readUInt16LE(10), commentPrefix: 8 }
  }
  if (head.toString('latin1', 0, 5) === '\u007fFLAC') {
    const sound = streamSound(head.subarray(17))
    return { sound, clock: sound.sampleRate ?? 0, skipped: 0, commentPrefix: 4 }
  }
  if (head.toString('latin1', 0, 8) === 'Speex   ') {
    const sampleRate = head.readUInt32LE(36)
    const sound = { ...known, codec: 'speex', sampleRate, channels: head.readUInt32LE(48) }
    return { sound, clock: sampleRate, skipped: 0, commentPrefix: 0 }
  }
  return null
}

interface Page {
  readonly serial: number
  readonly sequence: number
  readonly bodyStart: number
  readonly bodyEnd: number
  /** Bytes of the page that belong to the packet it begins with; less than the body when the packet ends here. */
  readonly packetBytes: number
  readonly isPacketEnd: boolean
  readonly end: number
}

function* pageAt(file: SparseFile, at: number): Reading<Page | null> {
  const range = { start: at, end: at + pageHeaderBytes }
  const header = yield* wish(file, range, [{ start: at, end: at + aheadBytes }])
  if (
    header === null ||
    header.length < pageHeaderBytes ||
    header.toString('latin1', 0, 4) !== 'OggS'
  )
    return null
  const segments = header.readUInt8(26)
  const lacing = yield* wish(file, { start: range.end, end: range.end + segments })
  if (lacing === null || lacing.length < segments) return null
  let body = 0
  let packetBytes = 0
  let isPacketEnd = false
  for (const length of lacing) {
    body += length
    if (!isPacketEnd) packetBytes += length
    if (length < maxLacing) isPacketEnd = true
  }
  const bodyStart = range.end + segments
  const end = bodyStart + body
  const serial = header.readUInt32LE(14)
  const sequence = header.readUInt32LE(18)
  return { serial, sequence, bodyStart, bodyEnd: end, packetBytes, isPacketEnd, end }
}

/** The packet of comments, in the pages that it is cut into. */
class PacketRun implements Run {
  /** Not known before the end is seen. */
  length = maxPacketBytes
  readonly #file: SparseFile
  readonly #prefix: number
  readonly #pieces: Piece[] = []
  #next: number

  constructor(file: SparseFile, start: number, prefix: number) {
    this.#file = file
    this.#next = start
    this.#prefix = prefix
  }

  *read(start: number, end: number): Reading<Buffer | null> {
    const from = start + this.#prefix
    const to = end + this.#prefix
    while (this.#pieces.length < maxPages && (this.#pieces.at(-1)?.end ?? 0) < to) {
      if (!(yield* this.#nextPage(from))) return null
    }
    return yield* this.#join(from, to)
  }

  *#join(from: number, to: number): Reading<Buffer | null> {
    const parts: Buffer[] = []
    for (const piece of this.#pieces) {
      const first = Math.max(from, piece.start)
      const last = Math.min(to, piece.end)
      if (first >= last) continue
      const start = piece.fileStart + first - piece.start
      const ahead = { start, end: start + aheadBytes }
      const bytes = yield* wish(this.#file, { start, end: start + last - first }, [ahead])
      if (bytes === null) return null
      parts.push(bytes)
    }
    const bytes = parts.length === 1 ? parts[0] : Buffer.concat(parts)
    return bytes?.length === to - from ? bytes : null
  }

  /** Up to where the text can be at most: the pages between are taken to be like the last one that was seen. */
  placeOf(start: number, end: number): ReturnType<Run['placeOf']> {
    const from = start + this.#prefix
    const to = end + this.#prefix
    const piece = this.#pieces.findLast((piece) => piece.start <= from)
    if (piece === undefined) return { start: 0, end: 0, mime: '', form: 'ogg-base64' }
    const fileStart = piece.fileStart + from - piece.start
    const pages = Math.ceil((to - from) / Math.max(1, piece.end - piece.start)) + 1
    const fileEnd = fileStart + (to - from) + pages * maxPageHeaderBytes
    return {
      start: fileStart,
      end: Math.min(this.#file.size, fileEnd),
      mime: '',
      form: 'ogg-base64',
    }
  }

  /** Takes in the next page, or, when `wanted` is far ahead, the one that should hold it if all pages are alike. */
  *#nextPage(wanted: number): Reading<boolean> {
    const last = this.#pieces.at(-1)
    if (last?.isEnd === true) return false
    const { start, at, sequence } = this.#expected(last, wanted)
    const page = yield* pageAt(this.#file, at)
    if (page === null || page.packetBytes === 0) return false
    if (last !== undefined && page.sequence !== sequence) return false
    this.#next = page.end
    const end = start + page.packetBytes
    const isEnd = page.isPacketEnd
    if (isEnd) this.length = end - this.#prefix
    const { bodyStart: fileStart } = page
    this.#pieces.push({
      start,
      end,
      fileStart,
      sequence: page.sequence,
      pageBytes: page.end - at,
      isEnd,
    })
    return true
  }

  /** Where the page lies, in packet and file, and its number. */
  #expected(
    last: Piece | undefined,
    wanted: number,
  ): { start: number; at: number; sequence: number } {
    if (last === undefined) return { start: 0, at: this.#next, sequence: 0 }
    const far = wanted - last.end > aheadBytes
    const skipped = far ? Math.floor((wanted - last.end) / (last.end - last.start)) : 0
    return {
      start: last.end + skipped * (last.end - last.start),
      at: this.#next + skipped * last.pageBytes,
      sequence: last.sequence + 1 + skipped,
    }
  }
}

interface Piece {
  /** Place in the packet. */
  readonly start: number
  readonly end: number
  readonly fileStart: number
  readonly sequence: number
  readonly pageBytes: number
  readonly isEnd: boolean
}

/** The position that the last page of the stream gives, in samples; 0 when there is none. */
function* lastPosition(file: SparseFile, serial: number, tail: ByteRange): Reading<number> {
  let position = positionIn(yield* demand(file, tail), serial)
  for (const bytes of fartherTails) {
    if (position > 0 || file.size <= tail.end - tail.start) break
    const farther = { start: Math.max(0, file.size - bytes), end: file.size }
    position = positionIn(yield* demand(file, farther), serial)
  }
  return position
}

function positionIn(bytes: Buffer, serial: number): number {
  for (
    let at = bytes.lastIndexOf('OggS');
    at >= 0;
    at = at === 0 ? -1 : bytes.lastIndexOf('OggS', at - 1)
  ) {
    if (at + pageHeaderBytes > bytes.length || bytes.readUInt32LE(at + 14) !== serial) continue
    const position = bytes.readBigInt64LE(at + 6)
    if (position > 0n && position <= Number.MAX_SAFE_INTEGER) return Number(position)
  }
  return 0
}

const pageHeaderBytes = 27
/** Bytes at the end to look in when the last page is longer than most; 65,307 are the greatest page there can be. */
const fartherTails = [65_536]
const maxPageHeaderBytes = 282
/** A length that says: the packet goes on in the next segment. */
const maxLacing = 255
/** Pages of comments that are looked at. */
const maxPages = 64
const maxPacketBytes = 2 ** 31
/** Bytes read at once behind a picture. */
const aheadBytes = 4_096
