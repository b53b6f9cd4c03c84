import { Client, type QueryResult } from 'pg'
import type { Clock } from '../../base/clock.ts'
import type { SyncError } from '../../base/errors.ts'
import type { DatabaseAddress } from './address.ts'
import { type Prepared, PreparedQuery, type Rows, type Shapes } from './prepared-query.ts'
import { isLoss, isStale, lossTrouble } from './trouble.ts'
import { resultTypes } from './values.ts'

/** One connection to the server, until it is closed or breaks. Statements that do not wait for each other share a round trip. */
export class Connection {
  /** When it is of no use any more, for whatever reason. */
  readonly lost: Promise<void>
  readonly #client: Client
  readonly #address: DatabaseAddress
  readonly #clock: Clock
  #noteLoss: () => void = () => undefined
  #loss: SyncError | null = null
  readonly #shapes: Shapes = new Map()
  /** Statements that are not answered yet. */
  #asked = 0
  #heardMs = 0
  /** Milliseconds without an answer after which it is given up. */
  #silenceMs = 0
  #stopWatch: () => void = () => undefined

  private constructor(client: Client, address: DatabaseAddress, clock: Clock) {
    this.#client = client
    this.#address = address
    this.#clock = clock
    this.lost = new Promise((resolve) => {
      this.#noteLoss = resolve
    })
    client.on('error', (error) => this.#lose(error))
    client.on('end', () => this.#lose(new Error('it was closed')))
  }

  /** Throws what the driver does. `onNotice` is called for each message of a channel that is listened to. */
  static async open(
    address: DatabaseAddress,
    clock: Clock,
    onNotice: () => void = () => undefined,
  ): Promise<Connection> {
    const client = new Client({ ...session, connectionString: address.url })
    const connection = new Connection(client, address, clock)
    client.on('notification', onNotice)
    const stop = clock.after(connectMs, () => {
      client.connection.stream.destroy(new Error(`no answer within ${connectMs / 1_000} s`))
    })
    try {
      await client.connect()
      return connection
    } catch (error) {
      connection.drop()
      throw error
    } finally {
      stop()
    }
  }

  get isLost(): boolean {
    return this.#loss !== null
  }

  /** A server that says nothing for longer than it may take itself is given up. Throws what the driver does, or the loss. */
  async query(statement: Prepared, limitMs = statementMs): Promise<Rows> {
    const shapes = this.#shapes
    return this.#guarded(
      () =>
        new Promise((resolve, reject) => {
          this.#client.query(new PreparedQuery({ statement, shapes, resolve, reject }))
        }),
      limitMs,
    )
  }

  /** Several statements in one text, without values; of each one what it gave. */
  async script(text: string, limitMs = statementMs): Promise<readonly QueryResult[]> {
    const results: unknown = await this.#guarded(() => this.#client.query(text), limitMs)
    // The driver gives a list if there are several, and says nothing of it in its types.
    return Array.isArray(results) ? results : [results as QueryResult]
  }

  async #guarded<T>(query: () => Promise<T>, limitMs: number): Promise<T> {
    if (this.#loss !== null) throw this.#loss
    this.#expectAnswer(limitMs + graceMs)
    try {
      return await query()
    } catch (error) {
      if (isLoss(error) || isStale(error)) {
        this.#lose(error)
        this.drop()
        throw error
      }
      throw this.#loss ?? error
    } finally {
      this.#noteAnswer()
    }
  }

  /** One watch for all that is asked until the last answer. */
  #expectAnswer(silenceMs: number): void {
    this.#silenceMs = Math.max(silenceMs, this.#asked === 0 ? 0 : this.#silenceMs)
    this.#asked++
    if (this.#asked > 1) return
    this.#heardMs = this.#clock.elapsed()
    this.#watch(silenceMs)
  }

  #noteAnswer(): void {
    this.#heardMs = this.#clock.elapsed()
    this.#asked--
    if (this.#asked === 0) this.#stopWatch()
  }

  #watch(ms: number): void {
    this.#stopWatch = this.#clock.after(ms, () => {
      const leftMs = this.#heardMs + this.#silenceMs - this.#clock.elapsed()
      if (leftMs > 0) {
        this.#watch(leftMs)
        return
      }
      const seconds = this.#silenceMs / 1_000
      this.#client.connection.stream.destroy(new Error(`no answer within ${seconds} s`))
    })
  }

  /** Says goodbye. */
  async close(): Promise<void> {
    const stop = this.#clock.after(closeMs, () => this.drop())
    await this.#client.end()
    stop()
  }

  /** Ends it at once; the server undoes what is not committed. */
  drop(): void {
    this.#client.connection.stream.destroy()
    this.#lose(new Error('it was given up'))
  }

  #lose(error: unknown): void {
    this.#loss ??= lossTrouble(error, this.#address.title)
    this.#noteLoss()
  }
}

/** Milliseconds that a statement may take, and one that was asked for as a long one. */
export const statementMs = 10_000
export const longStatementMs = 3_600_000

/** Milliseconds that a lock is waited for; so long may a process hang in the middle of a transaction. */
export const lockMs = 5_000
const idleMs = 5_000

/** Milliseconds for connecting, for an answer after the server's own limit has passed, for a goodbye. */
const connectMs = 4_000
const graceMs = 5_000
const closeMs = 1_000

const session = {
  application_name: 'roundelay',
  // Short statements: compiling one, or starting helpers for it, takes longer than running it.
  options: '-c jit=off -c max_parallel_workers_per_gather=0',
  statement_timeout: statementMs,
  lock_timeout: lockMs,
  idle_in_transaction_session_timeout: idleMs,
  types: resultTypes,
  pipeline: true,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
} as const
