import type { Log } from '../base/log.ts'
import { withoutCover } from '../store/sql/cover-hashes.ts'
import type { Core } from './core.ts'

const dayMs = 86_400_000
/** After the start, and between two steps, in milliseconds: nobody waits for this. */
const firstMs = 60_000
const betweenMs = 1_000
/** Rows of a kind, or pictures, that one step looks at. */
const atOnce = 500
/** Steps after a single sync; what is left then waits for the next one. */
const stepsAfterSync = 20

/** What nobody can ask for any more goes, a little at a time: tombstones whose time has passed, pictures without a cover. */
export class Purge {
  readonly #core: Core
  readonly #log: Log
  #isStopped = false
  #cancel: () => void = () => undefined
  #running: Promise<void> = Promise.resolve()
  /** The last picture that was looked at; '' before the first. */
  #picture = ''

  constructor(core: Core, log: Log) {
    this.#core = core
    this.#log = log
  }

  /** Once a day from now on. */
  start(): void {
    this.#in(firstMs)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#cancel()
    await this.#running
  }

  /** Tombstones alone, at once: pictures are kept by servers only. */
  async afterSync(): Promise<void> {
    try {
      for (let step = 0; step < stepsAfterSync; step++) if (!(await this.#tombstones())) return
    } catch (error) {
      this.#log.error({ error }, failed)
    }
  }

  #in(ms: number): void {
    if (this.#isStopped) return
    this.#cancel = this.#core.clock.after(ms, () => {
      this.#running = this.#step()
    })
  }

  async #step(): Promise<void> {
    let isMore = false
    try {
      isMore = (await this.#tombstones()) || (await this.#pictures())
    } catch (error) {
      this.#log.error({ error }, failed)
    } finally {
      this.#in(isMore ? betweenMs : dayMs)
    }
  }

  /** True while there may be more. */
  async #tombstones(): Promise<boolean> {
    const { database, tasks, library, policy } = this.#core
    const items = await tasks.purge(atOnce)
    const beforeMs = (await database.sql.now()) - policy.tombstoneMs
    const rows = await library.purge(beforeMs, atOnce)
    return items >= atOnce || rows >= atOnce
  }

  /** True while there may be more. A picture that is removed while it gets a cover again is read from its drive once more. */
  async #pictures(): Promise<boolean> {
    const { blobs, database } = this.#core
    const hashes = await blobs.hashes(this.#picture, atOnce)
    for (const hash of await withoutCover(database.sql, hashes)) await blobs.remove(hash)
    this.#picture = hashes.length < atOnce ? '' : (hashes.at(-1) ?? '')
    return this.#picture !== ''
  }
}

const failed = 'removing what nobody can ask for any more failed'
