import { Readable } from 'node:stream'
import { cancellation, destroyOnAbort, throwIfAborted, untilAborted } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import {
  type Batch,
  type ByteRange,
  type Change,
  type ItemRef,
  type ListedItem,
  maxBatch,
  type NextStep,
  type Opened,
  type Source,
} from '../../engine/source.ts'
import { type Content, sizeOf, sliceOf } from './content.ts'
import { type Distortion, type Fault, Faults } from './faults.ts'
import { FeedLog } from './feed-log.ts'

export interface MemoryDriveParts {
  readonly clock: Clock
  readonly shape: 'tree' | 'feed'
  /** Changes in a batch, 1 to `maxBatch`, which is the default. */
  readonly batchSize?: number
  /** Changes in a page of a feed; `maxBatch` by default. */
  readonly pageSize?: number
  /** Whether items carry an id that survives a move; they do by default. */
  readonly hasIds?: boolean
  /** Whether places carry a version that changes with anything below; they do not by default. */
  readonly hasPlaceVersions?: boolean
}

/**
 * A drive in memory, for tests and simulations: either shape, every fault on request, counters to assert on.
 * It waits for nothing but its clock and the signals it is given, so a run can be repeated exactly.
 * A path is written `Artist/Album/01.mp3`; its key is the same with every segment percent-encoded.
 */
export class MemoryDrive implements Source {
  readonly shape: 'tree' | 'feed'
  /** Calls so far, and bytes that were read out of bodies. */
  readonly counts = { lists: 0, opens: 0, stats: 0, checks: 0, bytes: 0 }

  readonly #parts: MemoryDriveParts
  readonly #faults: Faults
  readonly #files = new Map<string, MemoryFile>()
  readonly #places = new Map<string, Place>([['', emptyPlace()]])
  readonly #log = new FeedLog()
  #lastNumber = 0

  constructor(parts: MemoryDriveParts) {
    this.shape = parts.shape
    this.#parts = parts
    this.#faults = new Faults(parts.clock)
  }

  /** Writes a file, new or not, and gives its key. `listedSize`: what the listing says instead of the truth. */
  put(path: string, content: Content, listedSize = sizeOf(content)): string {
    const key = keyOf(path)
    const id = this.#files.get(key)?.id ?? this.#next('id')
    this.#write({ key, path: path.split('/'), content, listedSize, id })
    return key
  }

  /** Takes a file away; it must be there. */
  remove(path: string): void {
    const { key } = this.#file(keyOf(path))
    this.#files.delete(key)
    this.#log.append(key)
    this.#place(parentOf(key)).files.delete(key)
    this.#touch(key)
    this.#prune(parentOf(key))
  }

  /** Gives a file another path; its id stays. */
  move(from: string, to: string): void {
    const file = this.#file(keyOf(from))
    this.remove(from)
    this.#write({ ...file, key: keyOf(to), path: to.split('/') })
  }

  /** Lets something go wrong from now on; the function that comes back takes it back. */
  inject(fault: Fault): () => void {
    return this.#faults.add(fault)
  }

  /** Cursors of a feed that were given before are answered with `cursor-expired`. */
  expireCursors(): void {
    this.#log.expire()
  }

  async *list(step: string | null, signal: AbortSignal): AsyncGenerator<Batch> {
    this.counts.lists++
    throwIfAborted(signal, 'Listing')
    const distortions = await this.#faults.meet('list', step ?? '', signal)
    const answer = distorted(
      this.shape === 'tree' ? this.#listPlace(step ?? '') : this.#listPage(step),
      distortions,
    )
    const cut = distortions.find((each) => each.does === 'cut')
    let told = 0
    for (const batch of inBatches(answer, this.#parts.batchSize ?? maxBatch)) {
      throwIfAborted(signal, 'Listing')
      told += batch.changes.length
      if (cut !== undefined && told > cut.after) break
      yield batch
    }
    if (cut !== undefined) {
      throw new SyncError('interrupted', `The listing of "${step ?? ''}" was cut.`)
    }
  }

  async open(item: ItemRef, range: ByteRange | null, signal: AbortSignal): Promise<Opened> {
    this.counts.opens++
    throwIfAborted(signal, `Opening "${item.key}"`)
    const distortions = await this.#faults.meet('open', item.key, signal)
    const file = this.#file(item.key)
    const total = sizeOf(file.content)
    if (item.version !== file.version || item.size !== total) {
      throw new SyncError('changed', `"${item.key}" is another version by now.`)
    }
    const { start, end } = range ?? { start: 0, end: total }
    const bytes = this.#bytes(file, { start, end: Math.min(end, total) }, distortions, signal)
    const body = Readable.from(bytes, { objectMode: false })
    destroyOnAbort(body, signal, `Reading "${item.key}"`)
    return { body, total }
  }

  async stat(item: ItemRef, signal: AbortSignal): Promise<ListedItem> {
    this.counts.stats++
    throwIfAborted(signal, `Asking for "${item.key}"`)
    await this.#faults.meet('stat', item.key, signal)
    const file = this.#file(item.key)
    return { ...this.#listed(file), size: sizeOf(file.content) }
  }

  async check(signal: AbortSignal): Promise<void> {
    this.counts.checks++
    throwIfAborted(signal, 'Checking the drive')
    await this.#faults.meet('check', '', signal)
  }

  async close(): Promise<void> {
    // There is nothing to let go of.
  }

  #listPlace(key: string): Batch {
    const place = this.#place(key)
    return {
      changes: [...place.files].map((key) => this.#listedChange(key)),
      next: [...place.folders].map((key) => this.#nextStep(key)),
    }
  }

  #listPage(cursor: string | null): Batch {
    const page = this.#log.page(cursor, this.#parts.pageSize ?? maxBatch)
    const news = page.keys.filter(({ key, isOld }) => !isOld || this.#files.has(key))
    const changes = news.map(({ key }) => this.#listedChange(key))
    const next = page.isLast ? [] : [{ step: page.cursor }]
    return { changes, next, cursor: page.cursor }
  }

  #listedChange(key: string): Change {
    const file = this.#files.get(key)
    if (file === undefined) return { type: 'gone', key }
    return { type: 'listed', item: this.#listed(file) }
  }

  #listed({ key, path, listedSize, version, mtimeMs, id }: MemoryFile): ListedItem {
    const item = { key, path, size: listedSize, mtimeMs, version }
    return this.#parts.hasIds === false ? item : { ...item, id }
  }

  #nextStep(step: string): NextStep {
    const { version } = this.#place(step)
    return this.#parts.hasPlaceVersions === true ? { step, version } : { step }
  }

  async *#bytes(
    file: MemoryFile,
    { start, end }: ByteRange,
    distortions: readonly Distortion[],
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const fault = distortions.find(isOfBody)
    const stop = Math.min(end, start + (fault?.after ?? Number.POSITIVE_INFINITY))
    for (let at = start; at < stop; at += chunkBytes) {
      if (signal.aborted) throw cancellation(signal, `Reading "${file.key}"`)
      const chunk = sliceOf(file.content, at, Math.min(at + chunkBytes, stop))
      this.counts.bytes += chunk.length
      yield chunk
    }
    if (fault === undefined || start + fault.after >= end) return
    if (fault.does === 'stall') await untilAborted(signal, `Reading "${file.key}"`)
    if (fault.does === 'cut') throw new SyncError('interrupted', `"${file.key}" was cut.`)
    this.#write(file)
    throw new SyncError('changed', `"${file.key}" changed while it was read.`)
  }

  #write(file: Omit<MemoryFile, 'version' | 'mtimeMs'>): void {
    const { key } = file
    const version = this.#next('v')
    this.#files.set(key, { ...file, version, mtimeMs: this.#parts.clock.now() })
    this.#log.append(key)
    this.#makePlace(parentOf(key)).files.add(key)
    this.#touch(key)
  }

  #file(key: string): MemoryFile {
    const file = this.#files.get(key)
    if (file === undefined) throw new SyncError('not-found', `There is no "${key}" on the drive.`)
    return file
  }

  #place(key: string): Place {
    const place = this.#places.get(key)
    if (place === undefined) throw new SyncError('not-found', `There is no "${key}" on the drive.`)
    return place
  }

  #makePlace(key: string): Place {
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const made = emptyPlace()
    this.#places.set(key, made)
    this.#makePlace(parentOf(key)).folders.add(key)
    return made
  }

  /** Every place above the file has changed. */
  #touch(key: string): void {
    const version = this.#next('p')
    for (let at = key; at !== ''; at = parentOf(at)) this.#place(parentOf(at)).version = version
  }

  /** A place with nothing in it is not there; the root always is. */
  #prune(key: string): void {
    const place = this.#place(key)
    if (key === '' || place.files.size > 0 || place.folders.size > 0) return
    this.#places.delete(key)
    this.#place(parentOf(key)).folders.delete(key)
    this.#prune(parentOf(key))
  }

  #next(prefix: string): string {
    return `${prefix}${++this.#lastNumber}`
  }
}

/** The key of a path such as `Artist/Album/01.mp3`. */
export function keyOf(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

interface MemoryFile {
  readonly key: string
  readonly path: readonly string[]
  readonly content: Content
  readonly listedSize: number
  readonly mtimeMs: number
  readonly version: string
  readonly id: string
}

interface Place {
  readonly files: Set<string>
  readonly folders: Set<string>
  version: string
}

const chunkBytes = 65_536

function emptyPlace(): Place {
  return { files: new Set(), folders: new Set(), version: 'p0' }
}

function parentOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf('/')))
}

function isOfBody(each: Distortion): each is Extract<Distortion, { after: number }> {
  return 'after' in each
}

function distorted(answer: Batch, distortions: readonly Distortion[]): Batch {
  const { changes, next = [], ...rest } = answer
  if (distortions.some(({ does }) => does === 'empty')) return { ...rest, changes: [], next: [] }
  if (!distortions.some(({ does }) => does === 'repeat')) return answer
  const backwards = changes.toReversed()
  return { ...rest, changes: [...backwards, ...backwards], next: [...next, ...next] }
}

/** At least one batch; the cursor comes with the last. */
function* inBatches({ changes, next = [], cursor }: Batch, size: number): Generator<Batch> {
  const count = Math.max(1, Math.ceil(Math.max(changes.length, next.length) / size))
  for (let batch = 0; batch < count; batch++) {
    const [from, to] = [batch * size, (batch + 1) * size]
    const part = { changes: changes.slice(from, to), next: next.slice(from, to) }
    yield batch === count - 1 && cursor !== undefined ? { ...part, cursor } : part
  }
}
