import { cancellation } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import type { SyncError } from '../../base/errors.ts'
import { type Log, silentLog } from '../../base/log.ts'
import type { Random } from '../../base/random.ts'
import type { DatabaseAddress } from './address.ts'
import { Connection } from './connection.ts'
import { connectTrouble, isLasting } from './trouble.ts'

export interface ConnectorParts {
  readonly address: DatabaseAddress
  readonly clock: Clock
  readonly random: Random
  /** Told when the server goes away and when it comes back. */
  readonly log?: Log
}

/**
 * Makes every connection of this process, one after the other. After an attempt that failed it rests: a server that
 * comes back meets one attempt of each process and not one of everybody who waits.
 */
export class Connector {
  readonly #parts: ConnectorParts
  /** Ends with the last attempt that was asked for. */
  #turn: Promise<unknown> = Promise.resolve()
  #failure: SyncError | null = null
  /** Of elapsed time: when the first attempt began of those that failed since the last one that did not. */
  #awaySinceMs: number | null = null
  #hasAnswered = false
  #restMs = 0
  /** Of elapsed time. */
  #restUntilMs = 0

  constructor(parts: ConnectorParts) {
    this.#parts = parts
  }

  /** Why the last attempt failed, while it is the last one. */
  get failure(): SyncError | null {
    return this.#failure
  }

  /** Since when no attempt has succeeded, in elapsed time; null while there is nothing amiss. */
  get awaySinceMs(): number | null {
    return this.#awaySinceMs
  }

  /** Waits for its turn and the end of the rest, and tries once. Throws why it failed; `cancelled` with the signal. */
  connect(signal: AbortSignal, onNotice?: () => void): Promise<Connection> {
    const attempt = this.#turn.then(() => this.#attempt(signal, onNotice))
    this.#turn = attempt.catch(() => undefined)
    return attempt
  }

  /** Why there is no point in waiting for a connection until `untilMs` of elapsed time; null if there is. */
  refusal(untilMs: number): SyncError | null {
    const failure = this.#failure
    if (failure === null || this.#parts.clock.elapsed() >= this.#restUntilMs) return null
    return isLasting(failure) || this.#restUntilMs > untilMs ? failure : null
  }

  async #attempt(signal: AbortSignal, onNotice?: () => void): Promise<Connection> {
    const { address, clock } = this.#parts
    await this.#rest(signal)
    const startedMs = clock.elapsed()
    try {
      const connection = await Connection.open(address, clock, onNotice)
      this.#noteAnswer()
      return connection
    } catch (error) {
      const failure = connectTrouble(error, address.title)
      this.#noteFailure(failure, startedMs)
      throw failure
    }
  }

  #noteAnswer(): void {
    const { clock, log = silentLog } = this.#parts
    if (this.#awaySinceMs !== null && this.#hasAnswered) {
      log.info({ awayMs: Math.round(clock.elapsed() - this.#awaySinceMs) }, 'the database is back')
    }
    this.#failure = null
    this.#awaySinceMs = null
    this.#hasAnswered = true
    this.#restMs = 0
  }

  /** Once for each outage it is logged; whoever meets it at the start is told so by what he called. */
  #noteFailure(failure: SyncError, startedMs: number): void {
    const { clock, log = silentLog } = this.#parts
    if (this.#awaySinceMs === null && this.#hasAnswered) {
      const { code, message, hint } = failure
      log.warn({ code, message, hint }, 'the database went away')
    }
    this.#failure = failure
    this.#awaySinceMs ??= startedMs
    this.#restMs = this.#nextRestMs()
    this.#restUntilMs = clock.elapsed() + this.#restMs
  }

  async #rest(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    try {
      const leftMs = this.#failure === null ? 0 : this.#restUntilMs - clock.elapsed()
      if (leftMs > 0) await clock.sleep(leftMs, signal)
      signal.throwIfAborted()
    } catch {
      throw cancellation(signal, 'Connecting to the database')
    }
  }

  /** Decorrelated jitter: between the shortest and three times the last one, so that processes drift apart. */
  #nextRestMs(): number {
    const longestMs = Math.max(shortestRestMs, this.#restMs) * 3
    const restMs = shortestRestMs + this.#parts.random() * (longestMs - shortestRestMs)
    return Math.min(maxRestMs, restMs)
  }
}

/** Bounds of a rest, in milliseconds. */
const shortestRestMs = 100
const maxRestMs = 30_000
