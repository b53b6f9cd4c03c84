import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { backoffMs } from '../../base/retry.ts'
import type { Connection } from './connection.ts'
import type { Connector } from './connector.ts'

export interface NoticesParts {
  readonly connector: Connector
  readonly clock: Clock
  readonly random: Random
}

/** What is notified there wakes every process of a database. */
export const channel = 'roundelay'

/** Hears that another process has changed something, on a connection of its own that is made anew when it breaks. */
export class Notices {
  readonly #parts: NoticesParts
  readonly #end = new AbortController()
  #running: Promise<void> | null = null

  constructor(parts: NoticesParts) {
    this.#parts = parts
  }

  /**
   * Calls `onNotice` for every notice, and each time that listening has begun: something may have been missed before.
   * Once; it does not wait for the server.
   */
  listen(onNotice: () => void): void {
    this.#running ??= this.#listen(onNotice)
  }

  /** Nothing is called any more when this resolves. */
  async close(): Promise<void> {
    this.#end.abort()
    await this.#running
  }

  async #listen(onNotice: () => void): Promise<void> {
    const { clock, random } = this.#parts
    const { signal } = this.#end
    while (!signal.aborted) {
      // Nothing is lost when this fails: as soon as it succeeds, `onNotice` is called. A server that lets everybody in
      // and keeps nobody is not asked without a rest, either.
      await this.#hear(onNotice).catch(() => undefined)
      const pauseMs = backoffMs(0, { baseMs: restMs, maxMs: restMs }, random)
      await clock.sleep(pauseMs, signal).catch(() => undefined)
    }
  }

  /** Until the connection breaks, or this is closed. */
  async #hear(onNotice: () => void): Promise<void> {
    const { signal } = this.#end
    const connection = await this.#parts.connector.connect(signal, () => {
      if (!signal.aborted) onNotice()
    })
    const close = (): void => connection.drop()
    signal.addEventListener('abort', close, { once: true })
    let stop = (): void => undefined
    try {
      signal.throwIfAborted()
      await connection.script(`listen ${channel}`)
      onNotice()
      stop = this.#beat(connection)
      await connection.lost
    } finally {
      stop()
      signal.removeEventListener('abort', close)
      connection.drop()
    }
  }

  /** A server that is not there any more says nothing, as does one that has nothing to say: so it is asked. */
  #beat(connection: Connection): () => void {
    let stop = (): void => undefined
    const beat = (): void => {
      if (connection.isLost) return
      stop = this.#parts.clock.after(beatMs, () => {
        connection.script('select 1', answerMs).then(beat, () => connection.drop())
      })
    }
    beat()
    return () => stop()
  }
}

/** Milliseconds between two questions, and for an answer. */
const beatMs = 30_000
const answerMs = 5_000

/** Milliseconds, more or less, before listening begins again. */
const restMs = 1_000
