import type { PeerClient } from './peer-client.ts'

/** How a peer has done lately as a place to fetch content from. */
interface Standing {
  readonly client: PeerClient
  /** Fetches under way. */
  busy: number
  /** Milliseconds that one took, lately; a failure counts as a long one. */
  costMs: number
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

  /** Does a fetch from a peer, and notes how it went. */
  async using<T>(
    sourceId: number,
    fetch: (client: PeerClient) => Promise<T>,
    now: () => number,
  ): Promise<T> {
    const standing = this.#standings.get(sourceId)
    if (standing === undefined) throw new Error(`assertion failed: peer ${sourceId} is there`)
    const startedMs = now()
    standing.busy++
    let tookMs = failureMs
    try {
      const fetched = await fetch(standing.client)
      tookMs = now() - startedMs
      return fetched
    } finally {
      standing.busy--
      standing.costMs += newest * (tookMs - standing.costMs)
    }
  }
}

function price({ busy, costMs }: Standing): number {
  return (busy + 1) * (costMs + 1)
}
