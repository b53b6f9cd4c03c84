import { Buffer } from 'node:buffer'
import type { ByteRange } from '../../engine/source.ts'

/** A file of which some bytes are known. Segments never touch each other; there are as many as there were reads, at most. */
export class SparseFile {
  readonly name: string
  readonly size: number
  /** Times that something was added: what optional reads are limited by. */
  reads = 0
  #segments: Segment[] = []

  constructor(name: string, size: number) {
    this.name = name
    this.size = size
  }

  get segments(): readonly Segment[] {
    return this.#segments
  }

  add(start: number, bytes: Uint8Array): void {
    this.reads++
    let joined: Segment = { start, bytes: asBuffer(bytes) }
    const apart: Segment[] = []
    for (const segment of this.#segments) {
      if (endOf(segment) < joined.start || segment.start > endOf(joined)) apart.push(segment)
      else joined = join(segment, joined)
    }
    this.#segments = [...apart, joined].toSorted((one, other) => one.start - other.start)
  }

  /** The bytes from `start` to `end` (cut at the end of the file), or null when not all of them are known. */
  slice(start: number, end: number): Buffer | null {
    const last = Math.min(end, this.size)
    if (start >= last) return empty
    for (const segment of this.#segments) {
      if (segment.start <= start && endOf(segment) >= last) {
        return segment.bytes.subarray(start - segment.start, last - segment.start)
      }
    }
    return null
  }
}

export interface Segment {
  readonly start: number
  readonly bytes: Buffer
}

/**
 * Something worked out from a file by reading: yields the ranges it needs to go on, and goes on once they are
 * known. Pure otherwise, so that it can be run over anything.
 */
export type Reading<T> = Generator<readonly ByteRange[], T, void>

/** Bytes that must be had; shorter at the end of the file. `ahead` is what to read when anything has to be read. */
export function* demand(
  file: SparseFile,
  range: ByteRange,
  ahead: readonly ByteRange[] = [],
): Reading<Buffer> {
  const known = file.slice(range.start, range.end)
  if (known !== null) return known
  yield [range, ...ahead]
  return file.slice(range.start, range.end) ?? empty
}

/** Bytes that would be nice to have: null when they are not known and enough has been read already. */
export function* wish(
  file: SparseFile,
  range: ByteRange,
  ahead: readonly ByteRange[] = [],
): Reading<Buffer | null> {
  if (file.slice(range.start, range.end) === null && file.reads >= maxWishes) return null
  return yield* demand(file, range, ahead)
}

/** Reads after which nothing optional is read any more. */
const maxWishes = 6

const empty = Buffer.alloc(0)

function endOf(segment: Segment): number {
  return segment.start + segment.bytes.length
}

function join(one: Segment, other: Segment): Segment {
  const start = Math.min(one.start, other.start)
  const bytes = Buffer.alloc(Math.max(endOf(one), endOf(other)) - start)
  for (const segment of [one, other]) bytes.set(segment.bytes, segment.start - start)
  return { start, bytes }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
