import { type IAudioMetadata, parseBuffer } from 'music-metadata'
import type { Batch } from '../../base/thread.ts'
import type { Sound } from './findings.ts'
import { type NativeTag, type Texts, textsOf } from './texts.ts'

/** Files that a thread is given at once. */
export type FileBatch = Batch<Job>

export interface Job {
  readonly blocks: readonly Slice[]
  /** Size of the file; where it is given the first block is a whole container, whose sound is wanted as well. */
  readonly wholeSize?: number
}

export interface Slice {
  readonly mime: string
  readonly start: number
  readonly end: number
}

export interface Answer {
  readonly texts: Texts
  /** Only of a whole container that could be read. */
  readonly sound?: Sound
}

/** Parses the blocks of one file. A block that makes no sense says nothing: the others, and the audio, still count. */
export async function parseJob(bytes: Uint8Array, job: Job): Promise<Answer> {
  const blocks: NativeTag[][] = []
  let sound: Sound | undefined
  for (const [index, block] of job.blocks.entries()) {
    const isWhole = index === 0 && job.wholeSize !== undefined
    const parsed = await parse(
      bytes.subarray(block.start, block.end),
      block.mime,
      isWhole ? job.wholeSize : undefined,
    )
    if (parsed === null) continue
    blocks.push(Object.values(parsed.native).flat())
    if (isWhole) sound = soundOf(parsed)
  }
  return { texts: textsOf(blocks), ...(sound === undefined ? {} : { sound }) }
}

async function parse(
  bytes: Uint8Array,
  mimeType: string,
  size = bytes.length,
): Promise<IAudioMetadata | null> {
  try {
    return await parseBuffer(bytes, { mimeType, size }, { skipCovers: true, duration: false })
  } catch {
    return null
  }
}

function soundOf({ format }: IAudioMetadata): Sound | undefined {
  if (format.codec === undefined && format.sampleRate === undefined) return undefined
  return {
    codec: (format.codec ?? format.container ?? 'unknown').toLowerCase(),
    isLossless: format.lossless ?? false,
    isDurationEstimated: false,
    durationMs: format.duration === undefined ? undefined : Math.round(format.duration * 1_000),
    bitrate: format.bitrate === undefined ? undefined : Math.round(format.bitrate),
    sampleRate: format.sampleRate,
    bitsPerSample: format.bitsPerSample,
    channels: format.numberOfChannels,
  }
}
