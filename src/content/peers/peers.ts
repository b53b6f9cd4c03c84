import { SyncError } from '../../base/errors.ts'
import type { PeerClient } from './peer-client.ts'

/** How a peer has done lately as a place to fetch content from. */
interface Standing {
  readonly client: PeerClient
  /** Fetches under way, or waiting for a place. */
  busy: number
  /** Milliseconds that one took, lately; a failure counts as a long one. */
  costMs: number
}

/** A fetch from a peer. */
export interface Fetching<T> {
  /** Waits for a place; what comes back gives it back. */
  readonly enter: (client: PeerClient) => Promise<() => void>
  readonly fetch: (client: PeerClient) => Promise<T>
  /** Milliseconds of some clock. */
  readonly now: () => number
}

/** The part of the newest fetch in a peer's cost. */
const newest = 0.1
/** What a failed fetch counts as, in milliseconds. */
const failureMs = 5_000

/** The peers that content can be fetched from: the quick and idle ones come first, whoever fails comes last. */
export class Peers {
  readonly #standings = new Map<number, Standing>()

  /** A peer by the number of its source. */
  add(sourceId: number, client: PeerClient): void {
    this.#standings.set(sourceId, { client, busy: 0, costMs: 0 })
  }

  remove(sourceId: number): void {
    this.#standings.delete(sourceId)
  }

  get count(): number {
    return this.#standings.size
  }

  client(sourceId: number): PeerClient | null {
    return this.#standings.get(sourceId)?.client ?? null
  }

  /** All of them, in the order in which they are to be asked. `first`: who offered it, and so is likely to have it. */
  inTurn(first: number | null): readonly number[] {
    const others = [...this.#standings].toSorted(([, a], [, b]) => price(a) - price(b))
    const ids = others.map(([id]) => id)
    if (first === null || !this.#standings.has(first)) return ids
    return [first, ...ids.filter((id) => id !== first)]
  }

  /** Does a fetch from a peer, and notes how it went. Throws `unreachable` where the peer is not there any more. */
  async using<T>(sourceId: number, { enter, fetch, now }: Fetching<T>): Promise<T> {
    const standing = this.#standing(sourceId)
    standing.busy++
    try {
      const leave = await enter(standing.client)
      try {
        return await noted(this.#standing(sourceId), fetch, now)
      } finally {
        leave()
      }
    } finally {
      standing.busy--
    }
  }

  #standing(sourceId: number): Standing {
    const standing = this.#standings.get(sourceId)
    if (standing !== undefined) return standing
    throw new SyncError('unreachable', 'The peer was taken from the list while others were asked.')
  }
}

/** How long it took counts for the next ones. */
async function noted<T>(
  standing: Standing,
  fetch: Fetching<T>['fetch'],
  now: () => number,
): Promise<T> {
  const startedMs = now()
  let tookMs = failureMs
  try {
    const fetched = await fetch(standing.client)
    tookMs = now() - startedMs
    return fetched
  } finally {
    standing.costMs += newest * (tookMs - standing.costMs)
  }
}

function price({ busy, costMs }: Standing): number {
  return (busy + 1) * (costMs + 1)
}
