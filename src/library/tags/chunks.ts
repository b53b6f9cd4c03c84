import { Buffer, isUtf8 } from 'node:buffer'
import { SyncError } from '../../base/errors.ts'
import {
  type Findings,
  type Picture,
  type Sound,
  type TagBlock,
  betterPicture,
  bitsPerSecond,
  durationOf,
  maxFieldBytes,
} from './findings.ts'
import { commentBlock } from './comments.ts'
import { id3v2 } from './id3v2.ts'
import { type Reading, type SparseFile, demand, wish } from './sparse-file.ts'

/** A WAV file (RIFF, little-endian) or AIFF file (FORM, big-endian): format, length of the audio, texts and an ID3 tag. */
export function* chunks(file: SparseFile): Reading<Findings> {
  const form = yield* demand(file, { start: 0, end: 12 })
  const isWave = form.toString('latin1', 0, 1) === 'R'
  const found = yield* everyChunk(file, isWave)
  const { format, audioBytes } = found
  if (format === undefined) {
    throw new SyncError('unparsable', `${file.name} does not say how its audio is stored.`)
  }
  const sound = isWave ? waveSound(format, audioBytes) : aiffSound(format)
  const bitrate = sound.bitrate ?? bitsPerSecond(audioBytes, sound.durationMs)
  const texts = commentBlock(found.texts)
  const blocks = texts === undefined ? found.blocks : [...found.blocks, texts]
  return { sound: { ...sound, bitrate }, blocks, cover: found.picture?.place }
}

function* everyChunk(file: SparseFile, isWave: boolean): Reading<Found> {
  const found: Found = { texts: [], blocks: [], audioBytes: 0 }
  let at = 12
  for (let count = 0; count < maxChunks && at + 8 <= file.size; count++) {
    const header = yield* wish(file, { start: at, end: at + 8 }, [
      { start: at, end: at + aheadBytes },
    ])
    if (header === null) break
    const size = isWave ? header.readUInt32LE(4) : header.readUInt32BE(4)
    const end = Math.min(file.size, at + 8 + size)
    yield* chunk(file, { id: header.toString('latin1', 0, 4), start: at + 8, end }, found)
    // RF64 has no size here: the audio is taken to be the rest of the file.
    if (size === unknownSize) break
    at += 8 + size + (size & 1)
  }
  return found
}

interface Found {
  format?: Buffer
  audioBytes: number
  picture?: Picture
  readonly texts: Buffer[]
  readonly blocks: TagBlock[]
}

interface Chunk {
  readonly id: string
  readonly start: number
  readonly end: number
}

function* chunk(file: SparseFile, chunk: Chunk, found: Found): Reading<void> {
  const { id, start, end } = chunk
  if (id === 'data' || id === 'SSND') found.audioBytes = end - start
  if (id === 'ID3 ' || id === 'id3 ') yield* tagChunk(file, start, found)
  if (!readChunks.has(id) || end - start > maxFieldBytes) return
  const body = yield* wish(file, chunk)
  if (body === null) return
  if (id === 'fmt ' || id === 'COMM') found.format ??= body
  else if (id === 'LIST') found.texts.push(...infoTexts(body))
  else found.texts.push(namedText(id, body))
}

function* tagChunk(file: SparseFile, start: number, found: Found): Reading<void> {
  const tag = yield* id3v2(file, start, 0)
  if (tag?.block !== undefined) found.blocks.push(tag.block)
  if (tag?.picture !== undefined) found.picture = betterPicture(found.picture, tag.picture)
}

/** WAVEFORMATEX; in the extensible kind the true format stands at 24. */
function waveSound(format: Buffer, audioBytes: number): Sound {
  const tag = format.readUInt16LE(0)
  const kind = tag === 0xfffe && format.length >= 26 ? format.readUInt16LE(24) : tag
  const sampleRate = format.readUInt32LE(4)
  const bytesPerSecond = format.readUInt32LE(8)
  const isPcm = kind === 1 || kind === 3
  return {
    codec: waveCodecs[kind] ?? `wav-${kind.toString(16)}`,
    isLossless: isPcm,
    isDurationEstimated: false,
    durationMs: durationOf(audioBytes, bytesPerSecond),
    bitrate: bytesPerSecond === 0 ? undefined : bytesPerSecond * 8,
    sampleRate,
    channels: format.readUInt16LE(2),
    bitsPerSample: isPcm ? format.readUInt16LE(14) : undefined,
  }
}

/** COMM: channels, frames, bits, and the rate as an 80-bit float; AIFC adds the compression. */
function aiffSound(format: Buffer): Sound {
  const compression = format.length >= 22 ? format.toString('latin1', 18, 22) : 'NONE'
  const isPcm = [
    'NONE',
    'twos',
    'sowt',
    'fl32',
    'FL32',
    'fl64',
    'FL64',
    'in24',
    'in32',
    'raw ',
  ].includes(compression)
  const sampleRate = Math.round(
    format.readUInt32BE(10) * 2 ** ((format.readUInt16BE(8) & 0x7fff) - 16_383 - 31),
  )
  return {
    codec: isPcm ? 'pcm' : compression.trim().toLowerCase(),
    isLossless: isPcm,
    isDurationEstimated: false,
    durationMs: durationOf(format.readUInt32BE(2), sampleRate),
    sampleRate,
    channels: format.readUInt16BE(0),
    bitsPerSample: isPcm ? format.readUInt16BE(6) : undefined,
  }
}

/** The texts of an INFO list: a name of four letters, a size and the text, each. */
function* infoTexts(list: Buffer): Generator<Buffer> {
  if (list.toString('latin1', 0, 4) !== 'INFO') return
  for (let at = 4; at + 8 <= list.length;) {
    const size = list.readUInt32LE(at + 4)
    yield namedText(list.toString('latin1', at, at + 4), list.subarray(at + 8, at + 8 + size))
    at += 8 + size + (size & 1)
  }
}

/** As a comment. Nothing says which letters a text is in: those that make no sense as UTF-8 are taken for Latin ones. */
function namedText(name: string, stored: Buffer): Buffer {
  const text = isUtf8(stored) ? stored.toString() : stored.toString('latin1')
  return Buffer.from(`${name}=${text}`)
}

const readChunks = new Set(['fmt ', 'COMM', 'LIST', 'NAME', 'AUTH', 'ANNO', '(c) '])
const waveCodecs: Readonly<Record<number, string>> = {
  1: 'pcm',
  3: 'pcm',
  2: 'adpcm',
  6: 'alaw',
  7: 'ulaw',
  17: 'adpcm',
  80: 'mp2',
  85: 'mp3',
  255: 'aac',
}
const unknownSize = 0xff_ff_ff_ff
/** Chunks looked at in one file. */
const maxChunks = 256
/** Bytes read at once behind the audio. */
const aheadBytes = 4_096
