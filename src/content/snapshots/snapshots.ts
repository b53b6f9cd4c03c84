import { Buffer } from 'node:buffer'
import { throwIfAborted } from '../../base/abort.ts'
import { asSyncError } from '../../base/errors.ts'
import type { Snapshot } from '../content-store.ts'
import { hashV1 } from '../hashing.ts'
import { isLegacyRange, legacyBody, runLegacy } from './legacy.ts'
import { runSnapshots, type SnapshotRunParts } from './snapshot-run.ts'
import { firstMs, isCovered, rangesUntil } from './time-range.ts'

export interface SnapshotsParts extends SnapshotRunParts {
  /** From the end of one run to the next, in milliseconds. */
  readonly everyMs: number
  /** Whether the one file of ADR-52's own time is written as well. */
  readonly hasLegacy: boolean
  /** Whether this process is the one that writes; the others offer what it has written. True unless told otherwise. */
  readonly isOurs?: () => boolean
}

/** An answer that is ready to be sent. */
export interface ReadyBody {
  /** JSON. */
  readonly bytes: Buffer
  /** With its quotes, as RFC 9110 has it. */
  readonly etag: string
}

/** What is offered now. */
export interface Offered {
  readonly list: readonly Snapshot[]
  /** `GET /snapshots`. */
  readonly body: ReadyBody
  /** `GET /snapshot`; null: it is not written. */
  readonly legacy: ReadyBody | null
  /** Of all files: content that lies in no row. */
  readonly hashes: ReadonlySet<string>
}

/** A run that failed is tried again after so many milliseconds. */
const retryMs = 60_000
/** Facts: when the last run ended, in milliseconds since 1970; that somebody wants one, and whose wish was fulfilled last. */
export const writtenFact = 'snapshots.written'
export const askedFact = 'snapshots.asked'
export const answeredFact = 'snapshots.answered'

/** The snapshots that this node offers, from memory, written anew from time to time. */
export class Snapshots {
  readonly #parts: SnapshotsParts
  readonly #stopped = new AbortController()
  #offered: Offered | null = null
  #loop: Promise<void> = Promise.resolve()
  /** The run under way, if there is one, and the one that waits for it. */
  #last: Promise<unknown> = Promise.resolve()
  #next: Promise<void> | null = null
  /** When that was written which is offered. */
  #written: string | null = null

  constructor(parts: SnapshotsParts) {
    this.#parts = parts
  }

  /** Null until the first ones are written. */
  get offered(): Offered | null {
    return this.#offered
  }

  /** Offers what was written before, if it is all there, and writes from time to time; at once where something is missing. */
  async start(): Promise<void> {
    await this.reload()
    this.#loop = this.#run()
  }

  /** Offers what has been written meanwhile, by another process or before the start, if it is whole. */
  async reload(): Promise<void> {
    const { store, blobs } = this.#parts
    this.#written = await store.fact(writtenFact)
    const saved = await store.snapshots()
    const there = await blobs.sizes(saved.map(({ hash }) => hash))
    const list = saved.filter(({ range }) => !isLegacyRange(range))
    const legacy = saved.find(({ hash, range }) => isLegacyRange(range) && there.has(hash))
    const whole = { init: firstMs, end: list.at(-1)?.range.end ?? firstMs }
    const ranges = list.map(({ range }) => range)
    if (!isCovered(whole, ranges) || list.some(({ hash }) => !there.has(hash))) return
    this.#offered = offeredOf(list, legacy ?? null)
  }

  /** Sees what others do: offers what they have written, and writes what they have asked for. To be called often. */
  async look(): Promise<void> {
    const { store, isOurs = always } = this.#parts
    if (!isOurs()) {
      if ((await store.fact(writtenFact)) !== this.#written) await this.reload()
      return
    }
    const asked = await store.fact(askedFact)
    if (asked !== null && asked !== (await store.fact(answeredFact))) await this.writeNow()
  }

  /** Writes what has changed until now; one run at a time. Throws what the run fails with; what was offered still is. */
  writeNow(): Promise<void> {
    this.#next ??= this.#last.then(() => {
      this.#next = null
      const run = this.#write()
      this.#last = run.catch(() => undefined)
      return run
    })
    return this.#next
  }

  /** A run under way is called off. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#loop
    await this.#next?.catch(() => undefined)
    await this.#last
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    const { clock, everyMs } = this.#parts
    const { isOurs = always } = this.#parts
    let isDue = !this.#isComplete()
    while (!signal.aborted) {
      const mayWrite = isOurs()
      const isWell = mayWrite && (!isDue || (await this.#tryToWrite()))
      // Whoever takes over from another process does not know when that one was about to write.
      isDue = mayWrite || !this.#isComplete()
      await clock
        .sleep(isWell ? everyMs : Math.min(retryMs, everyMs), signal)
        .catch(() => undefined)
    }
  }

  #tryToWrite(): Promise<boolean> {
    return this.writeNow().then(
      () => true,
      () => false,
    )
  }

  #isComplete(): boolean {
    const endMs = rangesUntil(this.#parts.clock.now()).at(-1)?.end ?? firstMs
    return this.#offered?.list.at(-1)?.range.end === endMs
  }

  async #write(): Promise<void> {
    const { store, clock, log, hasLegacy } = this.#parts
    const { signal } = this.#stopped
    const startedMs = clock.elapsed()
    throwIfAborted(signal, 'Writing snapshots')
    try {
      const asked = await store.fact(askedFact)
      const list = await runSnapshots(this.#parts, signal)
      const legacy = hasLegacy ? await runLegacy(this.#parts, signal) : null
      this.#offered = offeredOf(list, legacy)
      this.#written = String(clock.now())
      await store.setFact(writtenFact, this.#written)
      if (asked !== null) await store.setFact(answeredFact, asked)
      const entities = list.reduce((sum, { count }) => sum + count, 0)
      const tookMs = Math.round(clock.elapsed() - startedMs)
      log.info({ snapshots: list.length, entities, tookMs }, 'snapshots are written')
    } catch (error) {
      if (!signal.aborted) log.error({ error: asSyncError(error) }, 'writing snapshots failed')
      throw error
    }
  }
}

const always = (): boolean => true

function offeredOf(list: readonly Snapshot[], legacy: Snapshot | null): Offered {
  const hashes = new Set(list.map(({ hash }) => hash))
  if (legacy !== null) hashes.add(legacy.hash)
  return {
    list,
    body: readyBody(JSON.stringify(list.map(wireForm))),
    legacy: legacy === null ? null : readyBody(legacyBody(legacy)),
    hashes,
  }
}

function readyBody(text: string): ReadyBody {
  const bytes = Buffer.from(text)
  return { bytes, etag: `"${hashV1(bytes)}"` }
}

/** ADR-116, with what the network's servers tell beyond it. */
function wireForm({ hash, range, replaced, count, generatedMs }: Snapshot): object {
  return {
    hash,
    timeRange: { initTimestamp: range.init, endTimestamp: range.end },
    replacedSnapshotHashes: replaced,
    numberOfEntities: count,
    generationTimestamp: generatedMs,
  }
}
