import { Buffer } from 'node:buffer'
import { SyncError } from '../../base/errors.ts'
import type { ByteRange } from '../../engine/source.ts'
import {
  type Findings,
  type Picture,
  type Sound,
  betterPicture,
  bitsPerSecond,
  durationOf,
  maxFieldBytes,
} from './findings.ts'
import { type Reading, type SparseFile, wish } from './sparse-file.ts'

/**
 * An MPEG-4 file (ISO 14496-12): the first audio track's headers and the list of tags, wherever `moov` lies.
 * Sample tables, pictures and audio are stepped over unread.
 */
export function* mp4(file: SparseFile): Reading<Findings> {
  const found: Movie = {
    track: {},
    items: [],
    audioBytes: 0,
    end: 0,
    isAudio: false,
    boxesLeft: maxBoxes,
  }
  yield* walk(file, { start: 0, end: file.size }, 'file', found)
  const { sound, timescale, duration } = found.audio ?? {}
  if (sound === undefined) {
    throw new SyncError('not-audio', `${file.name} is an MPEG-4 file without an audio track.`)
  }
  const said = durationOf(duration ?? 0, timescale ?? 0) ?? found.movieMs
  const durationMs = said ?? (yield* fragmentsMs(file, timescale ?? 0))
  const bitrate = bitsPerSecond(found.audioBytes || file.size, durationMs)
  const block = { mime: 'audio/mp4', bytes: tagFile(found.items) }
  return {
    sound: { ...sound, durationMs, bitrate, isDurationEstimated: said === undefined },
    blocks: found.items.length === 0 ? [] : [block],
    cover: found.picture?.place,
  }
}

interface Movie {
  /** Of the track that is being walked. */
  track: Track
  audio?: Track | undefined
  isAudio: boolean
  movieMs?: number | undefined
  movieTimescale?: number
  audioBytes: number
  /** Where `moov` ends; what stands behind it is seldom of interest. */
  end: number
  picture?: Picture | undefined
  readonly items: Buffer[]
  boxesLeft: number
}

interface Track {
  timescale?: number
  duration?: number
  sound?: Sound
}

interface Box {
  readonly type: string
  /** Of the whole box, header included. */
  readonly start: number
  /** Of what is inside. */
  readonly bodyStart: number
  readonly end: number
}

/** Which boxes are entered, and after which one nothing more is wanted of their parent. */
const containers: Readonly<
  Record<string, { readonly inside: readonly string[]; readonly until?: string }>
> = {
  file: { inside: ['moov'] },
  moov: { inside: ['trak', 'udta', 'mvex'] },
  trak: { inside: ['mdia'], until: 'mdia' },
  mdia: { inside: ['minf'], until: 'minf' },
  minf: { inside: ['stbl'], until: 'stbl' },
  stbl: { inside: [], until: 'stsd' },
  mvex: { inside: [], until: 'mehd' },
  udta: { inside: ['meta'], until: 'meta' },
  meta: { inside: ['ilst'], until: 'ilst' },
}

function* walk(file: SparseFile, span: ByteRange, parent: string, found: Movie): Reading<void> {
  for (let at = span.start; at + 8 <= span.end;) {
    const box = yield* boxAt(file, { start: at, end: span.end }, found.end)
    found.boxesLeft--
    if (box === null || found.boxesLeft < 0) return
    yield* enter(file, box, parent, found)
    const isDone = parent === 'file' && isEnough(found, box)
    if (isDone || box.type === containers[parent]?.until) return
    at = box.end
  }
}

function* enter(file: SparseFile, box: Box, parent: string, found: Movie): Reading<void> {
  if (parent === 'ilst') {
    yield* item(file, box, found)
  } else if (containers[parent]?.inside.includes(box.type) === true) {
    if (box.type === 'moov') found.end = box.end
    if (box.type === 'trak') found.track = {}
    yield* walk(file, { start: yield* insideOf(file, box), end: box.end }, box.type, found)
    if (found.track.sound !== undefined) found.audio ??= found.track
  } else yield* leaf(file, box, found)
}

/** The first box of `span`, which ends with its parent. */
function* boxAt(file: SparseFile, span: ByteRange, movieEnd: number): Reading<Box | null> {
  const { start: at, end: parentEnd } = span
  const bytes = file.size - at <= wholeBytes ? wholeBytes : aheadBytes
  const ahead = { start: at, end: at < movieEnd ? Math.min(at + bytes, movieEnd) : at + bytes }
  const header = yield* wish(file, { start: at, end: Math.min(at + 16, file.size) }, [ahead])
  if (header === null || header.length < 8) return null
  const type = header.toString('latin1', 4, 8)
  let size = header.readUInt32BE(0)
  let headerBytes = 8
  if (size === 0) size = parentEnd - at
  if (size === 1) {
    if (header.length < 16) return null
    size = Number(header.readBigUInt64BE(8))
    headerBytes = 16
  }
  if (size < headerBytes || !/^[\u0020-\u00ff]{4}$/.test(type)) return null
  // What is cut short still counts as far as it goes.
  return { type, start: at, bodyStart: at + headerBytes, end: Math.min(at + size, parentEnd) }
}

/** `meta` has four bytes of version before its boxes, except where QuickTime wrote it. */
function* insideOf(file: SparseFile, box: Box): Reading<number> {
  if (box.type !== 'meta') return box.bodyStart
  const head = yield* wish(file, { start: box.bodyStart, end: box.bodyStart + 8 })
  return head?.toString('latin1', 4, 8) === 'hdlr' ? box.bodyStart : box.bodyStart + 4
}

function* leaf(file: SparseFile, box: Box, found: Movie): Reading<void> {
  if (box.type === 'mdat') found.audioBytes += box.end - box.bodyStart
  const read = leaves[box.type]
  if (read === undefined) return
  const range = { start: box.bodyStart, end: Math.min(box.end, box.bodyStart + maxLeafBytes) }
  const body = yield* wish(file, range)
  if (body !== null) read(body, found)
}

const leaves: Readonly<Record<string, (body: Buffer, found: Movie) => void>> = {
  mvhd: (body, found) => {
    found.movieTimescale = timesOf(body).timescale
  },
  mehd: (body, found) => {
    const length = body.readUInt8(0) === 1 ? Number(body.readBigUInt64BE(4)) : body.readUInt32BE(4)
    found.movieMs = durationOf(length, found.movieTimescale ?? 0)
  },
  mdhd: (body, found) => Object.assign(found.track, timesOf(body)),
  hdlr: (body, found) => {
    found.isAudio = body.toString('latin1', 8, 12) === 'soun'
  },
  stsd: (body, found) => {
    if (found.isAudio) found.track.sound = sampleEntry(body)
  },
  sidx: (body, found) => {
    const entriesAt = body.readUInt8(0) === 0 ? 24 : 32
    let length = 0
    for (let at = entriesAt; at + 12 <= body.length; at += 12) length += body.readUInt32BE(at + 4)
    found.movieMs ??= durationOf(length, body.readUInt32BE(8))
  },
}

/** The timescale and duration that `mvhd` and `mdhd` both have. */
function timesOf(body: Buffer): { timescale: number; duration: number } {
  if (body.readUInt8(0) === 1) {
    return { timescale: body.readUInt32BE(20), duration: Number(body.readBigUInt64BE(24)) }
  }
  const duration = body.readUInt32BE(16)
  return { timescale: body.readUInt32BE(12), duration: duration === 0xff_ff_ff_ff ? 0 : duration }
}

/** The first AudioSampleEntry (ISO 14496-12, 12.2.3), and the cookie of ALAC inside. */
function sampleEntry(body: Buffer): Sound {
  const format = body.toString('latin1', 12, 16)
  const codec = codecs[format] ?? format.trim()
  const isLossless = format === 'alac' || format === 'fLaC'
  const known = { codec, isLossless, isDurationEstimated: false }
  if (format === 'alac' && body.length >= 80 && body.toString('latin1', 48, 52) === 'alac') {
    const channels = body.readUInt8(65)
    return {
      ...known,
      channels,
      bitsPerSample: body.readUInt8(61),
      sampleRate: body.readUInt32BE(76),
    }
  }
  const bitsPerSample = isLossless ? body.readUInt16BE(34) : undefined
  return {
    ...known,
    channels: body.readUInt16BE(32),
    bitsPerSample,
    sampleRate: body.readUInt32BE(40) >>> 16,
  }
}

/** One tag: kept when it is small, a picture's place is remembered (`covr`, whose `data` has 8 bytes before the picture). */
function* item(file: SparseFile, box: Box, found: Movie): Reading<void> {
  if (box.type !== 'covr') {
    if (box.end - box.start > maxFieldBytes) return
    const bytes = yield* wish(file, { start: box.start, end: box.end })
    if (bytes !== null) found.items.push(bytes)
    return
  }
  const head = yield* wish(file, {
    start: box.bodyStart,
    end: Math.min(box.end, box.bodyStart + 16),
  })
  if (head === null || head.length < 16 || head.toString('latin1', 4, 8) !== 'data') return
  const end = Math.min(box.end, box.bodyStart + head.readUInt32BE(0))
  const mime = pictureTypes[head.readUInt32BE(8)] ?? ''
  const place = { start: box.bodyStart + 16, end, mime, form: 'raw' as const }
  if (end > place.start) found.picture = betterPicture(found.picture, { place, isFront: true })
}

/** Once the movie has been read, what follows is of no interest; the index of fragments comes before the first one. */
function isEnough(found: Movie, box: Box): boolean {
  if (found.audio === undefined) return false
  return (found.audio.duration ?? 0) > 0 || found.movieMs !== undefined || box.type === 'moof'
}

/** Where the last fragment begins, by the index at the end of the file (`mfra`, 8.8.9), and what one lasts on average. */
function* fragmentsMs(file: SparseFile, timescale: number): Reading<number | undefined> {
  const ahead = { start: file.size - aheadBytes, end: file.size }
  const mark = yield* wish(file, { start: Math.max(0, file.size - 16), end: file.size }, [ahead])
  if (mark === null || mark.toString('latin1', 4, 8) !== 'mfro') return undefined
  const start = file.size - mark.readUInt32BE(12)
  const index = yield* wish(file, { start, end: Math.min(file.size, start + wholeBytes) })
  if (index === null || index.toString('latin1', 12, 16) !== 'tfra') return undefined
  const isWide = index.readUInt8(16) === 1
  const lengths = index.readUInt8(27)
  const entryBytes =
    (isWide ? 16 : 8) + 3 + (lengths & 3) + ((lengths >> 2) & 3) + ((lengths >> 4) & 3)
  const count = index.readUInt32BE(28)
  const lastAt = 32 + (count - 1) * entryBytes
  if (count < 2) return undefined
  const last = isWide ? Number(index.readBigUInt64BE(lastAt)) : index.readUInt32BE(lastAt)
  return durationOf((last * count) / (count - 1), timescale)
}

/** The tags as a file of their own. */
function tagFile(items: readonly Buffer[]): Buffer {
  const list = boxOf('ilst', ...items)
  const moov = boxOf('moov', boxOf('udta', boxOf('meta', Buffer.alloc(4), list)))
  return Buffer.concat([boxOf('ftyp', Buffer.from('M4A \0\0\0\0', 'latin1')), moov])
}

function boxOf(type: string, ...parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32BE(parts.reduce((sum, part) => sum + part.length, 8))
  header.write(type, 4, 'latin1')
  return Buffer.concat([header, ...parts])
}

const codecs: Readonly<Record<string, string>> = {
  mp4a: 'aac',
  alac: 'alac',
  fLaC: 'flac',
  Opus: 'opus',
  '.mp3': 'mp3',
  'ac-3': 'ac3',
  'ec-3': 'eac3',
}
const pictureTypes: Readonly<Record<number, string>> = {
  13: 'image/jpeg',
  14: 'image/png',
  27: 'image/bmp',
}
/** Boxes looked at in one file. */
const maxBoxes = 2_000
/** Bytes read of a box with a table or description. */
const maxLeafBytes = 4_096
/** Bytes read at once when a box is not known. */
const aheadBytes = 4_096
/** A rest of the file that is read whole: one request for the tables and the tags behind them, instead of two. */
const wholeBytes = 49_152
