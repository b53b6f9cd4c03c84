import type { Clock } from '../base/clock.ts'
import { asSyncError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import { graceMs, type BlobFile, type BlobFiles, type ContentBlobs } from './blobs.ts'
import type { ContentStore, Swept } from './content-store.ts'

/** From the start to the first pass, and from the end of one to the next, in milliseconds. */
const firstMs = 60_000
const everyMs = 3_600_000
/** Deployments, blobs or files that one step looks at: a step holds up deploying for some ten milliseconds. */
const stepSize = 200
/** Between two steps at least, in milliseconds; a step that took longer is followed by as long a pause. */
const pauseMs = 50

export interface CollectorParts {
  readonly store: Pick<ContentStore, 'collect' | 'sweepBlobs' | 'needed'>
  readonly blobs: Pick<ContentBlobs, 'remove'> & BlobFiles
  /** Files that are kept though no deployment needs them: snapshots that somebody may still be fetching. */
  readonly kept: () => Promise<readonly string[]>
  /** Removes what has been left half written since before then. */
  readonly clear: (beforeMs: number) => Promise<void>
  /** Milliseconds. */
  readonly keepDeadMs: number
  readonly clock: Clock
  readonly log: Log
  /** Whether this process is the one that collects. True unless told otherwise. */
  readonly isOurs?: () => boolean
}

/** What a pass has removed. */
export interface Removed {
  readonly deployments: number
  /** In the database. */
  readonly blobs: number
  readonly files: number
}

/**
 * Removes what nobody needs, a little at a time: dead deployments when they have been kept long enough, their content
 * after the grace period, and blobs and files that belong to nothing, as a crash or an upload that was refused leaves them. What
 * is needed is asked in the transaction that lets go of it; a file is removed only if it has not come in anew meanwhile.
 */
export class Collector {
  readonly #parts: CollectorParts
  readonly #end = new AbortController()
  #loop: Promise<void> = Promise.resolve()

  constructor(parts: CollectorParts) {
    this.#parts = parts
  }

  start(): void {
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#end.abort()
    await this.#loop
  }

  /** One pass. May be called off at any point, and be done again. */
  async collect(signal: AbortSignal): Promise<Removed> {
    const { clear, clock } = this.#parts
    await clear(clock.now() - graceMs)
    const dead = await this.#collectDead(signal)
    const blobs = dead.blobs + (await this.#collectBlobs(signal))
    return { deployments: dead.deployments, blobs, files: await this.#collectFiles(signal) }
  }

  async #run(): Promise<void> {
    const { clock, log, isOurs = () => true } = this.#parts
    const { signal } = this.#end
    let waitMs = firstMs
    while (!signal.aborted) {
      await clock.sleep(waitMs, signal).catch(() => undefined)
      if (signal.aborted) return
      waitMs = isOurs() ? everyMs : firstMs
      if (!isOurs()) continue
      try {
        const removed = await this.collect(signal)
        const { deployments, blobs, files } = removed
        if (deployments + blobs + files > 0) log.info({ ...removed }, 'content was collected')
      } catch (error) {
        if (!signal.aborted) log.error({ error: asSyncError(error) }, 'collecting content failed')
      }
    }
  }

  async #collectDead(signal: AbortSignal): Promise<Omit<Removed, 'files'>> {
    const { store, keepDeadMs } = this.#parts
    const limits = { graceMs, keepDeadMs: Math.max(graceMs, keepDeadMs), limit: stepSize }
    const total = { deployments: 0, blobs: 0 }
    for (;;) {
      // Files that are not needed any more, if they are there and old enough, the walk over all files finds.
      const step = await this.#paced(signal, () => store.collect(limits))
      total.deployments += step.deployments
      total.blobs += step.blobs
      if (step.isDone) return total
    }
  }

  async #collectBlobs(signal: AbortSignal): Promise<number> {
    let removed = 0
    let after: string | null = null
    do {
      const step: Swept = await this.#paced(signal, () => this.#sweep(after))
      removed += step.blobs
      after = step.last
    } while (after !== null)
    return removed
  }

  #sweep(after: string | null): Promise<Swept> {
    return this.#parts.store.sweepBlobs(after, { graceMs, limit: stepSize })
  }

  async #collectFiles(signal: AbortSignal): Promise<number> {
    let removed = 0
    let after: string | null = null
    for (;;) {
      const page = await this.#paced(signal, () => this.#page(after))
      removed += await this.#removeFrom(page)
      after = page.at(-1)?.hash ?? null
      if (page.length < stepSize) return removed
    }
  }

  #page(after: string | null): Promise<readonly BlobFile[]> {
    return this.#parts.blobs.names(after, stepSize)
  }

  async #removeFrom(page: readonly BlobFile[]): Promise<number> {
    const { store, blobs, kept, clock } = this.#parts
    const youngestMs = clock.now() - graceMs
    const old = page.filter(({ receivedMs }) => receivedMs <= youngestMs).map(({ hash }) => hash)
    if (old.length === 0) return 0
    const needed = await store.needed(old, graceMs)
    const retired = new Set(await kept())
    const gone = old.filter((hash) => !needed.has(hash) && !retired.has(hash))
    await blobs.remove(gone, youngestMs)
    return gone.length
  }

  /** A step, and the pause behind it. */
  async #paced<T>(signal: AbortSignal, step: () => Promise<T>): Promise<T> {
    const { clock } = this.#parts
    const startedMs = clock.elapsed()
    const done = await step()
    await clock.sleep(Math.max(pauseMs, clock.elapsed() - startedMs), signal)
    return done
  }
}
