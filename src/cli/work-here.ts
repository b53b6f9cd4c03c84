import type { Core } from '../app/core.ts'
import type { Work } from '../app/work.ts'
import { SyncError } from '../base/errors.ts'
import { silentLog } from '../base/log.ts'

/** How often it is looked whether another process has left the work to us, in milliseconds. */
const lookMs = 1_000

/** The work, done in this process whenever no other one does it. */
export class WorkHere {
  readonly #core: Core
  #work: Work | null = null
  #lookedMs = Number.NEGATIVE_INFINITY
  #taking: Promise<void> | null = null

  constructor(core: Core) {
    this.#core = core
  }

  /** Takes up the work unless it is done already, here or elsewhere. Throws what the store refused a turn with. */
  async see(): Promise<void> {
    this.#taking ??= this.#take().finally(() => {
      this.#taking = null
    })
    await this.#taking
    const refusal = this.#work?.engine.refusal ?? null
    if (refusal !== null) throw new SyncError(refusal.code, refusal.message)
  }

  async stop(): Promise<void> {
    await this.#work?.tidy()
    await this.#work?.stop(0)
  }

  async #take(): Promise<void> {
    const nowMs = this.#core.clock.elapsed()
    if (this.#work !== null || nowMs - this.#lookedMs < lookMs) return
    this.#lookedMs = nowMs
    const { tryStartWork } = await import('../app/work.ts')
    this.#work = await tryStartWork(this.#core, silentLog, {})
  }
}
