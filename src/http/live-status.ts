import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import type { Pace } from './pace.ts'
import { problemOf } from './problem.ts'
import type { Progress } from './progress.ts'

export interface LiveStatusParts {
  readonly read: () => Promise<string>
  readonly progress: Progress
  /** Shared by all that are open. */
  readonly pace: Pace
  readonly clock: Clock
  readonly log: Log
}

/** What can be seen since a moment; the same text is never two versions in a row. */
export interface Version {
  readonly number: number
  readonly text: string
}

/**
 * A text that is read anew when something changed, shared by all who watch it. Only the present version is kept:
 * who is slow misses what was in between, and nobody is waited for. However often something changes, it is read at
 * most every `minRestMs`, and less often where the pace says so.
 */
export class LiveStatus {
  readonly #parts: LiveStatusParts
  readonly #watchers = new Set<() => void>()
  readonly #unsubscribe: () => void
  #version: Version = { number: 0, text: '' }
  #isBusy = false
  #isDirty = false
  #isFailing = false
  #isStopped = false
  #cancel: () => void = () => undefined

  constructor(parts: LiveStatusParts) {
    this.#parts = parts
    this.#unsubscribe = parts.progress.subscribe(() => this.#changed())
    this.#changed()
  }

  /** The present version as soon as its number is above `seen`; null when `maxMs` pass first, or the signal is aborted. */
  next(seen: number, maxMs: number, signal: AbortSignal): Promise<Version | null> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#version.number > seen) done(this.#version)
      }
      const giveUp = (): void => done(null)
      const done = (version: Version | null): void => {
        cancel()
        signal.removeEventListener('abort', giveUp)
        this.#watchers.delete(look)
        resolve(version)
      }
      const cancel = this.#parts.clock.after(maxMs, giveUp)
      signal.addEventListener('abort', giveUp, { once: true })
      this.#watchers.add(look)
      if (signal.aborted) giveUp()
      else look()
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#unsubscribe()
    this.#cancel()
  }

  #changed(): void {
    this.#isDirty = true
    if (this.#isBusy || this.#isStopped) return
    this.#isBusy = true
    this.#cancel = this.#parts.pace.ask(() => this.#refresh())
  }

  /** Reads, then rests; a change while either lasts is seen afterwards. */
  async #refresh(): Promise<void> {
    this.#isDirty = false
    await this.#read()
    if (this.#isStopped) return
    const restMs = this.#isFailing ? retryMs : minRestMs
    this.#cancel = this.#parts.clock.after(restMs, () => {
      this.#isBusy = false
      if (this.#isDirty) this.#changed()
    })
  }

  async #read(): Promise<void> {
    const { read, log } = this.#parts
    try {
      const text = await read()
      this.#isFailing = false
      if (text === this.#version.text) return
      this.#version = { number: this.#version.number + 1, text }
      for (const look of this.#watchers) look()
    } catch (thrown) {
      if (!this.#isFailing)
        log.warn({ code: problemOf(thrown).code, error: thrown }, 'the live status cannot be read')
      this.#isFailing = true
      this.#isDirty = true
    }
  }
}

/** Milliseconds between two versions. */
const minRestMs = 250
/** Milliseconds until it is tried again. */
const retryMs = 2_000
