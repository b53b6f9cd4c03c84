import type { Clock } from '../base/clock.ts'
import type { Database } from '../store/sqlite/database.ts'

/** How often it is looked whether another process has changed the database, in milliseconds. */
const lookMs = 250

/** Tells that something may look different now: a turn was taken here, or a command changed the database beside us. */
export class Changes {
  readonly #clock: Clock
  readonly #db: Database
  readonly #listeners = new Set<() => void>()
  #cancel: () => void = () => undefined
  #version = 0
  #onChange: () => void = () => undefined

  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  /** Looks for what others change from now on; `onChange` is called when somebody did, here or there. */
  start(onChange: () => void): void {
    this.#onChange = onChange
    this.#version = this.#db.dataVersion
    const look = (): void => {
      const version = this.#db.dataVersion
      if (version !== this.#version) {
        this.#version = version
        this.stir()
      }
      this.#cancel = this.#clock.after(lookMs, look)
    }
    this.#cancel = this.#clock.after(lookMs, look)
  }

  stop(): void {
    this.#cancel()
    this.#onChange = () => undefined
    this.#listeners.clear()
  }

  /** Owners, sources or what is asked of them changed. */
  stir(): void {
    this.#onChange()
    this.tell()
  }

  tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** The function that comes back ends the subscription. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}
