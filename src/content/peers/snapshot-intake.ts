import { SyncError, asSyncError } from '../../base/errors.ts'
import type { ContentBlobs } from '../blobs.ts'
import type { ContentEffect, ContentStore } from '../content-store.ts'
import type { DeploymentOffer } from '../entity.ts'
import { emptySnapshotHash } from '../snapshots/snapshot-format.ts'
import { partStarts, snapshotLines } from '../snapshots/snapshot-reader.ts'
import type { Fetcher } from './fetcher.ts'
import type { Intake } from './intake.ts'
import type { SnapshotOffer } from './snapshot-list.ts'
import { isUnreached } from './unreached.ts'

export interface SnapshotIntakeParts {
  readonly store: Pick<ContentStore, 'processed' | 'takeSnapshot' | 'planSnapshot' | 'failSnapshot'>
  readonly blobs: Pick<ContentBlobs, 'open'>
  readonly fetcher: Pick<Fetcher, 'fetch'>
  readonly intake: Pick<Intake, 'take'>
  /** What this node takes, as part of what is remembered: where it takes more than it did, it goes through them again. */
  readonly scope: string
}

/** Bytes from `start` to before `end` of a snapshot file: whole lines. */
export interface PartRange {
  readonly start: number
  readonly end: number
}

/** Lines of a part: so many entities are fetched in one step. */
const partLines = 250
/** Bytes of a snapshot file, unpacked. */
const maxSnapshotBytes = 4 * 1_024 ** 3
/** Milliseconds without a step forward after which another peer may take up a snapshot. */
const patienceMs = 60_000

/**
 * Snapshots of peers: each hash is gone through once, whoever offers it, in parts that take turns. One that is no good is
 * left alone for a while, and tried again.
 */
export class SnapshotIntake {
  readonly #parts: SnapshotIntakeParts

  constructor(parts: SnapshotIntakeParts) {
    this.#parts = parts
  }

  /**
   * Which of these a source is to go through now. `isAllDone`: there is none that has not been gone through. That one
   * replaces others is believed of the peer that offers it: if those were gone through, nothing of it is new.
   */
  async take(
    offers: readonly SnapshotOffer[],
    sourceId: number,
  ): Promise<{ readonly hashes: readonly string[]; readonly isAllDone: boolean }> {
    const { store } = this.#parts
    const asked = new Set(offers.flatMap(({ hash, replaced }) => [hash, ...replaced]))
    const done = await store.processed([...asked].map((hash) => this.#key(hash)))
    const isDone = (hash: string): boolean =>
      done.has(this.#key(hash)) || hash === emptySnapshotHash
    // Of an empty one everything could be said to be a part.
    const isReplaced = (hash: string): boolean => hash !== emptySnapshotHash && isDone(hash)
    const open = offers.filter(
      ({ hash, replaced }) =>
        !isDone(hash) && !(replaced.length > 0 && replaced.every((each) => isReplaced(each))),
    )
    const hashes: string[] = []
    for (const hash of new Set(open.map((offer) => offer.hash))) {
      if (await store.takeSnapshot(this.#key(hash), sourceId, patienceMs)) hashes.push(hash)
    }
    return { hashes, isAllDone: open.length === 0 }
  }

  /** It moves: nobody else is to take it up for a while. */
  async hold(hash: string, sourceId: number): Promise<void> {
    await this.#parts.store.takeSnapshot(this.#key(hash), sourceId, patienceMs)
  }

  /** Here afterwards; returns its size in bytes. */
  async fetch(hash: string, sourceId: number, signal: AbortSignal): Promise<number> {
    const { fetcher, blobs } = this.#parts
    const there = await blobs.open(hash, { start: 0, end: 0 })
    if (there !== null) return there.size
    const maxBytes = maxSnapshotBytes
    const wanted = { hash, maxBytes, offeredBy: sourceId, isFile: true, isSlow: true }
    const received = await fetcher.fetch(wanted, signal)
    await received.keep()
    return received.size
  }

  /** Fetches a snapshot and cuts it; none: there is nothing in it, or it is no good and will be tried again. */
  async cut(hash: string, sourceId: number, signal: AbortSignal): Promise<readonly PartRange[]> {
    const { store } = this.#parts
    try {
      const size = await this.fetch(hash, sourceId, signal)
      const file = await this.#open(hash, { start: 0, end: size })
      const starts = await partStarts(file, partLines, signal)
      await store.planSnapshot(this.#key(hash), starts)
      return starts.map((start, n) => ({ start, end: starts[n + 1] ?? size }))
    } catch (thrown) {
      const error = asSyncError(thrown)
      signal.throwIfAborted()
      // That nobody can be reached is no fault of the snapshot.
      if (isUnreached(error)) throw error
      await store.failSnapshot(this.#key(hash), error.message)
      return []
    }
  }

  /** Takes what a part offers. With the last part the snapshot has been gone through, unless lines of it make no sense. */
  async *part(
    { hash, start, end }: PartRange & { readonly hash: string },
    sourceId: number,
    signal: AbortSignal,
  ): AsyncGenerator<ContentEffect> {
    const { store, intake } = this.#parts
    await this.fetch(hash, sourceId, signal)
    const offers: DeploymentOffer[] = []
    let unreadable = 0
    for await (const found of snapshotLines(await this.#open(hash, { start, end }), start)) {
      offers.push(...found.lines.map(({ offer }) => offer))
      unreadable += found.unreadable
    }
    yield* intake.take(offers, { sourceId, snapshotHash: hash }, signal)
    if (unreadable > 0) {
      await store.failSnapshot(this.#key(hash), `${unreadable} of its lines make no sense.`)
    } else yield { ...nothing, parts: [{ hash: this.#key(hash), start }] }
  }

  async #open(hash: string, range: PartRange): Promise<AsyncIterable<Uint8Array>> {
    const blob = await this.#parts.blobs.open(hash, range)
    if (blob === null) throw new SyncError('changed', `The snapshot ${hash} is not here any more.`)
    const { body } = blob
    return body instanceof Uint8Array ? once(body) : body
  }

  #key(hash: string): string {
    return this.#parts.scope === '' ? hash : `${hash} ${this.#parts.scope}`
  }
}

const nothing: ContentEffect = { deployments: [], blobs: [], failures: [], parts: [] }

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}
