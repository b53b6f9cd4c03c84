import type { ContentEffect, ContentStore } from '../../src/content/content-store.ts'
import type { Intake } from '../../src/content/peers/intake.ts'
import type { SnapshotOffer } from '../../src/content/peers/snapshot-list.ts'
import type { FaultyDatabase } from '../sim/faulty-database.ts'
import type { Spoiling } from './peer-sources.ts'

/** Faults that somebody might build into a node. */
export const movingTooSoon: Spoiling = {
  // What a page brings is kept in memory until the next page is stored.
  effects: (effects) => {
    let late: ContentEffect | null = null
    return {
      ...effects,
      listed: async (tx, sourceId, effect) => {
        const held = late
        late = effect as ContentEffect
        if (held !== null) await effects.listed?.(tx, sourceId, held)
      },
    }
  },
}

export const collectingMarks: Spoiling = {
  content: (store, db) =>
    collecting(store, db, (forgotten) => [
      `delete from mark where entity_id in (select entity_id from deployment where ${forgotten})`,
      `delete from deployment where ${forgotten}`,
    ]),
}

export const forgettingHolders: Spoiling = {
  content: (store, db) =>
    collecting(store, db, (forgotten) => [`delete from deployment where ${forgotten}`]),
}

function collecting(
  store: ContentStore,
  db: FaultyDatabase,
  more: (forgotten: string) => readonly string[],
): ContentStore {
  return new Proxy(store, {
    get: (target, name) => {
      if (name !== 'collect') return (Reflect.get(target, name) as () => unknown).bind(target)
      return async (limits: Parameters<ContentStore['collect']>[0]) => {
        const collected = await target.collect(limits)
        for (const text of more('is_active = 0 and is_swept = 1')) db.exec(text)
        return collected
      }
    },
  })
}

/** What another step is at is left to it, whatever becomes of it. */
export const leavingToOthers: Spoiling = {
  intake: (intake) => {
    const busy = new Set<string>()
    const take: Intake['take'] = async function* take(offers, origin, signal) {
      const free = offers.filter(({ entityId }) => !busy.has(entityId))
      for (const { entityId } of free) busy.add(entityId)
      try {
        yield* intake.take(free, origin, signal)
      } finally {
        for (const { entityId } of free) busy.delete(entityId)
      }
    }
    return { take }
  },
}

/** What one peer says of a snapshot is held against all who offer it. */
export const believingEverybody: Spoiling = {
  snapshots: (snapshots) => {
    const claims = new Map<string, readonly string[]>()
    const claimed = (offer: SnapshotOffer): SnapshotOffer => {
      const { hash, replaced } = offer
      if (replaced.length > 0) claims.set(hash, replaced)
      return { ...offer, replaced: claims.get(hash) ?? replaced }
    }
    return {
      take: (offers, sourceId) => snapshots.take(offers.map(claimed), sourceId),
      hold: (...what) => snapshots.hold(...what),
      fetch: (...what) => snapshots.fetch(...what),
      cut: (...what) => snapshots.cut(...what),
      part: (...what) => snapshots.part(...what),
    }
  },
}
