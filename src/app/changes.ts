import type { Clock } from '../base/clock.ts'
import type { StoreDatabase } from './store-database.ts'

/** How often those who watch are told to look, where the work is done by other machines: in milliseconds. */
const tellMs = 1_000

/** Tells that something may look different now: a turn was taken here, or somebody else changed the database. */
export class Changes {
  readonly #clock: Clock
  readonly #database: StoreDatabase
  readonly #listeners = new Set<() => void>()
  #cancel: () => void = () => undefined
  #unlisten: () => Promise<void> = async () => undefined
  #onChange: () => void = () => undefined

  constructor(database: StoreDatabase, clock: Clock) {
    this.#database = database
    this.#clock = clock
  }

  /** Looks for what others change from now on; `onChange` is called when somebody did, here or there. */
  start(onChange: () => void): void {
    this.#onChange = onChange
    this.#unlisten = this.#database.listen(() => this.stir())
    if (this.#database.sql.isShared) this.#tick()
  }

  async stop(): Promise<void> {
    this.#cancel()
    this.#onChange = () => undefined
    this.#listeners.clear()
    await this.#unlisten()
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

  /** Machines tell each other of what is to be done, not of every step of it. */
  #tick(): void {
    this.#cancel = this.#clock.after(tellMs, () => {
      this.tell()
      this.#tick()
    })
  }
}
