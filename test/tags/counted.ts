import type { ByteRange } from '../../src/engine/source.ts'
import type { Fetch } from '../../src/library/tags/read-tags.ts'

/** Reads ranges of bytes in memory, and counts. */
export class CountedFile {
  readonly name: string
  readonly bytes: Uint8Array
  requests = 0
  bytesRead = 0

  constructor(name: string, bytes: Uint8Array) {
    this.name = name
    this.bytes = bytes
  }

  get size(): number {
    return this.bytes.length
  }

  readonly fetch: Fetch = async (range: ByteRange) => {
    this.requests++
    this.bytesRead += range.end - range.start
    return this.bytes.slice(range.start, range.end)
  }
}
