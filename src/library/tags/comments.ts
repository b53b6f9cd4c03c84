import { Buffer } from 'node:buffer'
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
  const kept: Buffer[] = []
  let picture: Picture | undefined
  let hasTitle = false
  const vendor = yield* run.read(0, 4)
  let at = 8 + (vendor?.readUInt32LE(0) ?? 0)
  const counted = yield* run.read(at - 4, at)
  const count = Math.min(counted?.length === 4 ? counted.readUInt32LE(0) : 0, maxComments)
  for (let index = 0; index < count && at + 4 <= run.length; index++) {
    const size = (yield* run.read(at, at + 4))?.readUInt32LE(0)
    if (size === undefined || at + 4 + size > run.length) break
    const start = at + 4
    const end = start + size
    at = end
    const key = yield* run.read(start, Math.min(end, start + pictureKey.length))
    if (key === null) break
    if (key.toString('latin1').toUpperCase() === pictureKey) {
      const place = run.placeOf(start + pictureKey.length, end)
      const mime = yield* mimeOf(run, start + pictureKey.length)
      picture = betterPicture(picture, {
        place: { ...place, mime: mime.type },
        isFront: mime.isFront,
      })
      if (stopsAtPicture && hasTitle) break
    } else if (size <= maxFieldBytes) {
      const bytes = yield* run.read(start, end)
      if (bytes === null) break
      kept.push(bytes)
      hasTitle ||= isTitle(bytes)
    }
  }
  return { block: commentBlock(kept), picture }
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
