import { Buffer } from 'node:buffer'
import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { isContentHash } from '../../content/hashing.ts'
import type { ByteRange } from '../../engine/source.ts'
import { jsonAnswer, type Answer } from './answer.ts'
import { rangeOf } from './byte-range.ts'
import type { ContentParts } from './content-parts.ts'
import { Denial } from './denial.ts'
import { isNamed } from './etag.ts'
import { magicBytes, mediaTypeOf } from './media-type.ts'
import { all, type Query } from './query.ts'
import { part, type Routes } from './route.ts'

type Blobs = ContentParts['blobs']

/** Entities that are told to have a content. */
const maxEntities = 10_000

/** `GET /contents/:hash` and who is made of it. */
export function contentsRoutes(routes: Routes, parts: ContentParts): void {
  routes.reads('/contents/:hash', (request) => contentAnswer(parts, request))
  routes.reads('/contents/:hash/active-entities', async (request) => {
    const hash = part(request, 'hash')
    const ids = isContentHash(hash) ? await parts.store.activeByContent(hash, maxEntities) : []
    if (ids.length === 0) throw new Denial(404, 'The entity was not found')
    return jsonAnswer(JSON.stringify(ids))
  })
}

/** Bytes by their hash, which never change: whole, a part of them, or that the client has them already. */
async function contentAnswer(parts: ContentParts, request: FastifyRequest): Promise<Answer> {
  const hash = part(request, 'hash')
  const { headers, method } = request
  const { 'if-none-match': known, range } = headers
  if (known !== undefined && isNamed(`"${hash}"`, known)) {
    await sizeOf(parts.blobs, hash)
    return { status: 304, headers: keepForEver(hash), body: null }
  }
  const isWhole = range === undefined || method === 'HEAD'
  if (!isWhole && isCurrent(headers, hash)) return partAnswer(parts, request, hash)
  return wholeAnswer(parts, request, hash)
}

async function wholeAnswer(
  { blobs, snapshots }: ContentParts,
  request: FastifyRequest,
  hash: string,
): Promise<Answer> {
  const about = await headersOf(blobs, request, hash)
  // Only snapshots are kept as gzip: for all others nobody looks.
  if (snapshots.offered?.hashes.has(hash) === true) {
    about.push('vary', 'Accept-Encoding')
    const gzip = acceptsGzip(request) ? await blobs.openGzip(hash) : null
    if (gzip !== null) {
      about.push('content-encoding', 'gzip')
      return { status: 200, headers: withLength(about, gzip.size, gzip.body), body: gzip.body }
    }
  }
  const found = await blobs.open(hash, null)
  if (found === null) throw missing(hash)
  const { size, body } = found
  return { status: 200, headers: withLength(about, size, body), body }
}

async function partAnswer(
  { blobs }: ContentParts,
  request: FastifyRequest,
  hash: string,
): Promise<Answer> {
  const size = await sizeOf(blobs, hash)
  const asked = rangeOf(request.headers.range, size)
  if (asked === 'none') {
    const headers = ['content-range', `bytes */${size}`, 'accept-ranges', 'bytes']
    return { status: 416, headers, body: null }
  }
  const range: ByteRange | null = asked === 'all' ? null : asked
  const about = await headersOf(blobs, request, hash)
  const found = await blobs.open(hash, range)
  if (found === null) throw missing(hash)
  if (range === null) {
    return { status: 200, headers: withLength(about, size, found.body), body: found.body }
  }
  about.push('content-range', `bytes ${range.start}-${range.end - 1}/${size}`)
  const length = range.end - range.start
  return { status: 206, headers: withLength(about, length, found.body), body: found.body }
}

async function headersOf(blobs: Blobs, { query }: FastifyRequest, hash: string): Promise<string[]> {
  // What is parsed without a schema is text and lists of text.
  const isTyped = all(query as Query, 'includeMimeType').length > 0
  const type = isTyped ? await typeOf(blobs, hash) : 'application/octet-stream'
  return ['content-type', type, ...keepForEver(hash), ...offer]
}

async function typeOf(blobs: Blobs, hash: string): Promise<string> {
  const head = await blobs.open(hash, { start: 0, end: magicBytes })
  if (head === null) throw missing(hash)
  if (head.body instanceof Uint8Array) return mediaTypeOf(head.body)
  const pieces: Uint8Array[] = []
  for await (const piece of head.body) pieces.push(piece as Uint8Array)
  return mediaTypeOf(Buffer.concat(pieces))
}

async function sizeOf(blobs: Blobs, hash: string): Promise<number> {
  const size = (await blobs.sizes([hash])).get(hash)
  if (size === undefined) throw missing(hash)
  return size
}

/** The length of a stream; other bodies tell their own. */
function withLength(headers: string[], length: number, body: Answer['body']): string[] {
  if (!(body instanceof Uint8Array)) headers.push('content-length', String(length))
  return headers
}

/** Whether a client has the beginning of these bytes, or does not say (RFC 9110, section 13.1.5). */
function isCurrent({ 'if-range': tag }: IncomingHttpHeaders, hash: string): boolean {
  return tag === undefined || tag === `"${hash}"`
}

function acceptsGzip({ headers }: FastifyRequest): boolean {
  const accepted = headers['accept-encoding'] ?? ''
  return accepted
    .split(',')
    .some((each) => /^\s*(?:x-)?gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(each))
}

function missing(hash: string): Denial {
  return new Denial(404, `No content found with hash ${hash}`)
}

function keepForEver(hash: string): readonly string[] {
  return ['etag', `"${hash}"`, 'cache-control', caching]
}

const caching = 'public,max-age=31536000,s-maxage=31536000,immutable'
const offer = [
  'accept-ranges',
  'bytes',
  'access-control-expose-headers',
  'ETag, Content-Range, Accept-Ranges, Content-Length',
  // Somebody else's bytes under our name: nothing may make a page out of them.
  'x-content-type-options',
  'nosniff',
] as const
