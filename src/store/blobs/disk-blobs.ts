import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { SyncError } from '../../base/errors.ts'
import type { Blobs } from '../../library/blobs.ts'

export interface DiskBlobsParts {
  /** Folder; made when first needed. */
  readonly root: string
  /** Bytes of one blob. */
  readonly maxBytes: number
}

/**
 * Blobs as files `ab/cd/abcd...` below a folder. Written aside, synced and renamed, so a file under its final name is
 * whole even after a loss of power; what bad disks do later is found out when it is read.
 */
export class DiskBlobs implements Blobs {
  readonly #root: string
  readonly #maxBytes: number

  constructor({ root, maxBytes }: DiskBlobsParts) {
    this.#root = root
    this.#maxBytes = maxBytes
  }

  /** Removes what a crash left half written. To be called before anything is put, by the one process that writes. */
  async open(): Promise<void> {
    await this.#try('Clearing', 'what was half written', () =>
      rm(this.#aside, { recursive: true, force: true }),
    )
  }

  async has(hash: string): Promise<boolean> {
    const path = this.#pathOf(hash)
    try {
      await access(path)
      return true
    } catch {
      return false
    }
  }

  async get(hash: string): Promise<Uint8Array | null> {
    const path = this.#pathOf(hash)
    const bytes = await this.#try('Reading', hash, () => readIfThere(path))
    if (bytes === null || sha256(bytes) === hash) return bytes
    // Not what was put: better read anew from where it came than shown.
    await this.remove(hash)
    return null
  }

  async put(hash: string, bytes: Uint8Array): Promise<void> {
    const path = this.#pathOf(hash)
    if (bytes.length > this.#maxBytes) {
      throw new SyncError('too-big', `A blob of ${bytes.length} bytes: ${this.#maxBytes} are kept.`)
    }
    if (sha256(bytes) !== hash) {
      throw new SyncError('bad-input', `The bytes of blob ${hash} have another hash.`)
    }
    if (await this.has(hash)) return
    await this.#try('Writing', hash, () => this.#write(path, bytes))
  }

  async remove(hash: string): Promise<void> {
    const path = this.#pathOf(hash)
    await this.#try('Removing', hash, () => rm(path, { force: true }))
  }

  /** Names of blobs behind `after` ('' for all) in their order, at most `limit`; fewer only when these are the last. */
  hashes(after: string, limit: number): Promise<readonly string[]> {
    return this.#try('Listing', `behind "${after}"`, async () => {
      const found: string[] = []
      for (const outer of await namesIn(this.#root, 2)) {
        if (outer < after.slice(0, 2)) continue
        for (const inner of await namesIn(join(this.#root, outer), 2)) {
          if (outer + inner < after.slice(0, 4)) continue
          const hashes = await namesIn(join(this.#root, outer, inner), 64)
          found.push(...hashes.filter((hash) => hash > after))
          if (found.length >= limit) return found.slice(0, limit)
        }
      }
      return found
    })
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    const aside = join(this.#aside, randomUUID())
    await mkdir(this.#aside, { recursive: true })
    await mkdir(dirname(path), { recursive: true })
    try {
      await writeSynced(aside, bytes)
      await rename(aside, path)
    } catch (error) {
      await rm(aside, { force: true })
      throw error
    }
    await syncFolder(dirname(path))
  }

  get #aside(): string {
    return join(this.#root, 'aside')
  }

  #pathOf(hash: string): string {
    if (!/^[0-9a-f]{64}$/.test(hash)) {
      throw new SyncError('bad-input', `"${hash.slice(0, 100)}" is no sha256 in hex.`)
    }
    return join(this.#root, hash.slice(0, 2), hash.slice(2, 4), hash)
  }

  async #try<T>(tried: string, hash: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const code = codeOf(error) === 'ENOSPC' ? 'disk-full' : 'database'
      throw new SyncError(code, `${tried} blob ${hash} failed (${codeOf(error)}).`, {
        cause: error,
      })
    }
  }
}

async function readIfThere(path: string): Promise<Uint8Array | null> {
  try {
    return await readFile(path)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

/** What has a name of so many digits of hex, in order; nothing where there is no such folder. */
async function namesIn(folder: string, digits: number): Promise<string[]> {
  try {
    const names = await readdir(folder)
    return names.filter((name) => name.length === digits && /^[0-9a-f]+$/.test(name)).toSorted()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** So that the new name survives a loss of power too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
