import type { Buffer } from 'node:buffer'
import { SyncError } from '../../base/errors.ts'
import type { ByteRange } from '../../engine/source.ts'
import { type Comments, type Run, comments } from './comments.ts'
import {
  type Findings,
  type Picture,
  type Sound,
  betterPicture,
  bitsPerSecond,
  durationOf,
} from './findings.ts'
import { type Reading, type SparseFile, demand, wish } from './sparse-file.ts'

/** A FLAC file from its `fLaC` on (RFC 9639, 8): the stream's facts, comments and pictures; never padding or audio. */
export function* flac(file: SparseFile, start: number): Reading<Findings> {
  const info = yield* demand(file, { start: start + 4, end: start + 8 + streamInfoBytes })
  if (info.length < 4 + streamInfoBytes || (info.readUInt8(0) & 0x7f) !== streamInfo) {
    throw new SyncError(
      'unparsable',
      `${file.name} begins like FLAC but has no stream information.`,
    )
  }
  const found = yield* blocks(file, start + 4)
  const sound = streamSound(info.subarray(4))
  const texts = found.comments?.block
  return {
    sound: { ...sound, bitrate: bitsPerSecond(file.size - found.end, sound.durationMs) },
    blocks: texts === undefined ? [] : [texts],
    cover: (found.picture ?? found.comments?.picture)?.place,
  }
}

function* blocks(file: SparseFile, start: number): Reading<Found> {
  const found: Found = { comments: undefined, picture: undefined, end: start }
  for (let count = 0; count < maxBlocks; count++) {
    const range = { start: found.end, end: found.end + 4 }
    const header = yield* wish(file, range, [{ start: range.start, end: range.start + aheadBytes }])
    if (header?.length !== 4) break
    const flags = header.readUInt8(0)
    const body = { start: range.end, end: range.end + header.readUIntBE(1, 3) }
    yield* block(file, flags & 0x7f, body, found)
    found.end = body.end
    const isLast = (flags & 0x80) !== 0
    if (isLast || (found.comments !== undefined && found.picture?.isFront === true)) break
  }
  return found
}

interface Found {
  comments: Comments | undefined
  picture: Picture | undefined
  /** Of the blocks that were seen. */
  end: number
}

function* block(file: SparseFile, type: number, body: ByteRange, found: Found): Reading<void> {
  if (type === commentBlock) {
    found.comments ??= yield* comments(runIn(file, body.start, body.end), false)
  }
  if (type !== pictureBlock) return
  const end = Math.min(body.end, body.start + pictureHeadBytes)
  const head = yield* wish(file, { start: body.start, end })
  const seen = head === null ? null : pictureIn(head, body)
  if (seen !== null) found.picture = betterPicture(found.picture, seen)
}

/** What STREAMINFO tells (RFC 9639, 8.2). */
export function streamSound(info: Buffer): Sound {
  const sampleRate = info.readUIntBE(10, 3) >> 4
  const samples = (info.readUInt8(13) & 15) * 2 ** 32 + info.readUInt32BE(14)
  return {
    codec: 'flac',
    isLossless: true,
    isDurationEstimated: false,
    durationMs: durationOf(samples, sampleRate),
    sampleRate,
    channels: ((info.readUInt8(12) >> 1) & 7) + 1,
    bitsPerSample: ((info.readUInt16BE(12) >> 4) & 31) + 1,
  }
}

/** A PICTURE block: kind, type, description, four numbers, length, picture (RFC 9639, 8.8). */
export function pictureIn(head: Buffer, body: ByteRange): Picture | null {
  if (head.length < 12) return null
  const mimeEnd = 8 + head.readUInt32BE(4)
  if (mimeEnd + 4 > head.length) return null
  const lengthAt = mimeEnd + 4 + head.readUInt32BE(mimeEnd) + 16
  if (lengthAt + 4 > head.length) return null
  const start = body.start + lengthAt + 4
  // The inner length may say too little for a big picture; the block's own is what players go by.
  const mime = head.toString('latin1', 8, mimeEnd)
  if (start >= body.end || mime === '-->') return null
  return {
    place: { start, end: body.end, mime, form: 'raw' },
    isFront: head.readUInt32BE(0) === frontCover,
  }
}

function runIn(file: SparseFile, base: number, end: number): Run {
  return {
    length: end - base,
    read: (start, stop) => {
      const range = { start: base + start, end: base + stop }
      return wish(file, range, [
        { start: range.start, end: Math.min(end + 4, range.start + aheadBytes) },
      ])
    },
    placeOf: (start, stop) => ({
      start: base + start,
      end: base + stop,
      mime: '',
      form: 'flac-base64',
    }),
  }
}

const streamInfo = 0
const commentBlock = 4
const pictureBlock = 6
const streamInfoBytes = 34
const frontCover = 3
/** Blocks looked at in one file. */
const maxBlocks = 256
/** Bytes in front of a picture: its kind, type and description. */
const pictureHeadBytes = 512
/** Bytes read at once behind a picture. */
const aheadBytes = 2_048
