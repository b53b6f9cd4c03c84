import type { Buffer } from 'node:buffer'
import type { CoverPlace, Tags } from '../tags.ts'

/** What a survey found in a file: how it sounds, its tags in short, and where its picture lies. */
export interface Findings {
  readonly sound?: Sound
  /** The beginning of a rare container instead, whose parser tells how it sounds and its tags as well. */
  readonly whole?: TagBlock
  /** Bytes of the file that `whole` is the beginning of. */
  readonly wholeSize?: number
  /** The first one that knows a field decides it. */
  readonly blocks: readonly TagBlock[]
  readonly cover?: CoverPlace | undefined
}

/** The part of `Tags` that the audio itself tells. */
export type Sound = Pick<Tags, 'codec' | 'isLossless' | 'isDurationEstimated'> & {
  readonly [Field in 'durationMs' | 'bitrate' | 'sampleRate' | 'bitsPerSample' | 'channels']?:
    | Tags[Field]
    | undefined
}

/**
 * Tags of one kind, written as a file that holds nothing else: without audio, pictures, padding and private
 * frames. A few hundred bytes where the original has megabytes, and of a shape that we made ourselves.
 */
export interface TagBlock {
  /** The type by which the tag parser knows the container. */
  readonly mime: string
  readonly bytes: Buffer
}

/** A picture that was come across; the front cover is preferred, then the first. */
export interface Picture {
  readonly place: CoverPlace
  readonly isFront: boolean
}

export function betterPicture(held: Picture | undefined, found: Picture): Picture {
  return held === undefined || (found.isFront && !held.isFront) ? found : held
}

/** The average of a stream, or nothing when either is unknown. */
export function bitsPerSecond(bytes: number, durationMs: number | undefined): number | undefined {
  if (durationMs === undefined || durationMs <= 0 || bytes <= 0) return undefined
  return Math.round((bytes * 8_000) / durationMs)
}

/** Milliseconds that so many samples last, or nothing when that is not known. */
export function durationOf(samples: number, sampleRate: number): number | undefined {
  return samples > 0 && sampleRate > 0 ? Math.round((samples * 1_000) / sampleRate) : undefined
}

/** Bytes of one text, frame or chunk that are worth reading; what is longer is passed over. */
export const maxFieldBytes = 16_384
