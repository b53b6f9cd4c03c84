import type { Sql } from '../sql.ts'
import type { Holder } from './overwriting.ts'
import { placeOf } from './pointer-key.ts'

interface MarkRow {
  readonly pointer: string
  readonly type: string
  readonly entity_id: string
  readonly entity_ms: number
}

/** The marks at these pointers' keys, of all types, by place. */
export async function marksAt(sql: Sql, keys: readonly string[]): Promise<Map<string, Holder>> {
  if (keys.length === 0) return new Map()
  const rows = await sql.all<MarkRow>(
    'select pointer, type, entity_id, entity_ms from mark where pointer = any(?)',
    [...new Set(keys)],
  )
  return new Map(
    rows.map(({ pointer, type, entity_id: entityId, entity_ms: timestamp }) => [
      placeOf(type, pointer),
      { entityId, timestamp },
    ]),
  )
}
