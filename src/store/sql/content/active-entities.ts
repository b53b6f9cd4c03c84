import type { EntityFile } from '../../../content/content-store.ts'
import type { Sql } from '../sql.ts'
import { pointerKey } from './pointer-key.ts'

interface FileRow {
  readonly entity_id: string
  readonly bytes: Uint8Array
}

function filesOf(rows: readonly FileRow[]): EntityFile[] {
  return rows.map(({ entity_id: entityId, bytes }) => ({ entityId, bytes }))
}

/** Of one that has been found: said so that no database looks through all that are active. */
const isActive = 'deployment.is_active + 0 = 1'

/** An active entity holds the marks of all of its pointers. */
export async function activeByPointers(
  sql: Sql,
  pointers: readonly string[],
): Promise<EntityFile[]> {
  if (pointers.length === 0) return []
  const rows = await sql.all<FileRow>(
    `select deployment.entity_id, entity_file.bytes
     from (select distinct entity_id from mark where pointer = any(?)) as found
     cross join deployment on deployment.entity_id = found.entity_id
     cross join entity_file on entity_file.id = deployment.id
     where ${isActive}`,
    [...new Set(pointers.map(pointerKey))],
  )
  return filesOf(rows)
}

export async function activeByIds(sql: Sql, entityIds: readonly string[]): Promise<EntityFile[]> {
  if (entityIds.length === 0) return []
  const rows = await sql.all<FileRow>(
    `select deployment.entity_id, entity_file.bytes
     from deployment cross join entity_file on entity_file.id = deployment.id
     where deployment.entity_id = any(?) and ${isActive}`,
    entityIds,
  )
  return filesOf(rows)
}

export async function activeByPrefix(
  sql: Sql,
  prefix: string,
  page: { readonly offset: number; readonly limit: number },
): Promise<{ total: number; entities: EntityFile[] }> {
  const range = [prefix, `${prefix}${lastCharacter}`]
  const count = await sql.get<{ total: number }>(
    `select count(distinct mark.entity_id) as total ${activeInRange}`,
    ...range,
  )
  const rows = await sql.all<FileRow>(
    `select found.entity_id, entity_file.bytes
     from (select deployment.id, deployment.entity_id, min(mark.pointer) as first_pointer
       ${activeInRange} group by deployment.id, deployment.entity_id
       order by first_pointer, deployment.entity_id limit ?3 offset ?4) as found
     cross join entity_file on entity_file.id = found.id
     order by found.first_pointer, found.entity_id`,
    ...range,
    page.limit,
    page.offset,
  )
  return { total: count?.total ?? 0, entities: filesOf(rows) }
}

const activeInRange = `from mark cross join deployment on deployment.entity_id = mark.entity_id
  where mark.pointer >= ?1 and mark.pointer < ?2 and ${isActive}`

/** Behind every other one in UTF-8. */
const lastCharacter = '\u{10FFFF}'

/** Ids of active entities that list this content. */
export async function activeByContent(sql: Sql, hash: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ entity_id: string }>(
    `select distinct deployment.entity_id
     from content_file cross join deployment on deployment.id = content_file.deployment_id
     where content_file.hash = ? and ${isActive}
     order by deployment.entity_id limit ?`,
    hash,
    limit,
  )
  return rows.map(({ entity_id: entityId }) => entityId)
}
