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
import { isUnreached } from './unreached.ts'

export interface FetcherParts {
  readonly peers: Peers
  readonly blobs: Pick<ContentBlobs, 'receive'>
  readonly clock: Clock
  /** Fetches at the same time; of one peer no more than half of them where there are others. */
  readonly concurrency: number
}

export interface Wanted {
  readonly hash: string
  readonly maxBytes: number
  /** It goes to a file however small it is. */
  readonly isFile?: boolean
  /** It may come as slowly as it likes, above the least rate: snapshots. */
  readonly isSlow?: boolean
  /** The source that offered it; null: nobody in particular. */
  readonly offeredBy: number | null
}

/** In so many milliseconds a body has to bring so many bytes for each second; what is too small for that has to be over. */
const patienceMs = 15_000
const slowestRate = 4_096
/**
 * What takes longer than so many milliseconds has to have come at so many bytes for each second of them; but for files that
 * are to be files, which are as long as snapshots.
 */
const longMs = 120_000
const slowestAverage = 16_384

/** Peers that are asked for one piece of content at most. */
const maxPeersAsked = 6

/**
 * Fetches content by its hash from whichever peer has it: who offered it first, then the quick ones. What comes is
 * hashed as it comes, and what is something else is thrown away and asked of the next.
 */
export class Fetcher {
  readonly #parts: FetcherParts
  readonly #places: Semaphore
  readonly #shares = new WeakMap<PeerClient, Semaphore>()

  constructor(parts: FetcherParts) {
    this.#parts = parts
    this.#places = new Semaphore(parts.concurrency)
  }

  /**
   * To be kept or dropped. Throws what whoever offered it failed with: that others are down, which some always are, says
   * nothing. Where nobody in particular did, what one of those failed with who could be asked, if anybody could.
   */
  async fetch(wanted: Wanted, signal: AbortSignal): Promise<Received> {
    const failures = new Map<number, SyncError>()
    for (const sourceId of this.#parts.peers.inTurn(wanted.offeredBy).slice(0, maxPeersAsked)) {
      try {
        return await this.#try(sourceId, wanted, signal)
      } catch (error) {
        // Called off by whoever asked: nobody else is to be asked.
        throwIfAborted(signal, `Fetching ${wanted.hash}`)
        const failure = asSyncError(error)
        if (failure.code === 'disk-full' || failure.code === 'internal') throw failure
        failures.set(sourceId, failure)
      }
    }
    throw verdict(wanted, failures)
  }

  #try(sourceId: number, wanted: Wanted, signal: AbortSignal): Promise<Received> {
    const { peers, clock } = this.#parts
    return peers.using(sourceId, {
      enter: (client) => this.#enter(client, `Fetching ${wanted.hash}`, signal),
      fetch: async (client) => {
        const received = await this.#receive(client, wanted, signal)
        if (received.hash === wanted.hash) return received
        await received.drop()
        throw new SyncError(
          'protocol',
          `${client.title} answered something else than ${wanted.hash}.`,
        )
      },
      now: () => clock.elapsed(),
    })
  }

  /** A place of the peer's share first: whoever waits for a slow one keeps no place from the others. */
  async #enter(client: PeerClient, what: string, signal: AbortSignal): Promise<() => void> {
    const isAlone = this.#parts.peers.count === 1
    const leaveShare = isAlone ? null : await this.#shareOf(client).enter(signal, what)
    try {
      const leave = await this.#places.enter(signal, what)
      return () => {
        leave()
        leaveShare?.()
      }
    } catch (error) {
      leaveShare?.()
      throw error
    }
  }

  #shareOf(client: PeerClient): Semaphore {
    const known = this.#shares.get(client)
    if (known !== undefined) return known
    const share = new Semaphore(Math.ceil(this.#parts.concurrency / 2))
    this.#shares.set(client, share)
    return share
  }

  async #receive(client: PeerClient, wanted: Wanted, signal: AbortSignal): Promise<Received> {
    const { blobs, clock } = this.#parts
    const { hash, maxBytes, isFile = false } = wanted
    const { body, length } = await client.content(hash, signal)
    const watch = new RateWatch(clock, wanted, body)
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

/** What a fetch has come to that each peer failed at. */
function verdict({ hash, offeredBy }: Wanted, failures: ReadonlyMap<number, SyncError>): SyncError {
  const own = offeredBy === null ? undefined : failures.get(offeredBy)
  const all = [...failures.values()]
  const answered = all.find((failure) => !isUnreached(failure))
  return (
    own ??
    answered ??
    all[0] ??
    new SyncError('unreachable', `There is no peer to fetch ${hash} from.`)
  )
}

/** What is small needs no place while it comes in. */
function smallOf(bytes: Uint8Array, form: 0 | 1): Received {
  const hash = form === 1 ? hashV1(bytes) : hashV0(bytes)
  const nothing = (): Promise<void> => Promise.resolve()
  const head = bytes.subarray(0, 64)
  const read = (): Promise<Uint8Array> => Promise.resolve(bytes)
  return { hash, size: bytes.length, bytes, head, read, keep: nothing, drop: nothing }
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

/** Breaks off a body that trickles: in each while it has to bring a number of bytes, and more of them on the whole. */
class RateWatch {
  readonly #clock: Clock
  readonly #wanted: Wanted
  readonly #body: Readable
  readonly #startedMs: number
  #bytes = 0
  #stop: () => void

  constructor(clock: Clock, wanted: Wanted, body: Readable) {
    this.#clock = clock
    this.#wanted = wanted
    this.#body = body
    this.#startedMs = clock.elapsed()
    this.#stop = clock.after(patienceMs, () => this.#look(0))
  }

  async *counted(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of this.#body as AsyncIterable<Uint8Array>) {
        this.#bytes += chunk.length
        yield chunk
      }
    } catch (cause) {
      throw broken(cause, this.#wanted.hash)
    }
  }

  end(): void {
    this.#stop()
  }

  #look(before: number): void {
    const rate = this.#tooSlow(before)
    if (rate !== null) {
      const message = `${this.#wanted.hash} came at less than ${rate} bytes a second.`
      this.#body.destroy(new SyncError('timeout', message))
      return
    }
    const bytes = this.#bytes
    this.#stop = this.#clock.after(patienceMs, () => this.#look(bytes))
  }

  /** The rate that it has not come at, in bytes a second; null: it is quick enough. */
  #tooSlow(before: number): number | null {
    if (this.#bytes - before < (slowestRate * patienceMs) / 1_000) return slowestRate
    const tookMs = this.#clock.elapsed() - this.#startedMs
    if (this.#wanted.isSlow === true || tookMs < longMs) return null
    const isLate = this.#bytes < (slowestAverage * tookMs) / 1_000
    return isLate ? slowestAverage : null
  }
}
