import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { Connection } from './connection.ts'
import type { Connector } from './connector.ts'

export interface PoolParts {
  readonly connector: Connector
  readonly clock: Clock
  /** Connections at most. They are opened when they are first needed, and stay. */
  readonly size: number
}

interface Asker {
  /** Of elapsed time. */
  readonly untilMs: number
  readonly take: (connection: Connection) => void
  readonly refuse: (error: SyncError) => void
}

/** The connections of a process. Whoever takes one gives it back; askers have their turn in the order in which they came. */
export class Pool {
  readonly #parts: PoolParts
  readonly #open = new Set<Connection>()
  readonly #idle: Connection[] = []
  readonly #askers: Asker[] = []
  readonly #end = new AbortController()
  #isOpening = false

  constructor(parts: PoolParts) {
    this.#parts = parts
  }

  /** Connections that are open now. */
  get count(): number {
    return this.#open.size
  }

  /** Throws `database-away` when the server is, `database` when all are in use for too long. */
  take(): Promise<Connection> {
    const { clock, connector } = this.#parts
    const idle = this.#idle.pop()
    if (idle !== undefined) return Promise.resolve(idle)
    return new Promise((resolve, reject) => {
      const untilMs = this.#patienceEndMs()
      const refusal = this.#refusal(untilMs)
      if (refusal !== null) {
        reject(refusal)
        return
      }
      const asker: Asker = {
        untilMs,
        take: (connection) => {
          stop()
          resolve(connection)
        },
        refuse: (error) => {
          stop()
          reject(error)
        },
      }
      const busyUntilMs = clock.elapsed() + busyMs
      const giveUp = (): void => {
        const leftMs = busyUntilMs - clock.elapsed()
        if (this.#open.size > 0 && leftMs > 0) {
          stop = clock.after(leftMs, giveUp)
          return
        }
        this.#askers.splice(this.#askers.indexOf(asker), 1)
        reject(connector.failure ?? allBusy())
      }
      let stop = clock.after(untilMs - clock.elapsed(), giveUp)
      this.#askers.push(asker)
      void this.#openMore()
    })
  }

  give(connection: Connection): void {
    if (connection.isLost) return
    if (this.#end.signal.aborted) {
      void connection.close()
      return
    }
    const asker = this.#askers.shift()
    if (asker === undefined) this.#idle.push(connection)
    else asker.take(connection)
  }

  /** Whoever waits is refused. Connections in use are closed when they are given back, or given up after a while. */
  async close(): Promise<void> {
    this.#end.abort()
    for (const asker of this.#askers.splice(0)) asker.refuse(closed())
    await Promise.all(this.#idle.splice(0).map((connection) => connection.close()))
    const stop = this.#parts.clock.after(closeMs, () => {
      for (const connection of this.#open) connection.drop()
    })
    await Promise.all([...this.#open].map((connection) => connection.lost))
    stop()
  }

  /** A server that is back within `outageMs` costs nobody an error; one that is away for longer is told of soon. */
  #patienceEndMs(): number {
    const { clock, connector } = this.#parts
    const nowMs = clock.elapsed()
    return Math.max((connector.awaySinceMs ?? nowMs) + outageMs, nowMs + leastPatienceMs)
  }

  #refusal(untilMs: number): SyncError | null {
    if (this.#end.signal.aborted) return closed()
    if (this.#askers.length >= maxAskers) return allBusy()
    // While there is one connection, it may be given back at any time.
    return this.#open.size > 0 ? null : this.#parts.connector.refusal(untilMs)
  }

  /** One after the other, as long as somebody waits for one. */
  async #openMore(): Promise<void> {
    if (this.#isOpening) return
    this.#isOpening = true
    while (this.#askers.length > 0 && this.#open.size < this.#parts.size) await this.#openOne()
    this.#isOpening = false
  }

  async #openOne(): Promise<void> {
    try {
      const connection = await this.#parts.connector.connect(this.#end.signal)
      this.#open.add(connection)
      void connection.lost.then(() => this.#forget(connection))
      this.give(connection)
    } catch {
      // Why it failed is told to those for whom there is no point in waiting on.
      for (const asker of this.#askers.splice(0)) {
        const refusal = this.#refusal(asker.untilMs)
        if (refusal === null) this.#askers.push(asker)
        else asker.refuse(refusal)
      }
    }
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection)
    const place = this.#idle.indexOf(connection)
    if (place >= 0) this.#idle.splice(place, 1)
    void this.#openMore()
  }
}

/** Milliseconds that a connection is waited for: where there are some and others use them, since the server is away, and at least. */
const busyMs = 10_000
const outageMs = 4_500
const leastPatienceMs = 1_000

/** Milliseconds that those in use are waited for at the end. */
const closeMs = 5_000

/** Those that wait at the same time. */
const maxAskers = 10_000

function allBusy(): SyncError {
  return new SyncError(
    'database',
    `All connections to the database were in use for ${busyMs / 1_000} s.`,
  )
}

function closed(): SyncError {
  return new SyncError('cancelled', 'The connections to the database have been closed.')
}
