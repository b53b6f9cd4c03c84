import { Buffer } from 'node:buffer'
import type { ByteRange } from '../../engine/source.ts'
import type { CoverPlace } from '../tags.ts'
import { type Picture, type TagBlock, betterPicture, maxFieldBytes } from './findings.ts'
import type { Reading } from './sparse-file.ts'

/** A run of bytes that may lie in pieces in its file. */
export interface Run {
  readonly length: number
  /** Bytes of the run, or null when they are out of reach. */
  read(start: number, end: number): Reading<Buffer | null>
  /** Where in the file a picture in base64 lies that is at this place in the run. */
  placeOf(start: number, end: number): CoverPlace
}

export interface Comments {
  readonly block: TagBlock | undefined
  readonly picture: Picture | undefined
}

/**
 * Reads Vorbis comments (xiph.org: Vorbis I, 5), stepping over pictures. With `stopsAtPicture` nothing
 * behind a picture is read once a title is known: in Ogg it would cost many small reads.
 */
export function* comments(run: Run, stopsAtPicture: boolean): Reading<Comments> {
  const found: Found = { kept: [], picture: undefined, hasTitle: false }
  const vendorBytes = (yield* numberAt(run, 0)) ?? run.length
  const count = Math.min((yield* numberAt(run, 4 + vendorBytes)) ?? 0, maxComments)
  let at = 8 + vendorBytes
  for (let index = 0; index < count && at + 4 <= run.length; index++) {
    const size = yield* numberAt(run, at)
    if (size === undefined || at + 4 + size > run.length) break
    const comment = { start: at + 4, end: at + 4 + size }
    const kind = yield* take(run, comment, found)
    if (kind === null || (kind === 'picture' && stopsAtPicture && found.hasTitle)) break
    at = comment.end
  }
  return { block: commentBlock(found.kept), picture: found.picture }
}

interface Found {
  readonly kept: Buffer[]
  picture: Picture | undefined
  hasTitle: boolean
}

function* numberAt(run: Run, at: number): Reading<number | undefined> {
  return (yield* run.read(at, at + 4))?.readUInt32LE(0)
}

/** Takes in one comment, and says what it was; null when it is out of reach. */
function* take(
  run: Run,
  { start, end }: ByteRange,
  found: Found,
): Reading<'text' | 'picture' | null> {
  const pictureStart = start + pictureKey.length
  const key = yield* run.read(start, Math.min(end, pictureStart))
  if (key === null) return null
  if (key.toString('latin1').toUpperCase() === pictureKey) {
    const { type, isFront } = yield* mimeOf(run, pictureStart)
    const place = { ...run.placeOf(pictureStart, end), mime: type }
    found.picture = betterPicture(found.picture, { place, isFront })
    return 'picture'
  }
  if (end - start > maxFieldBytes) return 'text'
  const bytes = yield* run.read(start, end)
  if (bytes === null) return null
  found.kept.push(bytes)
  found.hasTitle ||= isTitle(bytes)
  return 'text'
}

/** The kind and type that a picture block in base64 begins with. */
function* mimeOf(run: Run, start: number): Reading<{ type: string; isFront: boolean }> {
  const text = yield* run.read(start, Math.min(run.length, start + pictureHeadBytes))
  const head = Buffer.from(text?.toString('latin1') ?? '', 'base64')
  if (head.length < 8) return { type: '', isFront: false }
  const end = 8 + Math.min(head.readUInt32BE(4), maxMimeBytes)
  return { type: head.toString('latin1', 8, end), isFront: head.readUInt32BE(0) === frontCover }
}

function isTitle(comment: Buffer): boolean {
  return comment.toString('latin1', 0, 6).toUpperCase() === 'TITLE='
}

/** Comments (`NAME=text` in UTF-8) as a FLAC file without audio: the smallest thing that holds them. */
export function commentBlock(kept: readonly Buffer[]): TagBlock | undefined {
  if (kept.length === 0) return undefined
  const body = [
    uint32(0),
    uint32(kept.length),
    ...kept.flatMap((text) => [uint32(text.length), text]),
  ]
  const length = body.reduce((sum, part) => sum + part.length, 0)
  const header = Buffer.alloc(4)
  header.writeUInt32BE(lastCommentBlock + length)
  return { mime: 'audio/flac', bytes: Buffer.concat([emptyFlac, header, ...body]) }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** `fLaC` and a STREAMINFO of zeros. */
const emptyFlac = Buffer.from(`664c614300000022${'00'.repeat(34)}`, 'hex')
/** Type and flag of a block of comments that is the last one, above its length. */
const lastCommentBlock = 0x84_00_00_00
const pictureKey = 'METADATA_BLOCK_PICTURE='
const frontCover = 3
/** Characters of base64 that hold a picture's kind and type. */
const pictureHeadBytes = 96
const maxMimeBytes = 48
/** Comments looked at in one file. */
const maxComments = 1_000
