import { once } from 'node:events'
import { open, readFile, rm, type FileHandle } from 'node:fs/promises'
import type { TransformOptions } from 'node:stream'
import { createGzip, type ZlibOptions } from 'node:zlib'
import { moveDurably } from './file-tree.ts'

/** Bytes after which a file under way is synced: one sync of a gigabyte would hold up every other one on that disk. */
const syncEveryBytes = 67_108_864
/** Bytes that wait to be packed: so long goes on whoever makes them. */
const maxWaitingBytes = 4_194_304
/** Bytes of gzip that are written at once. */
const packedChunkBytes = 262_144
const gzipOptions: ZlibOptions & TransformOptions = {
  // Snapshots consist of hashes and signatures: a higher level takes twice the time and saves one byte in a hundred.
  level: 1,
  chunkSize: packedChunkBytes,
  writableHighWaterMark: maxWaitingBytes,
}

/** A file that is written aside, and found by nobody before it is kept. */
export class AsideFile {
  readonly #path: string
  readonly #file: FileHandle
  #unsynced = 0
  #isAside = true

  private constructor(path: string, file: FileHandle) {
    this.#path = path
    this.#file = file
  }

  static async create(path: string): Promise<AsideFile> {
    return new AsideFile(path, await open(path, 'wx', 0o600))
  }

  /** One after the other. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#file.writeFile(bytes)
    this.#unsynced += bytes.length
    if (this.#unsynced < syncEveryBytes) return
    await this.#file.datasync()
    this.#unsynced = 0
  }

  /** All is written, and survives a loss of power. */
  async end(): Promise<void> {
    await this.#file.sync()
    await this.#file.close()
  }

  /** All of it, once it has ended and before it is kept. */
  read(): Promise<Uint8Array> {
    return readFile(this.#path)
  }

  /** Once it has ended; again if it failed, or nothing happens. */
  async keep(path: string): Promise<void> {
    if (!this.#isAside) return
    await moveDurably(this.#path, path)
    this.#isAside = false
  }

  /** At any time; what is kept stays. */
  async drop(): Promise<void> {
    await this.#file.close().catch(() => undefined)
    if (this.#isAside) await rm(this.#path, { force: true })
  }
}

/** The same bytes as gzip, packed on threads of the system. */
export class PackedAsideFile {
  readonly #file: AsideFile
  readonly #gzip = createGzip(gzipOptions)
  readonly #written: Promise<void>

  private constructor(file: AsideFile) {
    this.#file = file
    this.#written = this.#writeAll()
    // Whoever writes next or ends it is told.
    this.#written.catch(() => undefined)
  }

  static async create(path: string): Promise<PackedAsideFile> {
    return new PackedAsideFile(await AsideFile.create(path))
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#gzip.write(bytes)) return
    await Promise.race([once(this.#gzip, 'drain'), this.#written])
  }

  async end(): Promise<void> {
    this.#gzip.end()
    await this.#written
    await this.#file.end()
  }

  keep(path: string): Promise<void> {
    return this.#file.keep(path)
  }

  async drop(): Promise<void> {
    this.#gzip.destroy()
    await this.#written.catch(() => undefined)
    await this.#file.drop()
  }

  async #writeAll(): Promise<void> {
    for await (const chunk of this.#gzip) await this.#file.write(chunk)
  }
}
