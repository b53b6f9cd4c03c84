import { Buffer } from 'node:buffer'
import { SyncError } from '../../base/errors.ts'
import type { ByteRange } from '../../engine/source.ts'
import { asf, headerGuid } from './asf.ts'
import { extensionOf } from './audio-names.ts'
import { chunks } from './chunks.ts'
import { type Findings, type Picture, type TagBlock, betterPicture } from './findings.ts'
import { flac } from './flac.ts'
import { id3v2 } from './id3v2.ts'
import { lossless } from './lossless.ts'
import { firstFrameBytes, mpeg } from './mpeg.ts'
import { mp4 } from './mp4.ts'
import { ogg, tailBytes as oggTailBytes } from './ogg.ts'
import { type Reading, type SparseFile, demand } from './sparse-file.ts'
import { tailBytes, tailRange, tailTags } from './tail-tags.ts'

/**
 * Finds what a file says of itself with as few bytes as can be. The name only decides what is read first; what the
 * file is, its bytes decide. Throws SyncError `not-audio` or `unparsable`, or a RangeError where bytes end too soon.
 */
export function* survey(file: SparseFile): Reading<Findings> {
  yield* demand(file, { start: 0, end: headOf(file) }, tailOf(file))
  const front = yield* frontTags(file)
  const magic = yield* demand(file, { start: front.end, end: front.end + magicBytes })
  if (magic.length < magicBytes) throw new SyncError('not-audio', `${file.name} holds no audio.`)
  const found = yield* container(file, front.end, magic.toString('latin1'))
  const own = found ?? (yield* bareAudio(file, front))
  const blocks = found === null ? own.blocks : [...own.blocks, ...front.blocks]
  return { ...own, blocks, cover: own.cover ?? front.picture?.place }
}

interface FrontTags {
  readonly end: number
  readonly blocks: readonly TagBlock[]
  readonly picture: Picture | undefined
  readonly hasTitle: boolean
}

function* frontTags(file: SparseFile): Reading<FrontTags> {
  const blocks: TagBlock[] = []
  let picture: Picture | undefined
  let hasTitle = false
  let end = 0
  for (let count = 0; count < maxFrontTags; count++) {
    const tag = yield* id3v2(file, end, firstFrameBytes)
    if (tag === null) break
    if (tag.end >= file.size) {
      throw new SyncError('unparsable', `${file.name} has a tag that is larger than the file.`)
    }
    if (tag.block !== undefined) blocks.push(tag.block)
    if (tag.picture !== undefined) picture = betterPicture(picture, tag.picture)
    hasTitle ||= tag.hasTitle
    end = tag.end
    yield* demand(file, { start: end, end: end + magicBytes }, behind(file, end, hasTitle))
  }
  return { end, blocks, picture, hasTitle }
}

/** What bare audio will be asked for next, read along where the first bytes behind a tag are not known. */
function behind(file: SparseFile, end: number, hasTitle: boolean): ByteRange[] {
  const frame = { start: end, end: end + firstFrameBytes }
  return hasTitle ? [frame] : [frame, tailRange(file)]
}

/** What the first bytes (behind an ID3 tag, if there is one) say; null when they are no container's. */
function* container(file: SparseFile, start: number, magic: string): Reading<Findings | null> {
  const name = magic.slice(0, 4)
  if (name === 'fLaC') return yield* flac(file, start)
  if (name === 'OggS') return yield* ogg(file, start)
  if (name === 'wvpk' || name === 'MAC ') return yield* lossless(file, start)
  return start > 0 ? null : yield* wholeContainer(file, magic)
}

/** A container that no ID3 tag stands in front of. */
function* wholeContainer(file: SparseFile, magic: string): Reading<Findings | null> {
  if (mp4Boxes.has(magic.slice(4, 8))) return yield* mp4(file)
  if (/^(?:RIFF|RF64).{4}WAVE/s.test(magic) || /^FORM.{4}AIF[FC]/s.test(magic))
    return yield* chunks(file)
  if (magic === headerMagic) return yield* asf(file)
  const rare = rareMagics.find(([begin]) => magic.startsWith(begin))
  return rare === undefined ? null : yield* rareFile(file, rare[1])
}

/** MPEG audio or ADTS; the tags at the end are read only where no title stands in front (docs/adr/0005). */
function* bareAudio(file: SparseFile, front: FrontTags): Reading<Findings> {
  const tail = front.hasTitle ? null : yield* tailTags(file)
  const sound = yield* mpeg(file, front.end, tail?.start ?? file.size)
  if (sound === null) {
    throw new SyncError('not-audio', `${file.name} holds no audio that is understood.`)
  }
  const cover = front.picture?.place ?? tail?.picture?.place
  return { sound, blocks: [...front.blocks, ...(tail?.blocks ?? [])], cover }
}

/** A container that only the tag parser knows: it gets the beginning of the file, and what stands at its end. */
function* rareFile(file: SparseFile, mime: string): Reading<Findings> {
  const bytes = yield* demand(file, { start: 0, end: rareHeadBytes })
  const tail = yield* tailTags(file)
  return {
    whole: { mime, bytes },
    wholeSize: file.size,
    blocks: tail.blocks,
    cover: tail.picture?.place,
  }
}

function headOf(file: SparseFile): number {
  return mp4Names.has(extensionOf(file.name)) ? mp4HeadBytes : headBytes
}

/** What to read at the end together with the beginning, by what the name promises. */
function tailOf(file: SparseFile): ByteRange[] {
  const bytes = tails[extensionOf(file.name)]
  return bytes === undefined ? [] : [{ start: Math.max(0, file.size - bytes), end: file.size }]
}

/** Bytes read in front of every other file: the tags of most, without their pictures. */
const headBytes = 4_096
/** Bytes in front of MPEG-4: how the audio sounds or where `moov` is; the tags lie farther off in either case. */
const mp4HeadBytes = 2_048
/** Bytes that tell a container. */
const magicBytes = 16
/** Bytes of a rare container that its parser gets to see. */
const rareHeadBytes = 65_536
/** ID3 tags one behind the other. */
const maxFrontTags = 3
const tails: Readonly<Record<string, number>> = {
  ogg: oggTailBytes,
  oga: oggTailBytes,
  opus: oggTailBytes,
  spx: oggTailBytes,
  ape: tailBytes,
  wv: tailBytes,
  mpc: tailBytes,
}
const mp4Names = new Set(['m4a', 'm4b', 'm4r'])
const mp4Boxes = new Set(['ftyp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot'])
const headerMagic = Buffer.from(headerGuid, 'hex').toString('latin1')
const rareMagics: readonly (readonly [string, string])[] = [
  ['\u001aE\u00df\u00a3', 'audio/matroska'],
  ['MPCK', 'audio/musepack'],
  ['MP+', 'audio/musepack'],
  ['DSD ', 'audio/dsf'],
  ['FRM8', 'audio/dsdiff'],
]
