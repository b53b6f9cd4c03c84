import type {
  BlobFile,
  BlobFiles,
  ContentBlobs,
  Received,
  ReceiveLimits,
  StoredBlob,
} from '../../content/blobs.ts'
import { isContentHash } from '../../content/hashing.ts'
import type { ByteRange } from '../../engine/source.ts'
import type { SmallBlobs } from '../sql/content/small-blobs.ts'
import type { ContentFiles } from './content-files.ts'
import { receive } from './receiving.ts'

export interface TieredBlobsParts {
  readonly small: Pick<SmallBlobs, 'sizes' | 'hold' | 'read' | 'remove'>
  readonly files: ContentFiles
}

/** Content in two places: rows for what is small, files for the rest. A row is asked for first, for most content is small. */
export class TieredBlobs implements ContentBlobs, BlobFiles {
  readonly #small: TieredBlobsParts['small']
  readonly #files: ContentFiles

  constructor({ small, files }: TieredBlobsParts) {
    this.#small = small
    this.#files = files
  }

  async sizes(hashes: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const asked = [...new Set(hashes)].filter(isContentHash)
    const small = await this.#small.sizes(asked)
    if (small.size === asked.length) return small
    const big = await this.#files.sizes(asked.filter((hash) => !small.has(hash)))
    return new Map([...small, ...big])
  }

  async hold(hashes: readonly string[], nowMs: number): Promise<ReadonlyMap<string, number>> {
    const asked = [...new Set(hashes)].filter(isContentHash)
    const small = await this.#small.hold(asked)
    const big = await this.#files.hold(
      asked.filter((hash) => !small.has(hash)),
      nowMs,
    )
    return new Map([...small, ...big])
  }

  async open(hash: string, range: ByteRange | null): Promise<StoredBlob | null> {
    if (!isContentHash(hash)) return null
    const bytes = await this.#small.read(hash)
    if (bytes === null) return this.#files.read(hash, range)
    return {
      size: bytes.length,
      body: range === null ? bytes : bytes.subarray(range.start, range.end),
    }
  }

  openGzip(hash: string): Promise<StoredBlob | null> {
    return this.#files.readGzip(hash)
  }

  receive(source: AsyncIterable<Uint8Array>, limits: ReceiveLimits): Promise<Received> {
    return receive(this.#files, source, limits)
  }

  async remove(hashes: readonly string[], untilMs?: number): Promise<void> {
    const gone = hashes.filter(isContentHash)
    await this.#small.remove(gone, untilMs)
    await this.#files.remove(gone, untilMs)
  }

  names(after: string | null, limit: number): Promise<readonly BlobFile[]> {
    return this.#files.names(after, limit)
  }
}
