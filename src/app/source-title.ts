import type { Log } from '../base/log.ts'
import { peerKind } from '../content/peers/kinds.ts'
import { shownPath } from '../drives/segment.ts'
import type { Registry } from '../engine/registry.ts'

type Names = Pick<Registry, 'source' | 'ownerOf'>

/** How a person calls a source of which only the number is known. */
export async function sourceTitle(
  { registry }: { readonly registry: Names },
  sourceId: number,
): Promise<string> {
  return (await titleOf(registry, sourceId)) ?? `source ${sourceId}`
}

async function titleOf(registry: Names, sourceId: number): Promise<string | null> {
  const entry = await registry.source(sourceId)
  // Nobody owns it but itself.
  if (entry?.kind === peerKind) return `peer ${entry.name}`
  const owner = entry === null ? null : await registry.ownerOf(sourceId)
  return entry === null || owner === null ? null : `source ${entry.name} of ${owner.name}`
}

/** What a step of a drive lists, as a person calls that folder. */
export function folderTitle(step: string): string {
  return shownPath(step).join('/')
}

/** Titles that are kept at the same time; the one asked for longest ago is forgotten for a new one. */
const maxTitles = 10_000

/** Whoever reads a log knows sources by their names: whatever line has the number of one has its title, too. */
export class SourceTitles {
  readonly #registry: Names
  /** Null: it is being looked for, or there was none. */
  readonly #titles = new Map<number, string | null>()

  constructor(registry: Names) {
    this.#registry = registry
  }

  /** The title, if it is known by now; if not, it soon is. Names do not change. */
  of(sourceId: number): string | null {
    const title = this.#titles.get(sourceId)
    if (title === undefined) void this.#look(sourceId)
    return title ?? null
  }

  async #look(sourceId: number): Promise<void> {
    const [oldest] = this.#titles.keys()
    if (this.#titles.size >= maxTitles && oldest !== undefined) this.#titles.delete(oldest)
    this.#titles.set(sourceId, null)
    try {
      const title = await titleOf(this.#registry, sourceId)
      if (title !== null) this.#titles.set(sourceId, title)
    } catch {
      // The database is in trouble: asked for again by the next line.
      this.#titles.delete(sourceId)
    }
  }

  /** A log that names the sources of its lines. */
  naming(log: Log): Log {
    const named = (fields: object): Record<string, unknown> => {
      const source = 'source' in fields ? fields.source : null
      const title = typeof source === 'number' ? this.of(source) : null
      return title === null ? { ...fields } : { ...fields, title }
    }
    return {
      debug: (fields, message) => log.debug(named(fields), message),
      info: (fields, message) => log.info(named(fields), message),
      warn: (fields, message) => log.warn(named(fields), message),
      error: (fields, message) => log.error(named(fields), message),
    }
  }
}
