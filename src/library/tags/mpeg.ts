import type { Buffer } from 'node:buffer'
import type { ByteRange } from '../../engine/source.ts'
import type { Sound } from './findings.ts'
import { bitsPerSecond, durationOf } from './findings.ts'
import { type Reading, type SparseFile, demand } from './sparse-file.ts'

/**
 * How an MPEG audio or ADTS stream between `start` and `end` sounds; null when there is none.
 * An index (Xing, Info, VBRI) tells how long it is; without one, frames from the middle tell whether the bitrate
 * is constant, and if it is not, the duration is estimated from `samplePlaces` samples.
 */
export function* mpeg(file: SparseFile, start: number, end: number): Reading<Sound | null> {
  const head = yield* demand(file, { start, end: Math.min(end, start + firstFrameBytes) })
  let at = firstFrame(head)
  let searched = head
  if (at < 0) {
    searched = yield* demand(file, { start, end: Math.min(end, start + maxJunkBytes) })
    at = firstFrame(searched)
  }
  const frame = at < 0 ? null : frameAt(searched, at)
  if (frame === null) return null
  const index = frame.isAdts ? null : indexOf(searched.subarray(at), frame)
  if (index === null) {
    const frames = framesIn(searched.subarray(at), frame)
    return yield* sampled(file, { start: start + at, end }, frames)
  }
  const samples = index.frames * frame.samples - index.padding
  const durationMs = durationOf(samples, frame.sampleRate)
  return soundOf(frame, durationMs, bitsPerSecond(index.bytes ?? end - start - at, durationMs))
}

/** Bytes behind the tags that show the first frame and its index; more is read only when there is no index. */
export const firstFrameBytes = 1_536

interface Frame {
  readonly isAdts: boolean
  readonly codec: string
  /** Bits a second; of ADTS the one that this frame would make. */
  readonly bitrate: number
  readonly sampleRate: number
  readonly channels: number
  /** Samples a frame, per channel. */
  readonly samples: number
  readonly bytes: number
  /** Where an index would be, from the frame's beginning. */
  readonly indexAt: number
}

/** The first frame that another of the same kind follows, or that is the last one known. */
function firstFrame(bytes: Buffer): number {
  for (let at = bytes.indexOf(0xff); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const frame = frameAt(bytes, at)
    if (frame === null) continue
    const next = at + frame.bytes
    if (next + frameHeaderBytes > bytes.length) {
      if (at === 0 || indexOf(bytes.subarray(at), frame) !== null) return at
      continue
    }
    const follower = frameAt(bytes, next)
    if (follower !== null && isAlike(frame, follower)) return at
  }
  return -1
}

function isAlike(one: Frame, other: Frame): boolean {
  return (
    one.codec === other.codec && one.sampleRate === other.sampleRate && one.isAdts === other.isAdts
  )
}

function frameAt(bytes: Buffer, at: number): Frame | null {
  if (at + frameHeaderBytes > bytes.length || bytes[at] !== 0xff) return null
  const second = bytes.readUInt8(at + 1)
  if ((second & 0xf6) === 0xf0) return adtsFrame(bytes, at)
  return (second & 0xe0) === 0xe0 ? layeredFrame(bytes.readUInt32BE(at)) : null
}

/** By its header of 32 bits (ISO 11172-3, 2.4.1.3). */
function layeredFrame(header: number): Frame | null {
  const version = (header >>> 19) & 3
  const layer = 4 - ((header >>> 17) & 3)
  const kilobits = bitratesOf(version, layer)[(header >>> 12) & 15]
  const sampleRate = sampleRates[version]?.[(header >>> 10) & 3]
  if (layer === 4 || sampleRate === undefined || kilobits === undefined || kilobits === 0)
    return null
  const samples = samplesOf(version, layer)
  const slotBytes = layer === 1 ? 4 : 1
  const slots = Math.floor((samples * kilobits * 125) / (slotBytes * sampleRate))
  const isMono = ((header >>> 6) & 3) === 3
  return {
    isAdts: false,
    codec: layer === 3 ? 'mp3' : `mp${layer}`,
    bitrate: kilobits * 1_000,
    sampleRate,
    channels: isMono ? 1 : 2,
    samples,
    bytes: (slots + ((header >>> 9) & 1)) * slotBytes,
    indexAt: 4 + sideBytes(version === newest, isMono),
  }
}

function bitratesOf(version: number, layer: number): readonly number[] {
  return bitrates[version === newest ? layer - 1 : Math.min(layer, 2) + 2] ?? []
}

function samplesOf(version: number, layer: number): number {
  if (layer === 1) return 384
  return layer === 3 && version !== newest ? 576 : 1_152
}

/** Side information of layer 3, behind which the index stands. */
function sideBytes(isNewest: boolean, isMono: boolean): number {
  if (isNewest) return isMono ? 17 : 32
  return isMono ? 9 : 17
}

/** ISO 13818-7, 6.2. */
function adtsFrame(bytes: Buffer, at: number): Frame | null {
  const sampleRate = adtsRates[(bytes.readUInt8(at + 2) >> 2) & 15]
  const length = (bytes.readUIntBE(at + 3, 3) >> 5) & 0x1fff
  if (sampleRate === undefined || length < 8) return null
  const channels = (bytes.readUInt16BE(at + 2) >> 6) & 7
  const samples = 1_024
  return {
    isAdts: true,
    codec: 'aac',
    bitrate: (length * 8 * sampleRate) / samples,
    sampleRate,
    channels: channels === 7 ? 8 : channels,
    samples,
    bytes: length,
    indexAt: 0,
  }
}

interface Index {
  readonly frames: number
  readonly bytes: number | undefined
  /** Samples that the encoder added at both ends. */
  readonly padding: number
}

function indexOf(bytes: Buffer, frame: Frame): Index | null {
  const name = bytes.toString('latin1', frame.indexAt, frame.indexAt + 4)
  if (name === 'Xing' || name === 'Info') return xingIndex(bytes.subarray(frame.indexAt))
  if (bytes.toString('latin1', 36, 40) !== 'VBRI' || bytes.length < 54) return null
  const frames = bytes.readUInt32BE(50)
  return frames === 0 ? null : { frames, bytes: bytes.readUInt32BE(46) || undefined, padding: 0 }
}

/** Name, flags, then what they announce: frames, bytes, a table, a quality; LAME's own behind (gabriel.mp3-tech.org/mp3infotag.html). */
function xingIndex(index: Buffer): Index | null {
  if (index.length < 16) return null
  const flags = index.readUInt32BE(4)
  const frames = (flags & 1) === 0 ? 0 : index.readUInt32BE(8)
  if (frames === 0) return null
  const hasBytes = (flags & 2) !== 0
  const lengths = [hasBytes ? 4 : 0, (flags & 4) === 0 ? 0 : 100, (flags & 8) === 0 ? 0 : 4]
  const lameAt = lengths.reduce((sum, length) => sum + length, 12)
  const bytes = hasBytes ? index.readUInt32BE(12) || undefined : undefined
  return { frames, bytes, padding: lamePadding(index, lameAt) }
}

function lamePadding(bytes: Buffer, at: number): number {
  if (
    bytes.length < at + 24 ||
    !/^(?:LAME|Lav[fc]|GOGO)/.test(bytes.toString('latin1', at, at + 4))
  )
    return 0
  const delays = bytes.readUIntBE(at + 21, 3)
  return (delays >> 12) + (delays & 0xfff)
}

/** What frames from the beginning and other places let one conclude; `known` holds at least the first one. */
function* sampled(
  file: SparseFile,
  stream: ByteRange,
  known: readonly Frame[],
): Reading<Sound | null> {
  const [first] = known
  if (first === undefined) return null
  const bytes = stream.end - stream.start
  const middle = yield* sample(file, stream, stream.start + Math.floor(bytes / 2))
  const frames = [...known, ...framesIn(middle, first)]
  const isConstant = !first.isAdts && frames.every((frame) => frame.bitrate === first.bitrate)
  if (isConstant) return soundOf(first, Math.round((bytes * 8_000) / first.bitrate), first.bitrate)
  const places = Array.from({ length: samplePlaces }, (_, index) =>
    rangeAt(stream, stream.start + Math.floor((bytes * (index + 0.5)) / samplePlaces)),
  )
  const [one, ...others] = places
  if (one !== undefined) yield* demand(file, one, others)
  for (const place of places) frames.push(...framesIn(yield* demand(file, place), first))
  const bitrate = frames.reduce((sum, frame) => sum + frame.bitrate, 0) / Math.max(1, frames.length)
  const durationMs = Math.round((bytes * 8_000) / bitrate)
  return { ...soundOf(first, durationMs, Math.round(bitrate)), isDurationEstimated: true }
}

function* sample(file: SparseFile, stream: ByteRange, at: number): Reading<Buffer> {
  return yield* demand(file, rangeAt(stream, at))
}

function rangeAt(stream: ByteRange, at: number): ByteRange {
  return { start: at, end: Math.min(stream.end, at + sampleBytes) }
}

/** The frames in a piece from anywhere in the stream. */
function framesIn(bytes: Buffer, first: Frame): Frame[] {
  const frames: Frame[] = []
  let at = firstFrame(bytes)
  for (
    let frame = at < 0 ? null : frameAt(bytes, at);
    frame !== null && isAlike(frame, first);
    frame = frameAt(bytes, at)
  ) {
    frames.push(frame)
    at += frame.bytes
  }
  return frames
}

function soundOf(frame: Frame, durationMs: number | undefined, bitrate: number | undefined): Sound {
  const { codec, sampleRate, channels } = frame
  return {
    codec,
    isLossless: false,
    isDurationEstimated: false,
    durationMs,
    bitrate,
    sampleRate,
    channels: channels === 0 ? undefined : channels,
  }
}

const frameHeaderBytes = 7
/** Bytes searched for the first frame. */
const maxJunkBytes = 65_536
/** Bytes read at each place where a stream is sampled: two frames and more at any bitrate. */
const sampleBytes = 4_096
const samplePlaces = 8

/** The number of MPEG version 1. */
const newest = 3
/** By version: 2.5, reserved, 2, 1. */
const sampleRates = [
  [11_025, 12_000, 8_000],
  [],
  [22_050, 24_000, 16_000],
  [44_100, 48_000, 32_000],
]
const adtsRates = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
  7_350,
]
/** Kilobits: version 1 by layer, then version 2 layer 1, then version 2 layers 2 and 3. */
const bitrates = [
  [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
]
