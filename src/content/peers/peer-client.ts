import { pipeline, Transform, type Readable } from 'node:stream'
import { createGunzip, type Gunzip } from 'node:zlib'
import { destroyOnAbort } from '../../base/abort.ts'
import { collect, TooMuch } from '../../base/collect.ts'
import { SyncError } from '../../base/errors.ts'
import { discard, type RemoteHost, type RemoteResponse } from '../../base/remote/remote-host.ts'
import { pageRows, readChangePage, readFreshPage, type ChangePage } from './change-page.ts'
import { readSnapshotList, type SnapshotOffer } from './snapshot-list.ts'

/** Where to read on in a change feed: from this time on, behind this entity where several have it. */
export interface Position {
  /** Of the peer's local times, in milliseconds. */
  readonly from: number
  readonly lastId?: string
}

/** The web server that a peer is reached at. */
export type PeerHost = Pick<RemoteHost, 'endpoint' | 'request' | 'failure' | 'close'>

/** Whether a peer is of our own kind and says so; a plain one does not. */
const ownHeader = 'roundelay-content'

/**
 * What one content node is asked by another: three requests of the plain protocol (ADR-103), and those of our own where
 * the peer offers them. Everything it answers is hostile: sizes are bounded, JSON is checked by shape.
 */
export class PeerClient {
  readonly #host: PeerHost
  #isOwnKind = false
  #answers = 0
  /** Rows that it is asked for: fewer where so many were too much. */
  #rows = pageRows

  constructor(host: PeerHost) {
    this.#host = host
  }

  /** What it is called in messages: its address. */
  get title(): string {
    return `${this.#host.endpoint.origin}${this.#host.endpoint.path}`
  }

  /** It has said lately that it speaks what goes beyond the plain protocol. */
  get isOwnKind(): boolean {
    return this.#isOwnKind
  }

  /** How often it has answered; who rests after a failure may see by it that the peer is back. */
  get answers(): number {
    return this.#answers
  }

  /** The snapshots that it offers. Throws `unavailable` while it has none yet. */
  async snapshots(signal: AbortSignal): Promise<readonly SnapshotOffer[]> {
    const { json } = await this.#json('/snapshots', signal)
    return readSnapshotList(json, this.title)
  }

  /** A page of changes in the order of its local times, oldest first. */
  async changes(position: Position, signal: AbortSignal): Promise<ChangePage> {
    const { from, lastId } = position
    const query = new URLSearchParams({
      sortingOrder: 'ASC',
      sortingField: 'local_timestamp',
      // Zero counts as no filter at some servers, and means the same.
      from: String(Math.max(1, from)),
      ...(lastId === undefined ? {} : { lastId }),
    })
    for (let passed = 0; ; passed++) {
      if (passed > 0) query.set('offset', String(passed))
      try {
        const { json, ...answer } = await this.#page('/pointer-changes', query, signal)
        const page = readChangePage(json, { position, ...answer })
        return { ...page, unreadable: page.unreadable + passed }
      } catch (error) {
        // One row alone: no entity is that long, so that it is passed over.
        if (!(error instanceof TooMuch) || passed === maxPassed) throw error
      }
    }
  }

  /** Of our own kind only: the same for what is still the greatest of a pointer; `isUnlisted`: only what no snapshot has. */
  async freshest(
    position: Position,
    { isUnlisted, signal }: { readonly isUnlisted: boolean; readonly signal: AbortSignal },
  ): Promise<ChangePage> {
    const { from, lastId } = position
    const query = new URLSearchParams({
      from: String(from),
      ...(lastId === undefined ? {} : { lastId }),
      ...(isUnlisted ? { only: 'unlisted' } : {}),
    })
    const { json, ...answer } = await this.#page('/freshest', query, signal)
    return readFreshPage(json, { position, ...answer })
  }

  /** Of our own kind only: waits, so long at most, for something newer than that; the local time of its newest deployment. */
  async news(sinceMs: number, waitMs: number, signal: AbortSignal): Promise<number> {
    const { json } = await this.#json(`/freshest/news?since=${sinceMs}&wait=${waitMs}`, signal)
    const newestMs =
      typeof json === 'object' && json !== null && 'newest' in json ? json.newest : null
    if (typeof newestMs === 'number' && Number.isSafeInteger(newestMs)) return newestMs
    throw new SyncError('protocol', `${this.title} answered something else than its newest change.`)
  }

  /** What its clock says, in milliseconds since 1970, to the second; null: it does not say. The cheapest question. */
  async clock(signal: AbortSignal): Promise<number | null> {
    return (await this.#json('/status', signal)).dateMs
  }

  /** Content by its hash, as the bytes that the hash is of; how many may come is up to whoever reads them. Throws `not-found`. */
  async content(hash: string, signal: AbortSignal): Promise<Content> {
    const path = `${this.#base}/contents/${hash}`
    const response = await this.#host.request(
      { method: 'GET', path, headers: { 'accept-encoding': 'gzip' } },
      signal,
    )
    if (response.status !== 200) throw this.#host.failure(response, this.#what(path), 'item')
    const body = decoded(response, { signal, what: this.#what(path) })
    const length = Number(response.header('content-length') ?? Number.NaN)
    return { body, length: body === response.body && Number.isSafeInteger(length) ? length : null }
  }

  async close(): Promise<void> {
    await this.#host.close()
  }

  /** A page; of half as many rows as long as they are too much at once: anybody may deploy long metadata. */
  async #page(path: string, query: URLSearchParams, signal: AbortSignal): Promise<PageAnswer> {
    for (let limit = this.#rows; ; limit >>= 1) {
      if (limit === pageRows) query.delete('limit')
      else query.set('limit', String(limit))
      try {
        const answer = await this.#json(`${path}?${query.toString()}`, signal, maxPageBytes)
        if (answer.bytes < maxPageBytes / 4) this.#rows = Math.min(pageRows, 2 * limit)
        return { json: answer.json, dateMs: answer.dateMs, limit }
      } catch (error) {
        if (!(error instanceof TooMuch) || limit === 1) throw error
        this.#rows = limit >> 1
      }
    }
  }

  async #json(path: string, signal: AbortSignal, maxBytes = maxJsonBytes): Promise<Answer> {
    const request = { method: 'GET', path: this.#base + path } as const
    const headers = { accept: 'application/json', 'accept-encoding': 'gzip' }
    const response = await this.#host.request({ ...request, headers }, signal)
    const what = this.#what(request.path.replace(/\?.*/, ''))
    if (response.status !== 200) throw this.#host.failure(response, what, 'root')
    this.#isOwnKind = response.header(ownHeader) !== undefined
    const body = decoded(response, { signal, what })
    const bytes = await collect(body, maxBytes, signal, what)
    this.#answers++
    const dateMs = Date.parse(response.header('date') ?? '')
    return {
      json: parsed(bytes, what),
      bytes: bytes.length,
      dateMs: Number.isNaN(dateMs) ? null : dateMs,
    }
  }

  get #base(): string {
    return this.#host.endpoint.path.replace(/\/+$/, '')
  }

  #what(path: string): string {
    return `GET ${path} of ${this.#host.endpoint.host}`
  }
}

/** Content on its way. */
export interface Content {
  readonly body: Readable
  /** Bytes that it says it has; null: it does not say. */
  readonly length: number | null
}

interface Answer {
  readonly json: unknown
  /** Of the JSON, unpacked. */
  readonly bytes: number
  /** What the peer's clock said. */
  readonly dateMs: number | null
}

interface PageAnswer extends Pick<Answer, 'json' | 'dateMs'> {
  /** Rows that were asked for. */
  readonly limit: number
}

/** Bytes of a JSON answer that is no page. */
const maxJsonBytes = 4 * 1_024 * 1_024
/** Bytes of a page of changes: more than the longest entity file has, and its pointers and chain. */
const maxPageBytes = 16 * 1_024 * 1_024
/** Rows in a row that are too long each, and passed over. */
const maxPassed = 20

function parsed(bytes: Buffer, what: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new SyncError('protocol', `${what} was not answered in JSON.`, { cause })
  }
}

interface Decoding {
  readonly signal: AbortSignal
  readonly what: string
}

/** The bytes inside: as they are, or out of one gzip. How many may come is up to whoever reads them. */
function decoded(response: RemoteResponse, { signal, what }: Decoding): Readable {
  const { body } = response
  destroyOnAbort(body, signal, what)
  const coding = (response.header('content-encoding') ?? 'identity').trim().toLowerCase()
  if (coding === 'identity' || coding === '') return body
  if (coding !== 'gzip' && coding !== 'x-gzip') {
    discard(body)
    throw new SyncError(
      'protocol',
      `${what} was answered in ${coding.slice(0, 40)}, which nobody asked for.`,
    )
  }
  // A chunk at a time: no more than one beyond his bound is unpacked before he notices.
  const gunzip = createGunzip()
  // Whoever reads it hears of what went wrong.
  return pipeline(body, gunzip, ratioGuard(gunzip, what), () => undefined)
}

/** Bytes that come out of each byte that came packed; snapshots of the network have two or three, entity files four. */
const maxRatio = 50
/** Bytes of a body that may come out of next to nothing. */
const freeBytes = 64 * 1_024 * 1_024

/** Lets through what is unpacked, as long as there is something in it: a megabyte may unpack to a gigabyte of nothing. */
function ratioGuard(gunzip: Gunzip, what: string): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Uint8Array, _, done) {
      bytes += chunk.length
      if (bytes <= Math.max(freeBytes, gunzip.bytesWritten * maxRatio)) done(null, chunk)
      else {
        const message = `${what} was packed more than ${maxRatio} times: there is nothing in it.`
        done(new SyncError('protocol', message))
      }
    },
  })
}
