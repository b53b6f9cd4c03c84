import { Buffer } from 'node:buffer'
import { SyncError } from '../../base/errors.ts'
import {
  type Findings,
  type Picture,
  type Sound,
  bitsPerSecond,
  maxFieldBytes,
} from './findings.ts'
import { type Reading, type SparseFile, demand, wish } from './sparse-file.ts'

/** A Windows Media file (Advanced Systems Format, 3): the objects of its header that hold facts and texts. */
export function* asf(file: SparseFile): Reading<Findings> {
  const header = yield* demand(file, { start: 0, end: 30 })
  const end = Math.min(file.size, Number(header.readBigUInt64LE(16)))
  const found: Found = { kept: [] }
  let at = 30
  for (let count = 0; count < maxObjects && at + 24 <= end; count++) {
    const head = yield* wish(file, { start: at, end: at + 24 }, [
      { start: at, end: at + aheadBytes },
    ])
    if (head === null || head.length < 24) break
    const size = Number(head.readBigUInt64LE(16))
    if (size < 24 || at + size > end) break
    yield* object(file, { name: head.toString('hex', 0, 4), start: at, end: at + size }, found)
    at += size
  }
  const { sound, durationMs } = found
  if (sound === undefined) {
    throw new SyncError(
      'not-audio',
      `${file.name} is a Windows Media file without an audio stream.`,
    )
  }
  return {
    sound: { ...sound, durationMs, bitrate: bitsPerSecond(file.size - end, durationMs) },
    blocks: found.kept.length === 0 ? [] : [{ mime: 'audio/x-ms-asf', bytes: asfFile(found.kept) }],
    cover: found.picture?.place,
  }
}

interface Found {
  sound?: Sound
  durationMs?: number
  picture?: Picture | undefined
  readonly kept: Buffer[]
}

interface AsfObject {
  /** The first four bytes of its GUID, which tell all objects of a header apart. */
  readonly name: string
  readonly start: number
  readonly end: number
}

function* object(file: SparseFile, object: AsfObject, found: Found): Reading<void> {
  const read = readers[object.name]
  if (read === undefined || object.end - object.start > maxObjectBytes) return
  const bytes = yield* wish(file, object)
  if (bytes !== null) read(bytes, found, object.start)
}

/** WAVEFORMATEX of the stream. */
function soundOf(format: Buffer): Sound {
  const tag = format.readUInt16LE(0)
  const isLossless = tag === 0x163
  return {
    codec: tag === 1 ? 'pcm' : 'wma',
    isLossless: isLossless || tag === 1,
    isDurationEstimated: false,
    sampleRate: format.readUInt32LE(4),
    channels: format.readUInt16LE(2),
    bitsPerSample: isLossless ? format.readUInt16LE(14) : undefined,
  }
}

/** The extended descriptions without pictures; the place of a picture is remembered. */
function textsOf(bytes: Buffer, fileStart: number, found: Found): Buffer {
  const kept: Buffer[] = []
  const count = Math.min(bytes.readUInt16LE(24), maxDescriptors)
  let at = 26
  for (let index = 0; index < count && at + 2 <= bytes.length; index++) {
    const nameEnd = at + 2 + bytes.readUInt16LE(at)
    const valueStart = nameEnd + 4
    if (valueStart > bytes.length) break
    const end = valueStart + bytes.readUInt16LE(nameEnd + 2)
    if (end > bytes.length) break
    const isPicture = bytes.toString('utf16le', at + 2, nameEnd).startsWith('WM/Picture')
    if (!isPicture && end - at <= maxFieldBytes) kept.push(bytes.subarray(at, end))
    if (isPicture)
      found.picture ??=
        pictureIn(bytes.subarray(valueStart, end), fileStart + valueStart) ?? undefined
    at = end
  }
  const header = Buffer.from(bytes.subarray(0, 26))
  header.writeBigUInt64LE(BigInt(kept.reduce((sum, item) => sum + item.length, 26)), 16)
  header.writeUInt16LE(kept.length, 24)
  return Buffer.concat([header, ...kept])
}

/** WM/Picture: kind, length, type and description in UTF-16 with zeros, picture. */
function pictureIn(value: Buffer, fileStart: number): Picture | null {
  if (value.length < 9) return null
  let at = 5
  const texts: string[] = []
  for (let begin = at; texts.length < 2 && at + 1 < value.length; at += 2) {
    if (value.readUInt16LE(at) !== 0) continue
    texts.push(value.toString('utf16le', begin, at))
    begin = at + 2
  }
  const [mime, description] = texts
  if (mime === undefined || description === undefined) return null
  const place = { start: fileStart + at, end: fileStart + value.length, mime, form: 'raw' as const }
  return { place, isFront: value.readUInt8(0) === 3 }
}

function asfFile(kept: readonly Buffer[]): Buffer {
  const header = Buffer.concat([Buffer.from(headerGuid, 'hex'), Buffer.alloc(14)])
  header.writeBigUInt64LE(
    BigInt(kept.reduce((sum, object) => sum + object.length, header.length)),
    16,
  )
  header.writeUInt32LE(kept.length, 24)
  header.writeUInt16LE(0x0201, 28)
  return Buffer.concat([header, ...kept])
}

/** The header object's GUID, as it is stored. */
export const headerGuid = '3026b2758e66cf11a6d900aa0062ce6c'
const audioMedia = '409e69f8'

/** By the beginning of the GUID: file properties, stream properties, content description and the extended one. */
const readers: Readonly<Record<string, (bytes: Buffer, found: Found, start: number) => void>> = {
  a1dcab8c: (bytes, found) => {
    const playedMs = Number(bytes.readBigUInt64LE(64)) / 10_000 - Number(bytes.readBigUInt64LE(80))
    if (playedMs > 0) found.durationMs = Math.round(playedMs)
  },
  '9107dcb7': (bytes, found) => {
    if (bytes.toString('hex', 24, 28) === audioMedia) found.sound ??= soundOf(bytes.subarray(78))
  },
  '3326b275': (bytes, found) => {
    found.kept.push(bytes)
  },
  '40a4d0d2': (bytes, found, start) => {
    found.kept.push(textsOf(bytes, start, found))
  },
}

/** Objects looked at in one header. */
const maxObjects = 200
const maxDescriptors = 500
/** Bytes of an object that are worth reading: its texts are counted in 16 bits each. */
const maxObjectBytes = 262_144
/** Bytes read at once in the middle of the header. */
const aheadBytes = 4_096
