import { compareEntities } from '../../../content/entity.ts'

/** Who holds the mark of a place: the greatest entity ever seen there. */
export interface Holder {
  readonly entityId: string
  readonly timestamp: number
}

/** An entity that has not been seen before, with its places: a type and a pointer each, as one text. */
export interface Newcomer extends Holder {
  readonly places: readonly string[]
}

/** Newcomers of one local time. */
export interface Batch {
  readonly localMs: number
  readonly newcomers: readonly Newcomer[]
}

/** By whom and when an entity was overwritten. */
export interface Death {
  readonly by: Holder
  readonly diedMs: number
}

/** What becomes of a newcomer. */
export interface Fate {
  /** Of how many of its places it holds the mark. */
  readonly marks: number
  /** Null: it is active. */
  readonly death: Death | null
}

/** What becomes of an entity that held marks before. If it has been dead already, it stays so. */
export interface Loss {
  readonly entityId: string
  /** So many marks less. */
  readonly lost: number
  readonly death: Death
}

export interface Overwriting {
  readonly fates: ReadonlyMap<string, Fate>
  /** Marks that are other ones now, by place. */
  readonly raised: ReadonlyMap<string, Holder>
  readonly losses: readonly Loss[]
}

/**
 * The rule of who is active, whatever the order of arrival: a mark is the greatest entity ever seen at a place, and an
 * entity is dead when the mark of any of its places is greater than itself. So an active entity holds the marks of
 * all of its places, and whoever loses one dies if it is still alive.
 *
 * The batches come one after the other; `marks` are those of all of their places.
 */
export function overwriting(
  batches: readonly Batch[],
  marks: ReadonlyMap<string, Holder>,
): Overwriting {
  const present = new Map(marks)
  const fates = new Map<string, Fate>()
  const losses = new Map<string, Loss>()
  for (const { localMs: diedMs, newcomers } of batches) {
    const taken = raise(present, newcomers)
    for (const newcomer of newcomers) {
      fates.set(newcomer.entityId, fateOf(newcomer, present, diedMs))
    }
    for (const [place, { entityId }] of taken) {
      const by = present.get(place)
      if (by === undefined) continue
      const fate = fates.get(entityId)
      const loss = losses.get(entityId)
      if (fate === undefined) {
        const death = earlier(loss?.death ?? null, { by, diedMs })
        losses.set(entityId, { entityId, lost: (loss?.lost ?? 0) + 1, death })
      } else {
        const death = earlier(fate.death, { by, diedMs })
        fates.set(entityId, { marks: fate.marks - 1, death })
      }
    }
  }
  const raised = [...present].filter(([place, holder]) => marks.get(place) !== holder)
  return { fates, raised: new Map(raised), losses: [...losses.values()] }
}

/** Gives newcomers the marks that they are greater for. Returns who held these before, where somebody did. */
function raise(marks: Map<string, Holder>, newcomers: readonly Newcomer[]): Map<string, Holder> {
  const taken = new Map<string, Holder>()
  const isNew = new Set<Holder>(newcomers)
  for (const newcomer of newcomers) {
    for (const place of newcomer.places) {
      const holder = marks.get(place)
      if (holder !== undefined && compareEntities(newcomer, holder) <= 0) continue
      if (holder !== undefined && !isNew.has(holder)) taken.set(place, holder)
      marks.set(place, newcomer)
    }
  }
  return taken
}

function fateOf(newcomer: Newcomer, marks: ReadonlyMap<string, Holder>, diedMs: number): Fate {
  let death: Death | null = null
  let held = 0
  for (const place of newcomer.places) {
    const holder = marks.get(place) ?? newcomer
    // It may have been seen before, and forgotten since.
    if (compareEntities(holder, newcomer) <= 0) held++
    else death = earlier(death, { by: holder, diedMs })
  }
  return { marks: held, death }
}

/** One dies once; of those that kill in the same batch the least is named. */
function earlier(known: Death | null, death: Death): Death {
  if (known === null) return death
  if (known.diedMs !== death.diedMs) return known
  return compareEntities(death.by, known.by) < 0 ? death : known
}
