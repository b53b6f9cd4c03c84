import { abortable } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { ContentStore } from '../content-store.ts'
import { joined, listed, type PeerAddress, type PeerList, peerUrl } from './peer-list.ts'

export interface RememberedListParts {
  readonly list: PeerList
  readonly facts: Pick<ContentStore, 'fact' | 'setFact'>
  readonly clock: Clock
}

/** A list with what it said last, which outlives the process. */
export class RememberedList {
  readonly #parts: RememberedListParts
  #peers: readonly PeerAddress[]
  #isRead = false
  /** What is kept, as text; null: nothing. */
  #kept: string | null = null

  constructor(parts: RememberedListParts) {
    this.#parts = parts
    this.#peers = parts.list.known ?? []
  }

  get name(): string {
    return this.#parts.list.name
  }

  /** What the list says, as far as is known; each once. */
  get peers(): readonly PeerAddress[] {
    return this.#peers
  }

  /** False: they are those of an earlier life, or none. */
  get isRead(): boolean {
    return this.#isRead
  }

  /** Takes up what it said in an earlier life; throws what the facts throw. */
  async restore(): Promise<void> {
    this.#kept = await this.#parts.facts.fact(this.#factName)
    if (this.#kept === null) return
    this.#peers = [...this.#peers, ...listed(urlsOf(this.#kept), peerUrl).peers]
  }

  /** Asks it, for `maxReadMs` at most. Throws what it throws, or what the facts do: its answer counts all the same. */
  async refresh(signal: AbortSignal): Promise<void> {
    const { facts, clock } = this.#parts
    this.#peers = joined([await this.#read(signal)])
    this.#isRead = true
    await facts.setFact(readFact, String(clock.now()))
    const text = factText(this.#peers)
    if (text === (this.#kept ?? '[]')) return
    await facts.setFact(this.#factName, text)
    this.#kept = text
  }

  async #read(signal: AbortSignal): Promise<readonly PeerAddress[]> {
    const { list, clock } = this.#parts
    const what = `Reading the peers of the ${list.name}`
    const late = new AbortController()
    const cancel = clock.after(maxReadMs, () =>
      late.abort(new SyncError('timeout', `${what} took longer than ${maxReadMs} ms.`)),
    )
    const either = AbortSignal.any([signal, late.signal])
    try {
      return await abortable(list.read(either), either, what)
    } finally {
      cancel()
    }
  }

  get #factName(): string {
    return `peers of ${this.name}`
  }
}

/** A fact: when a list was last read, in milliseconds since 1970. */
export const readFact = 'peers.read'

/** Milliseconds that one reading may take: a contract of a thousand servers is two thousand questions. */
export const maxReadMs = 120_000

/** What the operator typed is not kept: only what he types now may be on a private network. */
function factText(peers: readonly PeerAddress[]): string {
  const urls = peers.filter(({ isOperators }) => !isOperators).map(({ url }) => url)
  return JSON.stringify(urls.sort())
}

function urlsOf(fact: string): readonly string[] {
  const urls: unknown = JSON.parse(fact)
  return Array.isArray(urls) ? urls.filter((url) => typeof url === 'string') : []
}
