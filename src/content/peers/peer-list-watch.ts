import type { Clock } from '../../base/clock.ts'
import { asSyncError, SyncError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import { backoffMs } from '../../base/retry.ts'
import type { ContentStore } from '../content-store.ts'
import { joined, others, type PeerAddress, type PeerList } from './peer-list.ts'
import { RememberedList } from './peer-list-remembered.ts'

export interface PeerListWatchParts {
  readonly lists: readonly PeerList[]
  /** Where others find this node, an address that `peerUrl` takes; null: it does not know. */
  readonly ownUrl: string | null
  /** Peers that are followed already, from an earlier life. */
  readonly following: readonly PeerAddress[]
  readonly facts: Pick<ContentStore, 'fact' | 'setFact'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly onChange: OnPeersChange
}

/**
 * Who is new or of whom `isOperators` is another than was told, and who is on no list any more; one call at a time. When
 * it fails, the same is told again later.
 */
export type OnPeersChange = (
  added: readonly PeerAddress[],
  removed: readonly PeerAddress[],
) => Promise<void>

/**
 * Reads each list at start and every half hour, and tells what has changed in all of them together. A list that cannot
 * be read stays as it was, over a restart too. Nobody is removed before every list has been read once: doubt never
 * deletes.
 */
export class PeerListWatch {
  readonly #parts: PeerListWatchParts
  readonly #lists: readonly RememberedList[]
  readonly #stopping = new AbortController()
  #told: readonly PeerAddress[]
  #telling: Promise<unknown> = Promise.resolve()
  #running: Promise<unknown> = Promise.resolve()

  constructor(parts: PeerListWatchParts) {
    this.#parts = parts
    this.#lists = parts.lists.map((list) => new RememberedList({ ...parts, list }))
    this.#told = parts.following
  }

  /** Those that were told of and not taken back. */
  get peers(): readonly PeerAddress[] {
    return this.#told
  }

  /** Once. */
  start(): void {
    this.#running = Promise.all(this.#lists.map((list) => this.#follow(list)))
  }

  /** Ends what is being read, and waits for what is being told. */
  async stop(): Promise<void> {
    this.#stopping.abort(new SyncError('cancelled', 'The lists of peers are not read any more.'))
    await this.#running
  }

  async #follow(list: RememberedList): Promise<void> {
    const { signal } = this.#stopping
    await this.#restore(list)
    for (let failures = 0; !signal.aborted;) {
      const error = await this.#refresh(list)
      if (signal.aborted) return
      this.#note(list, error, failures)
      failures = error === null ? 0 : failures + 1
      const pauseMs = this.#pauseMs(error, failures)
      await this.#parts.clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }

  /** Those of an earlier life are told of before anybody is asked. */
  async #restore(list: RememberedList): Promise<void> {
    try {
      await list.restore()
      await this.#tell()
    } catch (error) {
      this.#parts.log.warn({ list: list.name, error }, 'peers of before not taken up')
    }
  }

  /** What went wrong; null: nothing. */
  async #refresh(list: RememberedList): Promise<SyncError | null> {
    const failures: unknown[] = []
    const note = (thrown: unknown): unknown => failures.push(thrown)
    await list.refresh(this.#stopping.signal).catch(note)
    await this.#tell().catch(note)
    return failures.length === 0 ? null : asSyncError(failures[0])
  }

  /** Behind what is being told just now, whatever becomes of that. */
  #tell(): Promise<void> {
    const telling = this.#telling.then(() => this.#tellNow())
    this.#telling = telling.catch(() => undefined)
    return telling
  }

  async #tellNow(): Promise<void> {
    const { ownUrl, onChange } = this.#parts
    if (this.#stopping.signal.aborted) return
    const peers = others(joined(this.#lists.map((list) => list.peers)), ownUrl)
    const rights = new Map(this.#told.map((peer) => [peer.url, peer.isOperators]))
    const added = peers.filter((peer) => rights.get(peer.url) !== peer.isOperators)
    const listedUrls = new Set(peers.map(({ url }) => url))
    const gone = this.#told.filter(({ url }) => !listedUrls.has(url))
    const isSure = this.#lists.every((list) => list.isRead)
    const removed = isSure ? gone : []
    if (added.length + removed.length > 0) await onChange(added, removed)
    this.#told = isSure ? peers : [...peers, ...gone]
  }

  /** One line when it begins to fail, one when that is over. */
  #note({ name }: RememberedList, error: SyncError | null, failures: number): void {
    const { log } = this.#parts
    if (error !== null && failures === 0) {
      const { code, message, hint } = error
      log.warn(
        { list: name, code, error: message, hint },
        'list of peers not taken up; it stays as it was',
      )
    }
    if (error === null && failures > 0) log.info({ list: name }, 'list of peers taken up again')
  }

  #pauseMs(error: SyncError | null, failures: number): number {
    const { random } = this.#parts
    if (error === null) return refreshMs * (0.9 + 0.2 * random())
    const asked = Math.min(error.retryAfterMs ?? 0, refreshMs)
    return Math.max(asked, backoffMs(failures - 1, failureBackoff, random))
  }
}

/** Between two readings of a list, give or take a tenth: what the network's servers wait. */
export const refreshMs = 30 * 60_000
/** After a reading that failed. */
const failureBackoff = { baseMs: 15_000, maxMs: refreshMs }
