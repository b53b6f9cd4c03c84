import { Readable } from 'node:stream'
import { SyncError } from '../../base/errors.ts'
import { type Slice, slicedBody } from '../../base/remote/body.ts'
import { networkFailure } from '../../base/remote/failure.ts'
import { breakOff, discard, type RemoteResponse } from '../../base/remote/remote-host.ts'
import type { ByteRange, Opened } from '../../engine/source.ts'

/** What an answer to a GET says it holds. */
export interface Extent {
  /** Of the body: where it begins in the file, and its length where that is said. */
  readonly start: number
  readonly length: number | undefined
  /** Of the whole file, where that is said. */
  readonly total: number | undefined
}

const nothing: Extent = { start: 0, length: 0, total: undefined }

export function rangeHeader(range: ByteRange | null): Record<string, string> {
  return range === null ? {} : { range: `bytes=${range.start}-${range.end - 1}` }
}

/** What was asked for. */
export interface RangeRequest {
  readonly range: ByteRange | null
  /** Bytes of the file as listed. */
  readonly size: number
  readonly what: string
  readonly signal: AbortSignal
}

/**
 * What a 200, 206 or 416 says it holds (RFC 9110 §14.4). Throws `protocol` when that is not what was asked for,
 * `changed` when it is of a file of another size.
 */
export function extentOf(answer: RemoteResponse, { range, size, what }: RangeRequest): Extent {
  const isBehindEnd = (range?.start ?? 0) >= size
  // Servers answer a range behind the end of the file with 416, 206 and nothing, or a 206 that makes no sense.
  const extent = declaredExtent(answer) ?? (isBehindEnd ? nothing : null)
  if (extent === null || isEncoded(answer) || !isWhatWasAsked(answer, extent, { range, size })) {
    breakOff(answer.body)
    throw new SyncError('protocol', `${what} was answered with bytes that were not asked for.`)
  }
  const isOutside = answer.status === 416 && !isBehindEnd
  if (isOutside || (extent.total !== undefined && extent.total !== size)) {
    discard(answer.body)
    throw new SyncError('changed', `${what} found a file of another size.`)
  }
  return extent
}

/**
 * The bytes asked for, out of what the server sent: exactly them from a server that honours ranges, a part of what
 * was sent from one that does not. Throws `range-ignored` when too much would have to be read for it.
 */
export function openedRange(
  answer: RemoteResponse,
  extent: Extent,
  { range, size, what, signal }: RangeRequest,
): Opened {
  const opened = extent.total === undefined ? {} : { total: extent.total }
  const slice = sliceOf(range, size, answer.status === 206)
  if (slice === null) {
    breakOff(answer.body)
    throw new SyncError('range-ignored', `${what} gave the whole file of ${size} bytes for a part.`)
  }
  if (slice.take === 0) {
    discard(answer.body)
    return { body: Readable.from([], { objectMode: false }), ...opened }
  }
  const failed = (thrown: unknown): SyncError => networkFailure(thrown, what, signal)
  return { body: slicedBody(answer.body, slice, failed), ...opened }
}

function declaredExtent(answer: RemoteResponse): Extent | null {
  if (answer.status === 200) {
    const length = naturalNumber(answer.header('content-length'))
    return { start: 0, length, total: length }
  }
  const contentRange = answer.header('content-range') ?? ''
  if (answer.status === 416) {
    const total = /^bytes \*\/(\d+)$/i.exec(contentRange)?.[1]
    return { start: 0, length: 0, total: naturalNumber(total) }
  }
  const [, start, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(contentRange) ?? []
  if (start === undefined || last === undefined) return null
  const length = Number(last) - Number(start) + 1
  return { start: Number(start), length, total: naturalNumber(total) }
}

/** A part must begin where it was asked to, and be no shorter; behind the end of the file anything goes. */
function isWhatWasAsked(
  { status }: RemoteResponse,
  { start, length, total }: Extent,
  { range, size }: Pick<RangeRequest, 'range' | 'size'>,
): boolean {
  const asked = range ?? { start: 0, end: size }
  if (status !== 206 || asked.start >= size) return true
  return start === asked.start && start + (length ?? 0) >= Math.min(asked.end, total ?? size)
}

function isEncoded(answer: RemoteResponse): boolean {
  return (answer.header('content-encoding') ?? 'identity').trim().toLowerCase() !== 'identity'
}

function sliceOf(range: ByteRange | null, size: number, isPartial: boolean): Slice | null {
  const start = range?.start ?? 0
  const end = Math.min(range?.end ?? size, size)
  const skip = isPartial ? 0 : start
  if (skip > 0 && size > maxReadThroughBytes) return null
  return { skip, take: Math.max(0, end - start), isExact: true }
}

/** Bytes of a file that are read from its beginning to get at a part of it. */
const maxReadThroughBytes = 8_388_608

function naturalNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}
