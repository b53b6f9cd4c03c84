import { SyncError } from '../base/errors.ts'
import type { Registry, SourceEntry } from '../engine/registry.ts'
import type { Source } from '../engine/source.ts'

export interface OpenSourcesParts {
  readonly registry: Registry
  readonly open: (entry: SourceEntry, password: string | null) => Source
}

interface OpenSource {
  /** All that it was opened with. */
  readonly made: string
  readonly source: Source
}

/** Sources kept open at the same time; the one used longest ago is closed for a new one. */
const maxOpen = 1_000

/** Opens each source once and keeps its connections, until its settings change. */
export class OpenSources {
  readonly #parts: OpenSourcesParts
  readonly #open = new Map<number, OpenSource>()

  constructor(parts: OpenSourcesParts) {
    this.#parts = parts
  }

  async of(sourceId: number): Promise<Source> {
    const known = this.#open.get(sourceId)
    if (known !== undefined) {
      this.#open.delete(sourceId)
      this.#open.set(sourceId, known)
      return known.source
    }
    const { registry, open } = this.#parts
    const entry = await registry.source(sourceId)
    if (entry === null) throw new SyncError('bad-input', `There is no source ${sourceId}.`)
    const password = await registry.password(sourceId)
    const source = open(entry, password)
    this.#open.set(sourceId, { made: JSON.stringify([entry, password]), source })
    const [oldest] = this.#open
    if (this.#open.size > maxOpen && oldest !== undefined) this.#drop(oldest[0])
    return source
  }

  /** Somebody may have changed settings or passwords: what is not the same any more is opened anew. */
  async refresh(): Promise<void> {
    const { registry } = this.#parts
    for (const [sourceId, { made }] of this.#open) {
      const entry = await registry.source(sourceId)
      const password = await registry.password(sourceId).catch(() => null)
      if (JSON.stringify([entry, password]) !== made) this.#drop(sourceId)
    }
  }

  async close(): Promise<void> {
    const sources = [...this.#open.values()]
    this.#open.clear()
    await Promise.all(sources.map(({ source }) => source.close()))
  }

  #drop(sourceId: number): void {
    const dropped = this.#open.get(sourceId)
    this.#open.delete(sourceId)
    void dropped?.source.close().catch(() => undefined)
  }
}
