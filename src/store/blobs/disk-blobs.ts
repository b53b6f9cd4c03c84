import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SyncError } from '../../base/errors.ts'
import type { Blobs } from '../../library/blobs.ts'
import { moveDurably, namesIn, onDisk, unlessGone } from './file-tree.ts'

export interface DiskBlobsParts {
  /** Folder; made when first needed. */
  readonly root: string
  /** Bytes of one blob. */
  readonly maxBytes: number
}

/** Blobs as files `ab/cd/abcd...` below a folder, written aside, synced and renamed. */
export class DiskBlobs implements Blobs {
  readonly #root: string
  readonly #maxBytes: number

  constructor({ root, maxBytes }: DiskBlobsParts) {
    this.#root = root
    this.#maxBytes = maxBytes
  }

  /** Removes what a crash left half written. To be called before anything is put, by the one process that writes. */
  async open(): Promise<void> {
    await onDisk('Clearing what was half written', () =>
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
    const bytes = await onDisk(`Reading blob ${hash}`, () => unlessGone(readFile(path)))
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
    await onDisk(`Writing blob ${hash}`, () => this.#write(path, bytes))
  }

  async remove(hash: string): Promise<void> {
    const path = this.#pathOf(hash)
    await onDisk(`Removing blob ${hash}`, () => rm(path, { force: true }))
  }

  /** Names of blobs behind `after` ('' for all) in their order, at most `limit`; fewer only when these are the last. */
  hashes(after: string, limit: number): Promise<readonly string[]> {
    return onDisk(`Listing blobs behind "${after}"`, async () => {
      const found: string[] = []
      for (const outer of await namesIn(this.#root, hexPair)) {
        if (outer < after.slice(0, 2)) continue
        for (const inner of await namesIn(join(this.#root, outer), hexPair)) {
          if (outer + inner < after.slice(0, 4)) continue
          const hashes = await namesIn(join(this.#root, outer, inner), sha256Hex)
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
    try {
      await writeSynced(aside, bytes)
      await moveDurably(aside, path)
    } catch (error) {
      await rm(aside, { force: true })
      throw error
    }
  }

  get #aside(): string {
    return join(this.#root, 'aside')
  }

  #pathOf(hash: string): string {
    if (!sha256Hex.test(hash)) {
      throw new SyncError('bad-input', `"${hash.slice(0, 100)}" is no sha256 in hex.`)
    }
    return join(this.#root, hash.slice(0, 2), hash.slice(2, 4), hash)
  }
}

const hexPair = /^[0-9a-f]{2}$/
const sha256Hex = /^[0-9a-f]{64}$/

async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
