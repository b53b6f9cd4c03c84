import type { BigIntStats, Dir, Dirent } from 'node:fs'
import { lstat, opendir, realpath } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { destroyOnAbort } from '../../base/abort.ts'
import { asSyncError, SyncError } from '../../base/errors.ts'
import {
  type Batch,
  type ByteRange,
  type Change,
  type ItemRef,
  type ListedItem,
  maxDepth,
  maxKeyBytes,
  type Opened,
  type Source,
} from '../../engine/source.ts'
import {
  canonicalSegment,
  bytesOfSegment,
  segmentOfBytes,
  shownName,
  quoted,
  shownPath,
} from '../segment.ts'
import { type Attempt, callsAtOnce, DiskCalls } from './disk-calls.ts'
import { diskFailure } from './disk-failure.ts'
import { closeQuietly, fileBody, idOf, type OpenFile, openFile, versionOf } from './file-body.ts'

export interface FolderDriveParts {
  /** Absolute path of the folder. */
  readonly path: string
  /** Those of this drive alone by default. */
  readonly calls?: DiskCalls
}

/**
 * A folder on this machine, walked folder by folder. Names are bytes: those that are no UTF-8 work as well.
 * A link to a file is followed if the file lies in the folder, a link to a folder never.
 * A step is the key of a folder. Versions and ids: see `versionOf` and `idOf`.
 */
export class FolderDrive implements Source {
  readonly shape = 'tree'
  readonly #root: Buffer
  readonly #calls: DiskCalls

  constructor({ path, calls }: FolderDriveParts) {
    if (!path.startsWith('/') || path.includes('\0')) {
      throw new SyncError('bad-address', `"${path}" is no absolute path.`)
    }
    this.#root = Buffer.from(path.replace(/(?!^)\/+$/, ''))
    this.#calls = calls ?? new DiskCalls()
  }

  async *list(step: string | null, signal: AbortSignal): AsyncGenerator<Batch> {
    const key = step ?? ''
    const attempt = this.#attempt('Listing', key, signal)
    const dir = await this.#calls.make(attempt, () => this.#openFolder(key), closeQuietly)
    try {
      for (let isLast = false; !isLast;) {
        const entries = await this.#calls.make(attempt, () => nextEntries(dir))
        isLast = entries.length < entriesAtOnce
        yield await this.#batch(key, entries, signal)
      }
    } finally {
      closeQuietly(dir)
    }
  }

  async open(item: ItemRef, range: ByteRange | null, signal: AbortSignal): Promise<Opened> {
    const attempt = this.#attempt('Reading', item.key, signal)
    const { what } = attempt
    const opening = async (): Promise<OpenFile> => openFile(await this.#reached(item.key))
    const file = await this.#calls.make(attempt, opening, ({ handle }) => closeQuietly(handle))
    if (versionOf(file.stats) !== item.version) {
      closeQuietly(file.handle)
      throw new SyncError('changed', `${what} found another version of the file.`)
    }
    const body: Readable = fileBody(file, range, (call) => this.#calls.make(attempt, call))
    destroyOnAbort(body, signal, what)
    return { body, total: Number(file.stats.size) }
  }

  async stat(item: ItemRef, signal: AbortSignal): Promise<ListedItem> {
    const attempt = this.#attempt('Asking for', item.key, signal)
    const stats = await this.#calls.make(attempt, async () =>
      lstat(await this.#reached(item.key), { bigint: true }),
    )
    if (!stats.isFile()) throw new SyncError('not-found', `${attempt.what} found no file.`)
    return listedItem(item.key, item.path, stats)
  }

  async check(signal: AbortSignal): Promise<void> {
    const attempt = this.#attempt('Opening', '', signal)
    closeQuietly(await this.#calls.make(attempt, () => this.#openFolder(''), closeQuietly))
  }

  async close(): Promise<void> {
    // Every call lets go of its own handle.
  }

  async #openFolder(key: string): Promise<Dir> {
    const path = this.#pathOf(key)
    if (key !== '') {
      await this.#reached(key)
      if (!(await lstat(path)).isDirectory()) throw notFound(key)
    }
    // Names as Latin-1 are bytes in a string.
    return opendir(path, { encoding: 'latin1', bufferSize: entriesAtOnce })
  }

  /**
   * The real path of a file or folder; `not-found` when it lies elsewhere, behind a link. When the root itself is not
   * there, nothing is known of what is in it: `root-missing`.
   */
  async #reached(key: string): Promise<Buffer> {
    const root = await realpath(this.#root, { encoding: 'buffer' }).catch((thrown: unknown) => {
      throw diskFailure(thrown, 'Opening the root of the folder', 'root')
    })
    const real = await realpath(this.#pathOf(key), { encoding: 'buffer' })
    const inside = root.at(-1) === slash[0] ? root : Buffer.concat([root, slash])
    if (!real.subarray(0, inside.length).equals(inside)) throw notFound(key)
    return real
  }

  #attempt(verb: string, key: string, signal: AbortSignal): Attempt {
    return key === ''
      ? { what: `${verb} the folder ${this.#root.toString()}`, scope: 'root', signal }
      : { what: `${verb} ${quoted(key)}`, scope: 'item', signal }
  }

  #pathOf(key: string): Buffer {
    if (key === '') return this.#root
    const segments = key.split('/').map((segment) => {
      if (canonicalSegment(segment) !== segment) {
        throw new SyncError('bad-name', `"${key}" is no key of a folder.`)
      }
      return bytesOfSegment(segment)
    })
    return Buffer.concat([this.#root, ...segments.flatMap((bytes) => [slash, bytes])])
  }

  async #batch(key: string, entries: readonly Dirent[], signal: AbortSignal): Promise<Batch> {
    const path = shownPath(key)
    const children = path.length < maxDepth ? entries.flatMap((entry) => childOf(key, entry)) : []
    const files = children.filter(({ entry }) => entry.isFile() || entry.isSymbolicLink())
    const changes: Change[] = []
    const left = files.values()
    const ask = async (): Promise<void> => {
      for (const { key, name, entry } of left) {
        const stats = await this.#statsOf(key, entry, signal)
        if (stats === null) continue
        changes.push({ type: 'listed', item: listedItem(key, [...path, name], stats) })
      }
    }
    await Promise.all(Array.from({ length: callsAtOnce }, ask))
    return {
      changes,
      next: children.flatMap(({ key, entry }) => (entry.isDirectory() ? [{ step: key }] : [])),
    }
  }

  /** Null for what is no file inside the root, or went away since its name was read. */
  async #statsOf(key: string, entry: Dirent, signal: AbortSignal): Promise<BigIntStats | null> {
    try {
      const stats = await this.#calls.make(this.#attempt('Asking for', key, signal), async () =>
        lstat(entry.isSymbolicLink() ? await this.#reached(key) : this.#pathOf(key), {
          bigint: true,
        }),
      )
      return stats.isFile() ? stats : null
    } catch (thrown) {
      const failure = asSyncError(thrown)
      const isBehindLink = failure.code === 'file-forbidden' && entry.isSymbolicLink()
      if (failure.code === 'not-found' || isBehindLink) return null
      throw failure
    }
  }
}

interface Child {
  readonly key: string
  readonly name: string
  readonly entry: Dirent
}

const slash = Buffer.from('/')

/** Names that are read, and files that are asked for, together; also the size of a batch. */
const entriesAtOnce = 128

async function nextEntries(dir: Dir): Promise<Dirent[]> {
  const entries: Dirent[] = []
  while (entries.length < entriesAtOnce) {
    const entry = await dir.read()
    if (entry === null) break
    entries.push(entry)
  }
  return entries
}

function childOf(parent: string, entry: Dirent): Child[] {
  const segment = segmentOfBytes(Buffer.from(entry.name, 'latin1'))
  if (segment === null) return []
  const key = parent === '' ? segment : `${parent}/${segment}`
  return key.length > maxKeyBytes ? [] : [{ key, name: shownName(segment), entry }]
}

function listedItem(key: string, path: readonly string[], stats: BigIntStats): ListedItem {
  return {
    key,
    path,
    size: Number(stats.size),
    mtimeMs: Number(stats.mtimeMs),
    version: versionOf(stats),
    id: idOf(stats),
  }
}

function notFound(key: string): SyncError {
  return new SyncError('not-found', `There is no ${quoted(key)} inside the folder.`)
}
