import type { Clock } from '../../base/clock.ts'
import { SyncError, asSyncError } from '../../base/errors.ts'
import { Semaphore } from '../../base/semaphore.ts'
import type { ContentBlobs, Received } from '../blobs.ts'
import type { Peers } from './peers.ts'

export interface FetcherParts {
  readonly peers: Peers
  readonly blobs: Pick<ContentBlobs, 'receive'>
  readonly clock: Clock
  /** Fetches at the same time. */
  readonly concurrency: number
}

export interface Wanted {
  readonly hash: string
  readonly maxBytes: number
  /** It goes to a file however small it is. */
  readonly isFile?: boolean
  /** The source that offered it; null: nobody in particular. */
  readonly offeredBy: number | null
}

/** Milliseconds that one fetch from one peer may take before its rate counts, and bytes a second that are too slow. */
const patienceMs = 15_000
const slowestRate = 4_096

/** Peers that are asked for one piece of content at most. */
const maxPeersAsked = 6

/**
 * Fetches content by its hash from whichever peer has it: who offered it first, then the quick ones. What comes is
 * hashed as it comes, and what is something else is thrown away and asked of the next.
 */
export class Fetcher {
  readonly #parts: FetcherParts
  readonly #places: Semaphore

  constructor(parts: FetcherParts) {
    this.#parts = parts
    this.#places = new Semaphore(parts.concurrency)
  }

  /** To be kept or dropped. Throws what the last peer failed with; `not-found` only if each of them said so. */
  async fetch(wanted: Wanted, signal: AbortSignal): Promise<Received> {
    const leave = await this.#places.enter(signal, `Fetching ${wanted.hash}`)
    try {
      return await this.#tryAll(wanted, signal)
    } finally {
      leave()
    }
  }

  async #tryAll(wanted: Wanted, signal: AbortSignal): Promise<Received> {
    const { peers } = this.#parts
    let failure = new SyncError('not-found', `No peer has ${wanted.hash}.`)
    for (const sourceId of peers.inTurn(wanted.offeredBy).slice(0, maxPeersAsked)) {
      signal.throwIfAborted()
      if (peers.client(sourceId) === null) continue
      try {
        return await this.#try(sourceId, wanted, signal)
      } catch (error) {
        // Called off by whoever asked, and not by the time that a slow peer is given.
        signal.throwIfAborted()
        failure = graver(failure, asSyncError(error))
        if (failure.code === 'disk-full' || failure.code === 'internal') throw failure
      }
    }
    throw failure
  }

  async #try(
    sourceId: number,
    { hash, maxBytes, isFile = false }: Wanted,
    signal: AbortSignal,
  ): Promise<Received> {
    const { peers, blobs, clock } = this.#parts
    const watch = new RateWatch(clock, hash)
    const both = AbortSignal.any([signal, watch.signal])
    try {
      return await peers.using(
        sourceId,
        async (client) => {
          const body = await client.content(hash, maxBytes, both)
          const form = hash.startsWith('Qm') ? 0 : 1
          const received = await blobs.receive(watch.counted(body), {
            maxBytes,
            form,
            isFile,
            signal: both,
          })
          if (received.hash === hash) return received
          await received.drop()
          throw new SyncError('protocol', `${client.title} answered something else than ${hash}.`)
        },
        () => clock.elapsed(),
      )
    } finally {
      watch.end()
    }
  }
}

/** Ends a fetch that trickles: after its first while it has to keep up a rate. */
class RateWatch {
  readonly #controller = new AbortController()
  readonly #clock: Clock
  readonly #hash: string
  #bytes = 0
  #stop: () => void

  constructor(clock: Clock, hash: string) {
    this.#clock = clock
    this.#hash = hash
    this.#stop = clock.after(patienceMs, () => this.#look(0))
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  async *counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#bytes += chunk.length
      yield chunk
    }
  }

  end(): void {
    this.#stop()
  }

  #look(before: number): void {
    const seconds = patienceMs / 1_000
    if (this.#bytes - before < slowestRate * seconds) {
      const message = `${this.#hash} came at less than ${slowestRate} bytes a second.`
      this.#controller.abort(new SyncError('timeout', message))
      return
    }
    const bytes = this.#bytes
    this.#stop = this.#clock.after(patienceMs, () => this.#look(bytes))
  }
}

/** What is worth telling: that somebody could not be asked says more than that somebody has it not. */
function graver(one: SyncError, other: SyncError): SyncError {
  return other.code === 'not-found' ? one : other
}
