import type { Readable } from 'node:stream'
import type { ByteRange } from '../engine/source.ts'

/** Bytes that came in: their hash is known, and nobody can read them under it yet. */
export interface Received {
  /** Of the form that was asked for. */
  readonly hash: string
  /** Bytes. */
  readonly size: number
  /** All of it where it is small enough to be written with the deployment (`maxSmallBytes`), else null: it is in a file. */
  readonly bytes: Uint8Array | null
  /** The first bytes, at most 64: enough to tell an image and its size. */
  readonly head: Uint8Array
  /** All of it, into memory. While it is neither kept nor dropped. */
  read(): Promise<Uint8Array>
  /** Makes a file readable under its hash, durably; nothing of what is small. May be called again. */
  keep(): Promise<void>
  /** Lets go of what was not kept. */
  drop(): Promise<void>
}

export interface ReceiveLimits {
  /** Bytes of the whole. */
  readonly maxBytes: number
  /** 0: the hash of entities before ADR-45. 1 unless told otherwise. */
  readonly form?: 0 | 1
  /** It goes to a file however small it is (snapshots of others). */
  readonly isFile?: boolean
  /** The same, and beside it the same as gzip (snapshots of our own). */
  readonly isPacked?: boolean
  readonly signal: AbortSignal
}

/** Bytes that are stored. */
export interface StoredBlob {
  /** Of the whole, in bytes. */
  readonly size: number
  /** What was asked for; of a file a stream, to be read or destroyed. */
  readonly body: Uint8Array | Readable
}

/**
 * Content by its hash (CIDv1, or the network's own form of CIDv0 for what is older). What is small lies in the database,
 * written with what brought it; what is bigger in files. A hash that is none is simply not there. Throws `disk-full`,
 * `database`.
 */
export interface ContentBlobs {
  /** Sizes in bytes of those that are there. */
  sizes(hashes: readonly string[]): Promise<ReadonlyMap<string, number>>
  /**
   * The same of what a deployment is to rely on without bringing it: it counts as received at `nowMs`, if it has not
   * been lately, so that it is not collected before it is needed.
   */
  hold(hashes: readonly string[], nowMs: number): Promise<ReadonlyMap<string, number>>
  /** The part that is asked for, null for all of it; null when it is not there. */
  open(hash: string, range: ByteRange | null): Promise<StoredBlob | null>
  /** The same bytes as gzip where that form is kept (snapshots), with its size; else null. */
  openGzip(hash: string): Promise<StoredBlob | null>
  /**
   * Reads `source` to its end, hashing as it comes; nothing is buffered beyond `maxSmallBytes`. Throws `too-big`
   * behind `maxBytes`; what the source throws goes through.
   */
  receive(source: AsyncIterable<Uint8Array>, limits: ReceiveLimits): Promise<Received>
  /** It may be gone already. What was received, or held, later than `untilMs` stays. */
  remove(hashes: readonly string[], untilMs?: number): Promise<void>
}

/** A blob in a file, for whoever looks for what nobody needs any more. */
export interface BlobFile {
  readonly hash: string
  /** When it was last received, in milliseconds since 1970, by the clock of the disk. */
  readonly receivedMs: number
}

export interface BlobFiles {
  /** Blobs in files, in an order of their own, behind `after` (null: from the first); fewer than `limit` only at the end. */
  names(after: string | null, limit: number): Promise<readonly BlobFile[]>
}

/**
 * Content is kept for so long, in milliseconds, after the last deployment that needs it has died, and after it came in:
 * a deployment may be on its way that needs it, and a peer may be reading it.
 */
export const graceMs = 3_600_000
/** What has been received within so many milliseconds is held as it is: that leaves a deployment half of the grace period. */
export const holdMs = graceMs / 2

/** Bytes up to which content lies in the database: of so many, a row is cheaper than a file. */
export const maxSmallBytes = 65_536
