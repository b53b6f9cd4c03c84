import type { Readable } from 'node:stream'

/**
 * One item of a source as its listing tells it. Everything here comes from outside and is data:
 * `path` is for showing and naming, never a path on this machine.
 */
export interface ListedItem {
  /** Unique within the source, at most `maxKeyBytes`; what `open` and `stat` find the item by. */
  readonly key: string
  /** Decoded segments as the remote spells them, root first, at least one, the last is the name. */
  readonly path: readonly string[]
  /** Bytes, as listed; a remote may lie. */
  readonly size: number
  readonly mtimeMs?: number
  /** Changes whenever the content may have changed. Compared for equality only. */
  readonly version: string
  /** Survives a move or rename, where the source has such a thing. Two items may share it (hard links). */
  readonly id?: string
}

/** What `open` and `stat` need to find an item again. */
export type ItemRef = Pick<ListedItem, 'key' | 'path' | 'size' | 'version'>

export type Change =
  | { readonly type: 'listed'; readonly item: ListedItem }
  /** Only feeds say so; of a tree the engine finds out by itself. */
  | { readonly type: 'gone'; readonly key: string }

/** A step that follows from this one. */
export interface NextStep {
  readonly step: string
  /**
   * Only of a place in a tree, and only where the remote changes it whenever anything below changes:
   * if the engine has completely listed this step at this version before, it need not do so again.
   */
  readonly version?: string
}

/** A part of what a step found; at most `maxBatch` changes. */
export interface Batch {
  readonly changes: readonly Change[]
  readonly next?: readonly NextStep[]
  /** Safe to go on from once this batch and all before it are stored. The last one given counts. */
  readonly cursor?: string
  /**
   * What the listing itself brings, for sources whose pages hold more than names: written together with the batch
   * (`EffectWriter.listed`), so that the cursor never moves over what is not.
   */
  readonly effect?: object
}

/** Bytes `start` (inclusive) to `end` (exclusive); the end of the file may come first. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface Opened {
  /** Exactly the bytes asked for, or fewer at the end of the file; an error when the remote breaks off. Destroy it when done early. */
  readonly body: Readable
  /** Whole size of the file in bytes, where the remote tells. */
  readonly total?: number
}

/**
 * A remote place that can be listed, followed and opened: somebody's drive, a folder, a peer.
 *
 * Shape `tree`: a step is a place (a folder); its batches hold every item directly inside, and `next` every place
 * directly inside. Shape `feed`: a step is a page; a cursor is the step to go on from, and every item that went
 * away is said to be `gone`.
 *
 * Failures are SyncErrors; the code decides the remedy. No method retries by itself, and each one ends soon after its signal is aborted.
 */
export interface Source {
  readonly shape: 'tree' | 'feed'
  /**
   * Lists one step. `null` is the beginning of a full listing. May run again for the same step at any time: after a
   * failure, a crash, or in the next round. Ends in error rather than short: a listing that returns is complete.
   * Throws `cursor-expired` when the step is of no use any more.
   */
  list(step: string | null, signal: AbortSignal): AsyncIterable<Batch>
  /** Throws `changed` when the remote holds another version than `item.version` and can tell; `not-found` when it is gone. */
  open(item: ItemRef, range: ByteRange | null, signal: AbortSignal): Promise<Opened>
  /** The item as it is now; throws `not-found` only when the remote says that it is not there. */
  stat(item: ItemRef, signal: AbortSignal): Promise<ListedItem>
  /** The cheapest question that shows that address, credentials and root are good. */
  check(signal: AbortSignal): Promise<void>
  /** Lets go of connections. Nothing else is called afterwards. */
  close(): Promise<void>
}

/** Changes in one batch. */
export const maxBatch = 1_000
/** Bytes of UTF-8 in an item's key or a step. */
export const maxKeyBytes = 4_096
/** Segments in a path. */
export const maxDepth = 64
