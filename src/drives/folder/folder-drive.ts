import type { BigIntStats, Dir, Dirent } from 'node:fs'
import { lstat, opendir, realpath } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { abortable, destroyOnAbort } from '../../base/abort.ts'
import { SyncError } from '../../base/errors.ts'
import {
  type Batch,
  type ByteRange,
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
  shownPath,
} from '../segment.ts'
import { diskFailure } from './disk-failure.ts'
import { closeQuietly, fileBody, openFile, versionOf } from './file-body.ts'

export interface FolderDriveParts {
  /** Absolute path of the folder. */
  readonly path: string
}

/**
 * A folder on this machine, walked folder by folder. Names are bytes: those that are no UTF-8 work as well.
 * A link to a file is followed if the file lies in the folder, a link to a folder never.
 * A step is the key of a folder. The version is of size, time in nanoseconds and inode; the id is device and inode.
 */
export class FolderDrive implements Source {
  readonly shape = 'tree'
  readonly #root: Buffer

  constructor({ path }: FolderDriveParts) {
    if (!path.startsWith('/') || path.includes('\0')) {
      throw new SyncError('bad-address', `"${path}" is no absolute path.`)
    }
    this.#root = Buffer.from(path.replace(/(?!^)\/+$/, ''))
  }

  async *list(step: string | null, signal: AbortSignal): AsyncGenerator<Batch> {
    const key = step ?? ''
    const what = whatOf('Listing', key)
    const attempt: Attempt = { what, key, signal }
    const dir = await tried(attempt, this.#openFolder(key), closeQuietly)
    try {
      for (let isLast = false; !isLast;) {
        const entries = await tried(attempt, nextEntries(dir))
        isLast = entries.length < entriesAtOnce
        yield await tried(attempt, this.#batch(key, entries))
      }
    } finally {
      closeQuietly(dir)
    }
  }

  async open(item: ItemRef, range: ByteRange | null, signal: AbortSignal): Promise<Opened> {
    const what = whatOf('Reading', item.key)
    const attempt: Attempt = { what, key: item.key, signal }
    const opening = this.#reached(item.key).then(openFile)
    const file = await tried(attempt, opening, ({ handle }) => closeQuietly(handle))
    if (versionOf(file.stats) !== item.version) {
      closeQuietly(file.handle)
      throw new SyncError('changed', `${what} found another version of the file.`)
    }
    const body: Readable = fileBody(file, range, (thrown) => diskFailure(thrown, what, 'item'))
    destroyOnAbort(body, signal, what)
    return { body, total: Number(file.stats.size) }
  }

  async stat(item: ItemRef, signal: AbortSignal): Promise<ListedItem> {
    const what = whatOf('Asking for', item.key)
    const asking = this.#reached(item.key).then((path) => lstat(path, { bigint: true }))
    const stats = await tried({ what, key: item.key, signal }, asking)
    if (!stats.isFile()) throw new SyncError('not-found', `${what} found no file.`)
    return listedItem(item.key, item.path, stats)
  }

  async check(signal: AbortSignal): Promise<void> {
    const attempt: Attempt = { what: whatOf('Opening', ''), key: '', signal }
    closeQuietly(await tried(attempt, this.#openFolder(''), closeQuietly))
  }

  async close(): Promise<void> {
    // Every call lets go of its own handle.
  }

  async #openFolder(key: string): Promise<Dir> {
    const path = this.#pathOf(key)
    if (key !== '') {
      if (!(await lstat(path)).isDirectory()) throw notFound(key)
      await this.#reached(key)
    }
    // Names as Latin-1 are bytes in a string.
    return opendir(path, { encoding: 'latin1', bufferSize: entriesAtOnce })
  }

  /** The real path of a file or folder; `not-found` when it lies elsewhere, behind a link. */
  async #reached(key: string): Promise<Buffer> {
    const [root, real] = await Promise.all([
      realpath(this.#root, { encoding: 'buffer' }),
      realpath(this.#pathOf(key), { encoding: 'buffer' }),
    ])
    const inside = root.at(-1) === slash[0] ? root : Buffer.concat([root, slash])
    if (!real.subarray(0, inside.length).equals(inside)) throw notFound(key)
    return real
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

  async #batch(key: string, entries: readonly Dirent[]): Promise<Batch> {
    const path = shownPath(key)
    const children = path.length < maxDepth ? entries.flatMap((entry) => childOf(key, entry)) : []
    const files = children.filter(({ entry }) => entry.isFile() || entry.isSymbolicLink())
    const items = await Promise.all(
      files.map(async ({ key, name, entry }) => {
        const stats = await this.#statsOf(key, entry)
        return stats === null ? null : listedItem(key, [...path, name], stats)
      }),
    )
    return {
      changes: items.flatMap((item) => (item === null ? [] : [{ type: 'listed' as const, item }])),
      next: children.flatMap(({ key, entry }) => (entry.isDirectory() ? [{ step: key }] : [])),
    }
  }

  /** Null for what is no file inside the root, or went away since its name was read. */
  async #statsOf(key: string, entry: Dirent): Promise<BigIntStats | null> {
    try {
      const path = entry.isSymbolicLink() ? await this.#reached(key) : this.#pathOf(key)
      const stats = await lstat(path, { bigint: true })
      return stats.isFile() ? stats : null
    } catch (thrown) {
      const failure = diskFailure(thrown, whatOf('Asking for', key), 'item')
      const isBehindLink = failure.code === 'file-forbidden' && entry.isSymbolicLink()
      if (failure.code === 'not-found' || isBehindLink) return null
      throw failure
    }
  }
}

interface Attempt {
  readonly what: string
  readonly key: string
  readonly signal: AbortSignal
}

/** Work of the operating system: ends with the signal at the latest, and in SyncErrors only. */
async function tried<T>(
  { what, key, signal }: Attempt,
  work: Promise<T>,
  drop?: (late: T) => void,
): Promise<T> {
  try {
    return await abortable(work, signal, what, drop)
  } catch (thrown) {
    throw diskFailure(thrown, what, key === '' ? 'root' : 'item')
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
    id: `${stats.dev}:${stats.ino}`,
  }
}

function whatOf(verb: string, key: string): string {
  return `${verb} ${key === '' ? 'the root of the folder' : `"${key}"`}`
}

function notFound(key: string): SyncError {
  return new SyncError('not-found', `There is no "${key}" inside the folder.`)
}
