import type { Readable } from 'node:stream'
import { throwIfAborted } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { collect } from '../../base/collect.ts'
import { SyncError, asSyncError } from '../../base/errors.ts'
import { Semaphore } from '../../base/semaphore.ts'
import { maxSmallBytes, type ContentBlobs, type Received } from '../blobs.ts'
import { hashV0, hashV1 } from '../hashing.ts'
import type { PeerClient } from './peer-client.ts'
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

/** In so many milliseconds a body has to bring so many bytes for each second; what is too small for that has to be over. */
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
    let failure: SyncError | null = null
    for (const sourceId of peers.inTurn(wanted.offeredBy).slice(0, maxPeersAsked)) {
      try {
        return await this.#try(sourceId, wanted, signal)
      } catch (error) {
        // Called off by whoever asked: nobody else is to be asked.
        throwIfAborted(signal, `Fetching ${wanted.hash}`)
        const next = asSyncError(error)
        if (next.code === 'disk-full' || next.code === 'internal') throw next
        // That somebody could not be asked says more than that somebody has it not.
        if (failure === null || next.code !== 'not-found') failure = next
      }
    }
    throw failure ?? new SyncError('unreachable', `There is no peer to fetch ${wanted.hash} from.`)
  }

  #try(sourceId: number, wanted: Wanted, signal: AbortSignal): Promise<Received> {
    const { peers, clock } = this.#parts
    const now = (): number => clock.elapsed()
    return peers.using(
      sourceId,
      async (client) => {
        const received = await this.#receive(client, wanted, signal)
        if (received.hash === wanted.hash) return received
        await received.drop()
        throw new SyncError(
          'protocol',
          `${client.title} answered something else than ${wanted.hash}.`,
        )
      },
      now,
    )
  }

  async #receive(client: PeerClient, wanted: Wanted, signal: AbortSignal): Promise<Received> {
    const { blobs, clock } = this.#parts
    const { hash, maxBytes, isFile = false } = wanted
    const { body, length } = await client.content(hash, signal)
    const watch = new RateWatch(clock, hash, body)
    try {
      if (length !== null && length <= maxSmallBytes && !isFile) {
        return smallOf(await collect(body, length, signal, `Fetching ${hash}`), formOf(hash))
      }
      const limits = { maxBytes, form: formOf(hash), isFile, signal }
      return await blobs.receive(watch.counted(), limits)
    } finally {
      watch.end()
    }
  }
}

/** What is small needs no place while it comes in. */
function smallOf(bytes: Uint8Array, form: 0 | 1): Received {
  const hash = form === 1 ? hashV1(bytes) : hashV0(bytes)
  const nothing = (): Promise<void> => Promise.resolve()
  const head = bytes.subarray(0, 64)
  return { hash, size: bytes.length, bytes, head, keep: nothing, drop: nothing }
}

function formOf(hash: string): 0 | 1 {
  return hash.startsWith('Qm') ? 0 : 1
}

/** The network's fault, or the peer's where what it packed cannot be unpacked: others may do better. */
function broken(cause: unknown, hash: string): SyncError {
  if (cause instanceof SyncError) return cause
  const isPacking =
    cause instanceof Error &&
    'code' in cause &&
    typeof cause.code === 'string' &&
    cause.code.startsWith('Z_')
  if (isPacking) return new SyncError('protocol', `${hash} came badly packed.`, { cause })
  return new SyncError('interrupted', `Fetching ${hash} broke off.`, { cause })
}

/** Breaks off a body that trickles: in each while it has to bring a number of bytes. */
class RateWatch {
  readonly #clock: Clock
  readonly #hash: string
  readonly #body: Readable
  #bytes = 0
  #stop: () => void

  constructor(clock: Clock, hash: string, body: Readable) {
    this.#clock = clock
    this.#hash = hash
    this.#body = body
    this.#stop = clock.after(patienceMs, () => this.#look(0))
  }

  async *counted(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#body as AsyncIterable<Uint8Array>) {
        this.#bytes += chunk.length
        yield chunk
      }
    } catch (cause) {
      throw broken(cause, this.#hash)
    }
  }

  end(): void {
    this.#stop()
  }

  #look(before: number): void {
    if (this.#bytes - before < (slowestRate * patienceMs) / 1_000) {
      const message = `${this.#hash} came at less than ${slowestRate} bytes a second.`
      this.#body.destroy(new SyncError('timeout', message))
      return
    }
    const bytes = this.#bytes
    this.#stop = this.#clock.after(patienceMs, () => this.#look(bytes))
  }
}
