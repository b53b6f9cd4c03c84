import { Readable } from 'node:stream'
import { SyncError } from '../../base/errors.ts'
import { type Scope, statusFailure } from '../../base/remote/failure.ts'
import { discard, type RemoteHost, type RemoteResponse } from '../../base/remote/remote-host.ts'
import {
  type Batch,
  type ByteRange,
  type ItemRef,
  type ListedItem,
  maxBatch,
  type Opened,
  type Source,
} from '../../engine/source.ts'
import {
  canonicalPath,
  type Entry,
  fileIdOf,
  fileItem,
  FolderListing,
  missingSelf,
} from './folder-listing.ts'
import { quoted } from '../segment.ts'
import { GetVersions } from './get-versions.ts'
import { type DavResponse, isSuccess } from './multistatus.ts'
import { propfind, responsesOf } from './propfind.ts'
import { extentOf, openedRange, rangeHeader, type RangeRequest } from './ranged-get.ts'

export interface WebDavDriveParts {
  /** The server; the path of its endpoint is the root of the drive. */
  readonly remote: RemoteHost
}

/**
 * A folder on a WebDAV server (RFC 4918), walked folder by folder: `Depth: infinity` is refused by most servers and
 * silently shortened by some. A step is the key of a folder: its path below the root in canonical form.
 */
export class WebDavDrive implements Source {
  readonly shape = 'tree'
  readonly #remote: RemoteHost
  /** Canonical, with a slash at its end. */
  readonly #root: string
  /** Whether this is Nextcloud or its kin; null until the server was asked. */
  #isTracking: boolean | null = null
  /** Whether the tags of folders have made sense so far. */
  #hasGoodTags = true
  readonly #versions = new GetVersions()

  constructor({ remote }: WebDavDriveParts) {
    const root = canonicalPath(remote.endpoint.path)
    if (root === null) {
      throw new SyncError('bad-address', 'The path of the address has a segment that is no name.')
    }
    this.#remote = remote
    this.#root = root
  }

  async *list(step: string | null, signal: AbortSignal): AsyncGenerator<Batch> {
    const key = step ?? ''
    if (this.#isTracking === null) await this.check(signal)
    const what = this.#what('The listing of', key)
    const answer = await this.#propfind(`${key}/`, 1, signal)
    const listing = this.#listing(answer, key)
    let entries: Entry[] = []
    for await (const responses of responsesOf(answer, what, signal)) {
      entries.push(...responses.map((each) => listing.read(each)).filter((each) => each !== null))
      if (listing.hasTwinTags) this.#hasGoodTags = false
      for (; entries.length >= maxBatch; entries = entries.slice(maxBatch)) {
        yield batchOf(entries.slice(0, maxBatch))
      }
    }
    selfOf(listing, what, key === '' ? 'root' : 'item')
    yield batchOf(entries)
    // What is good about the folder is told, and then that it was not all.
    if (listing.failed !== null) throw this.#failed(listing.failed)
  }

  async open(item: ItemRef, range: ByteRange | null, signal: AbortSignal): Promise<Opened> {
    if (range !== null && range.start >= range.end) {
      return { body: Readable.from([], { objectMode: false }) }
    }
    const what = this.#what('Opening', item.key)
    const request = { range, size: item.size, what, signal }
    let answer = await this.#get(item, request)
    let extent = extentOf(answer, request)
    if (!this.#versions.accepts(item, answer)) {
      discard(answer.body)
      const now = await this.stat(item, signal)
      if (now.version !== item.version) {
        throw new SyncError('changed', `${what} found another version of the file.`)
      }
      this.#versions.setApart(item)
      answer = await this.#get(item, request)
      extent = extentOf(answer, request)
      // The version was confirmed a moment ago: this answer is taken, and what it tells is kept in mind.
      this.#versions.accepts(item, answer)
    }
    return openedRange(answer, extent, request)
  }

  async stat(item: ItemRef, signal: AbortSignal): Promise<ListedItem> {
    const what = this.#what('Asking for', item.key)
    const answer = await this.#propfind(item.key, 0, signal)
    for await (const responses of responsesOf(answer, what, signal)) {
      const [response] = responses
      if (response === undefined) continue
      mustBeFine(response, what, 'item')
      if (response.isFolder) throw new SyncError('not-found', `${what} found a folder.`)
      const now = fileItem(item.key, item.path, response)
      if (now === null) throw new SyncError('file-forbidden', `${what} was told no size.`)
      return now
    }
    throw missingSelf(what)
  }

  async check(signal: AbortSignal): Promise<void> {
    const what = this.#what('Asking for', '')
    const answer = await this.#propfind('', 0, signal, true)
    const listing = this.#listing(answer, '')
    for await (const responses of responsesOf(answer, what, signal)) {
      for (const response of responses) listing.read(response)
    }
    const { isFolder, properties } = selfOf(listing, what, 'root')
    if (!isFolder) throw new SyncError('not-a-drive', `${what} found no folder.`)
    this.#isTracking = fileIdOf(properties) !== undefined
  }

  async close(): Promise<void> {
    await this.#remote.close()
  }

  async #get(item: ItemRef, { range, what, signal }: RangeRequest): Promise<RemoteResponse> {
    const headers = { ...rangeHeader(range), 'accept-encoding': 'identity' }
    const path = this.#root + item.key
    const answer = await this.#remote.request({ method: 'GET', path, headers }, signal)
    if (understood.has(answer.status)) return answer
    throw this.#remote.failure(answer, what, 'item')
  }

  async #propfind(
    path: string,
    depth: 0 | 1,
    signal: AbortSignal,
    hasExtras = this.#isTracking === true,
  ): Promise<RemoteResponse> {
    const isRoot = path === '' || path === '/'
    const full = this.#root + (isRoot ? '' : path)
    const answer = await propfind(this.#remote, { path: full, depth, hasExtras }, signal)
    if (answer.status === 207) return answer
    const what = this.#what('Asking for', isRoot ? '' : path)
    if (!isRoot) throw this.#remote.failure(answer, what, 'item')
    if (!foreignStatuses.has(answer.status)) throw this.#remote.failure(answer, what, 'root')
    discard(answer.body)
    throw new SyncError('not-a-drive', `${what} was answered with ${answer.status}, not 207.`)
  }

  #listing(answer: RemoteResponse, key: string): FolderListing {
    const { origin } = this.#remote.endpoint
    const path = canonicalPath(answer.path) ?? this.#root
    const hasPlaceVersions = this.#isTracking === true && this.#hasGoodTags
    return new FolderListing({ origin, path, key, hasPlaceVersions })
  }

  #failed({ key, status }: NonNullable<FolderListing['failed']>): SyncError {
    return statusFailure(status, this.#what('Asking for', key), { scope: 'item' })
  }

  #what(verb: string, key: string): string {
    const { host } = this.#remote.endpoint
    return `${verb} ${key === '' ? 'the root' : quoted(key)} on ${host}`
  }
}

/** What a listing says of its folder; throws unless that is well. */
function selfOf({ self }: FolderListing, what: string, scope: Scope): DavResponse {
  if (self === null) throw missingSelf(what)
  mustBeFine(self, what, scope)
  return self
}

function mustBeFine({ status }: DavResponse, what: string, scope: Scope): void {
  if (!isSuccess(status)) throw statusFailure(status, what, { scope })
}

/** Answers to a PROPFIND of servers that do not know what that is. */
const foreignStatuses: ReadonlySet<number> = new Set([200, 204, 400, 405, 415, 501])

function batchOf(entries: readonly Entry[]): Batch {
  return {
    changes: entries.flatMap((each) =>
      each.type === 'file' ? [{ type: 'listed' as const, item: each.item }] : [],
    ),
    next: entries.flatMap((each) => (each.type === 'folder' ? [each.next] : [])),
  }
}

const understood: ReadonlySet<number> = new Set([200, 206, 416])
