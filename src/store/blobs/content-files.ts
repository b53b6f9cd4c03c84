import { randomUUID } from 'node:crypto'
import { copyFile, mkdir, open, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { holdMs, type BlobFile, type BlobFiles, type StoredBlob } from '../../content/blobs.ts'
import { isContentHash } from '../../content/hashing.ts'
import type { ByteRange } from '../../engine/source.ts'
import { AsideFile, PackedAsideFile } from './aside-file.ts'
import { namesIn, onDisk, unlessGone } from './file-tree.ts'

/** Questions to the disk at the same time, of one who asks for many files. */
const maxAtOnce = 16
/** Bytes that are read at once for whoever streams a file. */
const readBytes = 131_072

/**
 * Content as files `yz/wx/<hash>`, by the last characters of the hash, and `<hash>.gzip` beside what is kept in that
 * form too. Written aside, synced and renamed. What is no hash is not there. Throws `disk-full`, `database`.
 */
export class ContentFiles implements BlobFiles {
  readonly #root: string

  /** The folder is made when first needed. */
  constructor({ root }: { readonly root: string }) {
    this.#root = root
  }

  /**
   * Removes what a crash left half written: what has not been written to since `beforeMs`, by the clock of the disk. What
   * it left half removed is there again: nobody had looked whether it was held.
   */
  async clear(beforeMs: number): Promise<void> {
    await onDisk('Clearing what was half written', async () => {
      for (const name of await namesIn(this.#aside, removedFiles)) await this.#putBack(name)
      for (const name of await namesIn(this.#aside, /./)) {
        const path = join(this.#aside, name)
        const found = await unlessGone(stat(path))
        if (found !== null && found.mtimeMs <= beforeMs) await rm(path, { force: true })
      }
    })
  }

  /** Bytes of those that are there. */
  async sizes(hashes: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>()
    await eachOf(hashes.filter(isContentHash), async (hash) => {
      const found = await onDisk(`Looking for ${hash}`, () => unlessGone(stat(this.#pathOf(hash))))
      if (found !== null) sizes.set(hash, found.size)
    })
    return sizes
  }

  /** The same; those that came in a while ago count as received at `nowMs`. */
  async hold(hashes: readonly string[], nowMs: number): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map<string, number>()
    const holdAll = (some: readonly string[]): Promise<void> =>
      eachOf(some, (hash) =>
        onDisk(`Holding ${hash}`, async () => {
          const size = await this.#holdOne(hash, nowMs)
          if (size !== null) sizes.set(hash, size)
        }),
      )
    const asked = hashes.filter(isContentHash)
    await holdAll(asked)
    const missing = asked.filter((hash) => !sizes.has(hash))
    if (missing.length === 0) return sizes
    await this.#bringBack(new Set(missing))
    await holdAll(missing)
    return sizes
  }

  /** Its size. Once this has been said it is too young to be removed. */
  async #holdOne(hash: string, nowMs: number): Promise<number | null> {
    const path = this.#pathOf(hash)
    const found = await unlessGone(stat(path))
    if (found === null || found.mtimeMs > nowMs - holdMs) return found?.size ?? null
    const now = new Date(nowMs)
    const isHeld = await unlessGone(touch(path, now).then(() => true))
    return isHeld === true ? found.size : null
  }

  /** Of these, what somebody is about to remove: he has not looked yet how old it is, or finds it gone. */
  async #bringBack(hashes: ReadonlySet<string>): Promise<void> {
    await onDisk('Looking for what is being removed', async () => {
      for (const name of await namesIn(this.#aside, removedFiles)) {
        if (hashes.has(removedHash(name))) await this.#putBack(name)
      }
    })
  }

  async #putBack(name: string): Promise<void> {
    const path = this.#pathOf(removedHash(name))
    const place = name.endsWith('.gzip') ? packed(path) : path
    await unlessGone(rename(join(this.#aside, name), place))
  }

  async read(hash: string, range: ByteRange | null): Promise<StoredBlob | null> {
    if (!isContentHash(hash)) return null
    return onDisk(`Reading ${hash}`, () => readFrom(this.#pathOf(hash), range))
  }

  async readGzip(hash: string): Promise<StoredBlob | null> {
    if (!isContentHash(hash)) return null
    return onDisk(`Reading ${hash} as gzip`, () => readFrom(packed(this.#pathOf(hash)), null))
  }

  /** A file to be, to be kept or dropped. */
  async create(isPacked: boolean): Promise<NewContentFile> {
    return onDisk('Making a file', async () => {
      await mkdir(this.#aside, { recursive: true })
      const path = join(this.#aside, randomUUID())
      const file = await AsideFile.create(path)
      try {
        const gzip = isPacked ? await PackedAsideFile.create(packed(path)) : null
        return new NewContentFile({ file, gzip, pathOf: (hash) => this.#pathOf(hash) })
      } catch (error) {
        await file.drop()
        throw error
      }
    })
  }

  async remove(hashes: readonly string[], untilMs = Number.MAX_SAFE_INTEGER): Promise<void> {
    await mkdir(this.#aside, { recursive: true })
    await eachOf(hashes.filter(isContentHash), (hash) =>
      onDisk(`Removing ${hash}`, async () => {
        if (await this.#removeOne(hash, untilMs)) await this.#removeOne(packed(hash), untilMs)
      }),
    )
  }

  /**
   * First out of the way, then looked at: whoever holds it has done so before, and it comes back, or he brings it back.
   * Whether all of it is gone.
   */
  async #removeOne(file: string, untilMs: number): Promise<boolean> {
    const name = `removed.${randomUUID()}.${file}`
    const hash = removedHash(name)
    const aside = join(this.#aside, name)
    const path = file === hash ? this.#pathOf(hash) : packed(this.#pathOf(hash))
    const isThere = await unlessGone(rename(path, aside).then(() => true))
    if (isThere === null) return true
    const found = await unlessGone(stat(aside))
    if (found !== null && found.mtimeMs <= untilMs) {
      await rm(aside, { force: true })
      return true
    }
    await this.#putBack(name)
    return false
  }

  names(after: string | null, limit: number): Promise<readonly BlobFile[]> {
    return onDisk(`Listing files behind "${after ?? ''}"`, async () => {
      const start = after === null ? '' : placeOf(after)
      const found: BlobFile[] = []
      for (const outer of await namesIn(this.#root, pair)) {
        if (outer < start.slice(0, 2)) continue
        for (const inner of await namesIn(join(this.#root, outer), pair)) {
          if (outer + inner < start.slice(0, 4)) continue
          const hashes = hashesOf(await namesIn(join(this.#root, outer, inner), /./))
          const behind = hashes.filter((hash) => placeOf(hash) > start)
          found.push(...(await this.#aged(behind.slice(0, limit - found.length))))
          if (found.length >= limit) return found
        }
      }
      return found
    })
  }

  async #aged(hashes: readonly string[]): Promise<readonly BlobFile[]> {
    const aged: BlobFile[] = []
    for (const hash of hashes) {
      const path = this.#pathOf(hash)
      const found = (await unlessGone(stat(path))) ?? (await unlessGone(stat(packed(path))))
      if (found !== null) aged.push({ hash, receivedMs: Math.floor(found.mtimeMs) })
    }
    return aged
  }

  get #aside(): string {
    return join(this.#root, 'aside')
  }

  /** The last characters are the ones that differ; the first are the same for all. */
  #pathOf(hash: string): string {
    const place = placeOf(hash)
    return join(this.#root, place.slice(0, 2), place.slice(2, 4), hash)
  }
}

/** A file with its gzip, as they are written. Each method throws `disk-full` or `database`. */
export class NewContentFile {
  readonly #file: AsideFile
  readonly #gzip: PackedAsideFile | null
  readonly #pathOf: (hash: string) => string

  constructor(parts: {
    readonly file: AsideFile
    readonly gzip: PackedAsideFile | null
    readonly pathOf: (hash: string) => string
  }) {
    this.#file = parts.file
    this.#gzip = parts.gzip
    this.#pathOf = parts.pathOf
  }

  async write(bytes: Uint8Array): Promise<void> {
    await onDisk('Writing a file', () =>
      Promise.all([this.#file.write(bytes), this.#gzip?.write(bytes)]),
    )
  }

  async end(): Promise<void> {
    await onDisk('Writing a file', () => Promise.all([this.#file.end(), this.#gzip?.end()]))
  }

  /** All of it, once it has ended and before it is kept. */
  read(): Promise<Uint8Array> {
    return onDisk('Reading a file', () => this.#file.read())
  }

  /** Under this name from now on. The gzip comes first: whoever finds the file finds it as well. */
  async keep(hash: string): Promise<void> {
    const path = this.#pathOf(hash)
    await onDisk(`Keeping ${hash}`, async () => {
      await this.#gzip?.keep(packed(path))
      await this.#file.keep(path)
    })
  }

  async drop(): Promise<void> {
    await onDisk('Dropping a file', () => Promise.all([this.#file.drop(), this.#gzip?.drop()]))
  }
}

const pair = /^[a-zA-Z0-9]{2}$/

function packed(path: string): string {
  return `${path}.gzip`
}

/** What is being removed: `removed.`, something that nobody else has, the name that it had. */
const removedFiles = /^removed\./

function removedHash(name: string): string {
  return name.split('.')[2] ?? ''
}

/** Where a hash stands among all, and in which folders. */
function placeOf(hash: string): string {
  return hash.slice(-2) + hash.slice(-4, -2) + hash
}

/** What these files hold, each once, also where a crash left one form of it only. */
function hashesOf(names: readonly string[]): readonly string[] {
  const hashes = names.map((name) => name.replace(/\.gzip$/, '')).filter(isContentHash)
  return [...new Set(hashes)]
}

async function readFrom(path: string, range: ByteRange | null): Promise<StoredBlob | null> {
  const file = await unlessGone(open(path, 'r'))
  if (file === null) return null
  try {
    const { size } = await file.stat()
    const start = range?.start ?? 0
    const end = Math.min(size, range?.end ?? size)
    if (start < end) {
      // It closes the file when it is read or destroyed.
      const body = file.createReadStream({ start, end: end - 1, highWaterMark: readBytes })
      return { size, body }
    }
    await file.close()
    return { size, body: new Uint8Array(0) }
  } catch (error) {
    await file.close().catch(() => undefined)
    throw error
  }
}

/** Does the same for each, a few at a time. */
async function eachOf(
  hashes: readonly string[],
  work: (hash: string) => Promise<void>,
): Promise<void> {
  const waiting = hashes.values()
  await Promise.all(
    Array.from({ length: Math.min(maxAtOnce, hashes.length) }, async () => {
      for (const hash of waiting) await work(hash)
    }),
  )
}

/** Whose file it is may be somebody else, as a backup leaves it: then it becomes ours. */
async function touch(path: string, now: Date): Promise<void> {
  try {
    await utimes(path, now, now)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error
    const copy = `${path}.${randomUUID()}`
    await copyFile(path, copy)
    await rename(copy, path)
  }
}
