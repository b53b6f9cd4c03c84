import type { Clock } from '../../base/clock.ts'
import type { ContentBlobs } from '../blobs.ts'
import type { ContentStore } from '../content-store.ts'

/**
 * How long the file of a snapshot that is offered no more is kept, in milliseconds: whoever has begun with a list of
 * snapshots gets to its end. With a run every six hours two generations lie on the disk.
 */
export const keepRetiredMs = 6 * 3_600_000
/** Files; of more the oldest go sooner. */
const maxRetired = 1_000

export interface RetiredFilesParts {
  readonly store: Pick<ContentStore, 'fact' | 'setFact' | 'needed'>
  readonly blobs: Pick<ContentBlobs, 'remove'>
  readonly clock: Clock
}

/** Files of snapshots that others have taken the place of: kept for those who are fetching them, then removed. */
export class RetiredFiles {
  readonly #parts: RetiredFilesParts

  constructor(parts: RetiredFilesParts) {
    this.#parts = parts
  }

  /** Those that are still kept; whoever looks for files that nobody needs leaves these alone. */
  async hashes(): Promise<readonly string[]> {
    return [...(await this.#read()).keys()]
  }

  /** To be called before they are replaced: if nothing comes of it, they are needed and stay. */
  async retire(hashes: readonly string[]): Promise<void> {
    if (hashes.length === 0) return
    const retired = await this.#read()
    const nowMs = this.#parts.clock.now()
    for (const hash of hashes) retired.set(hash, nowMs)
    await this.#write(retired)
  }

  /** Removes those whose time is over and that nobody needs. */
  async sweep(): Promise<void> {
    const { store, blobs, clock } = this.#parts
    const retired = await this.#read()
    const endMs = clock.now() - keepRetiredMs
    const oldestFirst = [...retired].toSorted(([, one], [, other]) => one - other)
    const surplus = oldestFirst.length - maxRetired
    const over = oldestFirst
      .filter(([, sinceMs], index) => sinceMs <= endMs || index < surplus)
      .map(([hash]) => hash)
    if (over.length === 0) return
    const needed = await store.needed(over, 0)
    await blobs.remove(over.filter((hash) => !needed.has(hash)))
    for (const hash of over) retired.delete(hash)
    await this.#write(retired)
  }

  async #read(): Promise<Map<string, number>> {
    const text = await this.#parts.store.fact(factName)
    // Written below.
    return new Map(Object.entries(JSON.parse(text ?? '{}') as Record<string, number>))
  }

  async #write(retired: ReadonlyMap<string, number>): Promise<void> {
    await this.#parts.store.setFact(factName, JSON.stringify(Object.fromEntries(retired)))
  }
}

/** Hashes with the time since when they are kept. */
const factName = 'snapshots.retired'
