import { SyncError } from '../../base/errors.ts'
import type { ByteRange } from '../../engine/source.ts'
import type { Tags } from '../tags.ts'
import type { Findings, Sound } from './findings.ts'
import { type Reading, SparseFile } from './sparse-file.ts'
import { survey } from './survey.ts'
import type { TagParser } from './tag-parser.ts'

/** Exactly the bytes asked for. Ends soon after its signal is aborted, whoever gave it that. */
export type Fetch = (range: ByteRange) => Promise<Uint8Array>

/**
 * What a file says of itself, read with as few requests and bytes as can be: at most `maxRounds` one after the
 * other and `maxBytes` together, whatever the file holds. Throws SyncError `not-audio` or `unparsable`, `changed`
 * when the file turns out to be shorter than `size`, what the parser throws, and what `fetch` throws.
 */
export async function readTags(
  file: { readonly name: string; readonly size: number },
  fetch: Fetch,
  parser: TagParser,
  signal: AbortSignal,
): Promise<Tags> {
  const sparse = new SparseFile(file.name, file.size)
  const findings = await finish(sparse, fetch, signal)
  const isSilent = findings.blocks.length === 0 && findings.whole === undefined
  const answer = isSilent ? noAnswer : await parser.parse(file.name, findings, signal)
  const sound = findings.sound ?? answer.sound
  if (sound === undefined) {
    throw new SyncError('unparsable', `${file.name} holds no audio that is understood.`)
  }
  const { cover } = findings
  return { ...answer.texts, ...soundFields(sound), ...(cover === undefined ? {} : { cover }) }
}

/** Requests one after the other for one file. */
export const maxRounds = 12
/** Bytes read of one file. */
export const maxBytes = 1_048_576

/** Runs a survey, reading what it asks for. */
async function finish(file: SparseFile, fetch: Fetch, signal: AbortSignal): Promise<Findings> {
  const reading = survey(file)
  let bytes = 0
  for (let round = 0; ; round++) {
    signal.throwIfAborted()
    const step = advance(reading, file)
    if (step.done === true) return step.value
    const ranges = unknownRanges(file, step.value)
    bytes += ranges.reduce((sum, range) => sum + range.end - range.start, 0)
    if (round >= maxRounds || bytes > maxBytes) {
      throw new SyncError(
        'unparsable',
        `The tags of ${file.name} are scattered over more than can be read.`,
      )
    }
    const parts = await Promise.all(
      ranges.map(async (range) => ({ range, part: await fetch(range) })),
    )
    for (const { range, part } of parts) {
      if (part.length !== range.end - range.start) {
        throw new SyncError(
          'changed',
          `${file.name} ends before the ${file.size} bytes it was listed with.`,
        )
      }
      file.add(range.start, part)
    }
  }
}

/** One step of a survey. Looking for a number where the bytes have ended is how a damaged file shows. */
function advance(
  reading: Reading<Findings>,
  file: SparseFile,
): IteratorResult<readonly ByteRange[], Findings> {
  try {
    return reading.next()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new SyncError('unparsable', `${file.name} is damaged or cut short.`, { cause: error })
  }
}

/** What of these ranges is not known yet, within the file, near neighbours as one. */
function unknownRanges(file: SparseFile, wanted: readonly ByteRange[]): ByteRange[] {
  const ranges: { start: number; end: number }[] = []
  const inside = wanted.map(({ start, end }) => ({
    start: Math.max(0, start),
    end: Math.min(end, file.size),
  }))
  for (const range of inside.toSorted((one, other) => one.start - other.start)) {
    const last = ranges.at(-1)
    if (last !== undefined && range.start <= last.end + neighbourBytes)
      last.end = Math.max(last.end, range.end)
    else if (range.start < range.end) ranges.push(range)
  }
  return ranges.flatMap((range) => withoutKnown(file, range))
}

/** A range without what is known at its beginning and end. */
function withoutKnown(file: SparseFile, range: ByteRange): ByteRange[] {
  let { start, end } = range
  for (const segment of file.segments) {
    const segmentEnd = segment.start + segment.bytes.length
    if (segment.start <= start && segmentEnd > start) start = segmentEnd
    if (segment.start < end && segmentEnd >= end) end = segment.start
  }
  return start < end ? [{ start, end }] : []
}

function soundFields(
  sound: Sound,
): Pick<Tags, 'codec' | 'isLossless' | 'isDurationEstimated'> & Partial<Tags> {
  const { durationMs, bitrate, sampleRate, bitsPerSample, channels } = sound
  return {
    codec: sound.codec,
    isLossless: sound.isLossless,
    isDurationEstimated: sound.isDurationEstimated,
    ...sane('durationMs', durationMs, maxDurationMs),
    ...sane('bitrate', bitrate, 1_000_000_000),
    ...sane('sampleRate', sampleRate, 100_000_000),
    ...sane('bitsPerSample', bitsPerSample, 64),
    ...sane('channels', channels, 255),
  }
}

function sane<Name extends string>(
  name: Name,
  value: number | undefined,
  most: number,
): { [Field in Name]?: number } {
  if (value === undefined || !(value > 0) || value > most) return {}
  return { [name]: value } as { [Field in Name]: number }
}

const noAnswer = { texts: { artists: [], genres: [], isCompilation: false }, sound: undefined }
/** Bytes between two ranges that are read rather than asked about twice. */
const neighbourBytes = 2_048
/** A thousand hours. */
const maxDurationMs = 3_600_000_000
