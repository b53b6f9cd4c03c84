import { SyncError } from '../base/errors.ts'
import type { Registry, SourceEntry } from '../engine/registry.ts'
import type { Source } from '../engine/source.ts'

export interface OpenSourcesParts {
  readonly registry: Registry
  readonly open: (entry: SourceEntry, password: string | null) => Promise<Source>
}

/** A source and all that it was opened with. */
interface OpenSource {
  readonly made: string
  readonly source: Source
}

/** Sources kept open at the same time; the one used longest ago is closed for a new one. */
const maxOpen = 1_000

/** Opens each source once and keeps its connections, until its settings change. */
export class OpenSources {
  readonly #parts: OpenSourcesParts
  readonly #open = new Map<number, Promise<OpenSource>>()

  constructor(parts: OpenSourcesParts) {
    this.#parts = parts
  }

  async of(sourceId: number): Promise<Source> {
    const known = this.#open.get(sourceId)
    const opening = known ?? this.#make(sourceId)
    // The map is in the order of use.
    this.#open.delete(sourceId)
    this.#open.set(sourceId, opening)
    const [oldest] = this.#open
    if (this.#open.size > maxOpen && oldest !== undefined) void this.#drop(oldest[0])
    try {
      return (await opening).source
    } catch (error) {
      // What could not be opened is tried again by whoever asks next.
      if (this.#open.get(sourceId) === opening) this.#open.delete(sourceId)
      throw error
    }
  }

  /** Somebody may have changed settings or passwords: what is not the same any more is opened anew. */
  async refresh(): Promise<void> {
    for (const [sourceId, opening] of this.#open) {
      const [opened, wanted] = await Promise.all([
        opening.catch(() => null),
        this.#wanted(sourceId).catch(() => null),
      ])
      if (opened === null || wanted?.made !== opened.made) void this.#drop(sourceId)
    }
  }

  async close(): Promise<void> {
    const all = [...this.#open.keys()]
    await Promise.all(all.map((sourceId) => this.#drop(sourceId)))
  }

  async #make(sourceId: number): Promise<OpenSource> {
    const { entry, password, made } = await this.#wanted(sourceId)
    return { made, source: await this.#parts.open(entry, password) }
  }

  async #wanted(
    sourceId: number,
  ): Promise<{ entry: SourceEntry; password: string | null; made: string }> {
    const { registry } = this.#parts
    const entry = await registry.source(sourceId)
    if (entry === null) throw new SyncError('bad-input', `There is no source ${sourceId}.`)
    const password = await registry.password(sourceId)
    return { entry, password, made: JSON.stringify([entry, password]) }
  }

  async #drop(sourceId: number): Promise<void> {
    const dropped = this.#open.get(sourceId)
    this.#open.delete(sourceId)
    try {
      await (await dropped)?.source.close()
    } catch {
      // It never opened, or is closed already: there is nothing left to let go of.
    }
  }
}
