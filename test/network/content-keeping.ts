import type { Clock } from '../../src/base/clock.ts'
import type { ContentEffect, ContentStore } from '../../src/content/content-store.ts'
import { compareEntities } from '../../src/content/entity.ts'
import type { EffectWriter } from '../../src/engine/handler.ts'
import { contentRows, type SeenEntity } from '../../src/store/memory/content-rows.ts'
import { MemoryContentStore } from '../../src/store/memory/memory-content-store.ts'
import { SqlContentStore } from '../../src/store/sql/content/content-store.ts'
import { applyContent } from '../../src/store/sql/content/effect.ts'
import { SmallBlobs } from '../../src/store/sql/content/small-blobs.ts'
import type { Transaction } from '../../src/store/sql/sql.ts'
import type { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import type { FaultyDatabase } from '../sim/faulty-database.ts'
import type { SmallContent } from './memory-blobs.ts'

/** Where a node keeps what it knows: outlives its processes. */
export type ContentKeeping = (db: FaultyDatabase) => KeptContent

export interface KeptContent {
  open(sql: SqliteSql, clock: Clock): OpenContent
  /** Type, pointer and entity of every mark, in order. */
  marks(): Promise<readonly string[]>
}

export interface OpenContent {
  readonly store: ContentStore
  readonly small: SmallContent
  readonly effects: EffectWriter<Transaction>
}

/** In the tables that the tasks lie in: what a page brings and its cursor are one transaction. */
export const inSqlite: ContentKeeping = (db) => ({
  open: (sql) => ({
    store: new SqlContentStore({ db: sql }),
    small: new SmallBlobs({ sql }),
    effects: effectsOf((tx, effect) => applyContent(tx, effect, tx.nowMs)),
  }),
  marks: async () =>
    db
      .prepare<{ mark: string }>(
        `select type || ' ' || pointer || ' ' || entity_ms || ' ' || entity_id as mark from mark`,
      )
      .all()
      .map(({ mark }) => mark)
      .sort(),
})

/** In the model, which lies beside the database: what it holds may be there before the cursor is. */
export const inTheModel: ContentKeeping = () => {
  const rows = contentRows()
  return {
    open: (_, clock) => {
      const store = new MemoryContentStore({ rows, clock })
      const read = async (hash: string): Promise<Uint8Array | null> =>
        rows.deployments.find(({ deployment }) => deployment.entityId === hash)?.deployment.file ??
        rows.blobs.get(hash)?.bytes ??
        null
      const sizes = async (hashes: readonly string[]): Promise<ReadonlyMap<string, number>> => {
        const found = await Promise.all(
          hashes.map(async (hash) => [hash, await read(hash)] as const),
        )
        return new Map(
          found.flatMap(([hash, bytes]) => (bytes === null ? [] : [[hash, bytes.length]])),
        )
      }
      const hold = (hashes: readonly string[]): Promise<ReadonlyMap<string, number>> => {
        for (const hash of hashes) {
          const blob = rows.blobs.get(hash)
          if (blob !== undefined) rows.blobs.set(hash, { ...blob, storedMs: clock.now() })
        }
        return sizes(hashes)
      }
      return {
        store,
        small: { read, sizes, hold },
        effects: effectsOf((_tx, effect) => store.deploy(effect)),
      }
    },
    marks: async () => marksOf(rows.seen),
  }
}

/** Of each type and pointer the greatest of these. */
export function marksOf(seen: readonly SeenEntity[]): readonly string[] {
  const marks = new Map<string, SeenEntity>()
  for (const entity of seen) {
    for (const pointer of entity.pointers) {
      const place = `${entity.type} ${pointer}`
      const mark = marks.get(place)
      if (mark === undefined || compareEntities(entity, mark) > 0) marks.set(place, entity)
    }
  }
  return [...marks]
    .map(([place, { timestamp, entityId }]) => `${place} ${timestamp} ${entityId}`)
    .sort()
}

function effectsOf(
  apply: (tx: Transaction, effect: ContentEffect) => Promise<unknown>,
): EffectWriter<Transaction> {
  const nothing = async (): Promise<void> => undefined
  return {
    // Peers are the only sources here, and this is what they bring.
    listed: async (tx, _sourceId, effect) => void (await apply(tx, effect as ContentEffect)),
    applied: nothing,
    skipped: nothing,
    gone: nothing,
    sourceRemoved: async () => 0,
  }
}
