import type { Clock } from '../../base/clock.ts'
import { asSyncError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { backoffMs } from '../../base/retry.ts'
import type { NewsPace } from './news-pace.ts'
import type { PeerClient } from './peer-client.ts'

export interface PeerWatchParts {
  readonly client: PeerClient
  /** Shared by all who watch. */
  readonly pace: Pick<NewsPace, 'next'>
  readonly clock: Clock
  readonly random: Random
  /** There is something new at the peer. */
  readonly onNews: () => void
}

/** Milliseconds that one question may wait at the peer. */
const waitMs = 25_000
/** Whether it has said of itself what it is, is looked at so often, in milliseconds. */
const glanceMs = 500
/** Milliseconds between questions to a peer that does not answer. */
const pauses = { baseMs: 2_000, maxMs: 300_000 } as const

/**
 * Waits at a peer of our own kind for something new, so that it is read at once and not at the next poll. Only a hint:
 * what it misses, the poll finds.
 */
export class PeerWatch {
  readonly #parts: PeerWatchParts
  readonly #end = new AbortController()
  readonly #loop: Promise<void>

  constructor(parts: PeerWatchParts) {
    this.#parts = parts
    this.#loop = this.#watch()
  }

  async stop(): Promise<void> {
    this.#end.abort()
    await this.#loop
  }

  async #watch(): Promise<void> {
    const { client, pace, clock, random, onNews } = this.#parts
    const { signal } = this.#end
    let newestMs = Number.MAX_SAFE_INTEGER
    let failures = 0
    while (!signal.aborted) {
      try {
        if (client.isOwnKind) {
          // The first question only tells where it stands; a page that was read meanwhile is asked for again.
          const known = newestMs === Number.MAX_SAFE_INTEGER ? 0 : newestMs
          const askedMs = clock.elapsed()
          const now = await client.news(known, waitMs, signal)
          failures = 0
          newestMs = now
          if (now <= known) {
            // Who does not wait is not asked without a pause.
            const isAtOnce = clock.elapsed() - askedMs < waitMs / 2
            if (isAtOnce) await clock.sleep(pauses.baseMs, signal)
            continue
          }
          await pace.next(signal)
          onNews()
          continue
        }
      } catch (error) {
        if (signal.aborted) return
        failures = asSyncError(error).remedy === 'source' ? failures + 1 : failures + 5
      }
      await this.#rest(failures === 0 ? glanceMs : backoffMs(failures, pauses, random))
    }
  }

  /** Not longer than until somebody else has had an answer: then the peer is back. */
  async #rest(pauseMs: number): Promise<void> {
    const { client, clock } = this.#parts
    const { signal } = this.#end
    const { answers } = client
    const endMs = clock.elapsed() + pauseMs
    for (let leftMs = pauseMs; leftMs > 0; leftMs = endMs - clock.elapsed()) {
      await clock.sleep(Math.min(pauses.baseMs, leftMs), signal).catch(() => undefined)
      if (signal.aborted || client.answers !== answers) return
    }
  }
}
