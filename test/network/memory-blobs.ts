import { Buffer } from 'node:buffer'
import { SyncError } from '../../src/base/errors.ts'
import {
  maxSmallBytes,
  type ContentBlobs,
  type Received,
  type ReceiveLimits,
  type StoredBlob,
} from '../../src/content/blobs.ts'
import { hashV0, hashV1 } from '../../src/content/hashing.ts'
import type { ByteRange } from '../../src/engine/source.ts'

/** What is small and lies with the rows. */
export interface SmallContent {
  sizes(hashes: readonly string[]): Promise<ReadonlyMap<string, number>>
  hold(hashes: readonly string[]): Promise<ReadonlyMap<string, number>>
  read(hash: string): Promise<Uint8Array | null>
}

/** A node's disk: it outlives the processes that work on it. */
export type Disk = Map<string, { readonly bytes: Uint8Array; readonly receivedMs: number }>

/** Content in memory: what is big lies on a disk that is a map, and nothing of it waits for anybody. */
export class MemoryBlobs implements ContentBlobs {
  readonly #small: SmallContent
  readonly #disk: Disk
  readonly #now: () => number

  constructor(small: SmallContent, disk: Disk, now: () => number) {
    this.#small = small
    this.#disk = disk
    this.#now = now
  }

  async sizes(hashes: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const sizes = new Map(await this.#small.sizes(hashes))
    for (const hash of hashes) {
      const file = this.#disk.get(hash)
      if (file !== undefined) sizes.set(hash, file.bytes.length)
    }
    return sizes
  }

  async hold(hashes: readonly string[], nowMs: number): Promise<ReadonlyMap<string, number>> {
    await this.#small.hold(hashes)
    for (const hash of hashes) {
      const file = this.#disk.get(hash)
      if (file !== undefined) this.#disk.set(hash, { ...file, receivedMs: nowMs })
    }
    return this.sizes(hashes)
  }

  async open(hash: string, range: ByteRange | null): Promise<StoredBlob | null> {
    const bytes = this.#disk.get(hash)?.bytes ?? (await this.#small.read(hash))
    if (bytes === null) return null
    const body = range === null ? bytes : bytes.subarray(range.start, range.end)
    return { size: bytes.length, body }
  }

  async openGzip(): Promise<null> {
    return null
  }

  async receive(source: AsyncIterable<Uint8Array>, limits: ReceiveLimits): Promise<Received> {
    const chunks: Uint8Array[] = []
    for await (const chunk of source) chunks.push(chunk)
    const bytes = Buffer.concat(chunks)
    if (bytes.length > limits.maxBytes)
      throw new SyncError('too-big', `More than the ${limits.maxBytes} bytes that are taken.`)
    const hash = limits.form === 0 ? hashV0(bytes) : hashV1(bytes)
    const isSmall =
      bytes.length <= maxSmallBytes && limits.isFile !== true && limits.isPacked !== true
    const file = { bytes, receivedMs: this.#now() }
    return {
      hash,
      size: bytes.length,
      bytes: isSmall ? bytes : null,
      head: bytes.subarray(0, 64),
      read: async () => bytes,
      keep: async () => {
        if (!isSmall) this.#disk.set(hash, file)
      },
      drop: async () => undefined,
    }
  }

  async remove(hashes: readonly string[], untilMs = Number.MAX_SAFE_INTEGER): Promise<void> {
    for (const hash of hashes) {
      const { receivedMs = 0 } = this.#disk.get(hash) ?? {}
      if (receivedMs <= untilMs) this.#disk.delete(hash)
    }
  }
}
