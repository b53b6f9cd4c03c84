import {
  maxPageBytes,
  type Change,
  type ChangeQuery,
  type Changes,
  type StoredDeployment,
} from '../../../content/content-store.ts'
import type { EntityType } from '../../../content/entity.ts'
import { entityJson } from '../../../content/rules/entity-file.ts'
import type { Sql } from '../sql.ts'
import { Conditions } from './conditions.ts'
import { pointersOf } from './deployment-rows.ts'
import { packedSql, packing, unpacked } from './packed.ts'

/** The deployments of a page of `GET /pointer-changes`. */
export function changesOf(sql: Sql, query: ChangeQuery): Promise<Changes> {
  return query.sortBy === 'local' ? byLocalTime(sql, query) : byEntityTime(sql, query)
}

/** Those that hold a mark, behind (`ms`, `lastId`). */
export async function freshestOf(
  sql: Sql,
  after: { readonly ms: number; readonly lastId: string },
  types: readonly EntityType[],
  limit: number,
): Promise<StoredDeployment[]> {
  const where = new Conditions(packing)
  where.add('d.marks > 0')
  addTypes(where, types)
  addLocalBorder(where, { ms: after.ms, lastId: after.lastId, isLower: true })
  const from = `from deployment as d where ${where.text}
    order by d.local_ms, d.id limit ${where.value(limit)}`
  const row = await sql.get<{ page: string | null }>(packedSql(columns, from), ...where.values)
  return unpacked(row?.page, columns.length, storedOf)
}

/** Numbers grow with (local_ms, order_id), and one index has all that decides. */
function byLocalTime(sql: Sql, query: ChangeQuery): Promise<Changes> {
  const { types, from, to, lastId, order, offset, limit } = query
  const where = new Conditions(packing)
  addTypes(where, types)
  if (from !== undefined) {
    addLocalBorder(where, { ms: from, lastId: order === 'asc' ? lastId : undefined, isLower: true })
  }
  if (to !== undefined) {
    addLocalBorder(where, { ms: to, lastId: order === 'desc' ? lastId : undefined, isLower: false })
  }
  const inOrder = `order by d.local_ms ${order}, d.id ${order}`
  const behind = `offset ${where.value(offset)}`
  return pageOf(sql, where, {
    limit,
    rows: (most, files = '') =>
      `from deployment as d ${files} where ${where.text} ${inOrder} limit ${most} ${behind}`,
    inOrder,
  })
}

/** The index by the entities' own time has the active ones apart from the dead: two walks that are merged. */
function byEntityTime(sql: Sql, query: ChangeQuery): Promise<Changes> {
  const { types, from, to, lastId, order, offset, limit } = query
  const where = new Conditions(packing)
  addTypes(where, types)
  const [lower, upper] = order === 'asc' ? [lastId, undefined] : [undefined, lastId]
  if (from !== undefined) addEntityBorder(where, '>', from, lower)
  if (to !== undefined) addEntityBorder(where, '<', to, upper)
  const inOrder = `order by entity_ms ${order}, order_id ${order}`
  const atMost = where.value(offset + limit)
  const walk = (isActive: 0 | 1): string =>
    `select * from (select d.id, d.entity_ms, d.order_id from deployment as d
       where d.is_active = ${isActive} and ${where.text} ${inOrder} limit ${atMost}) as walk${isActive}`
  const behind = `offset ${where.value(offset)}`
  const merged = (most: string): string =>
    `(${walk(1)} union all ${walk(0)} ${inOrder} limit ${most} ${behind}) as merged`
  return pageOf(sql, where, {
    limit,
    rows: (most, files = '') =>
      `from ${merged(most)} cross join deployment as d on d.id = merged.id ${files}
       order by d.entity_ms ${order}, d.order_id ${order}`,
    inOrder: `order by d.entity_ms ${order}, d.order_id ${order}`,
  })
}

function addTypes(where: Conditions, types: readonly EntityType[]): void {
  if (types.length > 0) where.add(`d.type = any(${where.value(types)})`)
}

interface LocalBorder {
  readonly ms: number
  readonly lastId: string | undefined
  readonly isLower: boolean
}

/** Of a local time there are at most `maxDeployments`: they are passed over one by one. */
function addLocalBorder(where: Conditions, { ms, lastId, isLower }: LocalBorder): void {
  const than = isLower ? '>' : '<'
  const border = where.value(ms)
  where.add(`d.local_ms ${than}= ${border}`)
  if (lastId === undefined) return
  const last = where.value(lastId.toLowerCase())
  where.add(`(d.local_ms ${than} ${border} or d.order_id ${than} ${last})`)
}

function addEntityBorder(
  where: Conditions,
  than: '<' | '>',
  ms: number,
  lastId: string | undefined,
): void {
  if (lastId === undefined) where.add(`d.entity_ms ${than}= ${where.value(ms)}`)
  else {
    const last = where.value(lastId.toLowerCase())
    where.add(`(d.entity_ms, d.order_id) ${than} (${where.value(ms)}, ${last})`)
  }
}

interface Page {
  readonly limit: number
  /** Where so many rows come from, in their order, perhaps with their files; the values are those of `where`. */
  readonly rows: (most: string, files?: string) => string
  readonly inOrder: string
}

/** Rows from which on there are too many bytes are left out: neither database takes them all in one text. */
async function pageOf(
  sql: Sql,
  where: Conditions,
  { limit, rows, inOrder }: Page,
): Promise<Changes> {
  const before = [...where.values]
  const most = where.value(limit)
  const { found, fitting } = await roomOf(sql, where, { rows: rows(most), inOrder })
  if (found === 0) return { rows: [], isCut: false }
  const all = [...columns, metadataColumn]
  const from = rows(most, 'cross join entity_file on entity_file.id = d.id')
  const row = await sql.get<{ page: string | null }>(packedSql(all, from), ...before, fitting)
  const changes = unpacked(row?.page, all.length, changeOf)
  return { rows: await withMetadata(sql, changes), isCut: fitting < found }
}

/** How many rows there are, and how many of them fit into a page. PostgreSQL wants each value used: the first is for packing. */
async function roomOf(
  sql: Sql,
  { values }: Conditions,
  { rows, inOrder }: { readonly rows: string; readonly inOrder: string },
): Promise<{ readonly found: number; readonly fitting: number }> {
  const sized = `select d.id, d.local_ms, d.entity_ms, d.order_id, ${bytes} as bytes ${rows}`
  const all = await sql.get<{ found: number; bytes: number | null }>(
    `select count(*) as found, sum(bytes) as bytes from (${sized}) as d where cast(?1 as text) is not null`,
    ...values,
  )
  const found = all?.found ?? 0
  if ((all?.bytes ?? 0) <= maxPageBytes) return { found, fitting: found }
  const counted = `select sum(d.bytes) over (${inOrder}) - d.bytes as before from (${sized}) as d`
  const fitting = await sql.get<{ count: number }>(
    `select count(*) as count from (${counted}) as c
     where cast(?1 as text) is not null and before < ?${values.length + 1}`,
    ...values,
    maxPageBytes,
  )
  return { found, fitting: fitting?.count ?? 0 }
}

const bytes = `length(d.pointers) + length(d.auth_chain) + coalesce(d.metadata_end - d.metadata_start,
  (select length(bytes) from entity_file where entity_file.id = d.id))`

const columns = [
  'd.id',
  'd.entity_id',
  'd.type',
  'd.entity_ms',
  'd.local_ms',
  'd.is_active',
  'd.is_complete',
  `coalesce(d.overwritten_by, '')`,
  'd.version',
  'd.deployer',
  'd.pointers',
  'd.auth_chain',
]

const metadataColumn = `coalesce(convert_from(substr(entity_file.bytes, d.metadata_start + 1,
  d.metadata_end - d.metadata_start), 'UTF8'), '')`

function storedOf(cells: readonly string[], at: number): StoredDeployment {
  const { metadata: _metadata, ...stored } = rowOf(cells, at, '')
  return stored
}

function changeOf(cells: readonly string[], at: number): Change {
  return rowOf(cells, at, cells[at + columns.length] ?? '')
}

/** Written out, for it is done for every row of a feed. */
function rowOf(cells: readonly string[], at: number, metadata: string): Change {
  const overwrittenBy = cells[at + 7] ?? ''
  return {
    deploymentId: Number(cells[at]),
    entityId: cells[at + 1] ?? '',
    // Written as one by this folder.
    type: cells[at + 2] as EntityType,
    timestamp: Number(cells[at + 3]),
    localMs: Number(cells[at + 4]),
    isActive: cells[at + 5] === '1',
    isComplete: cells[at + 6] === '1',
    overwrittenBy: overwrittenBy === '' ? null : overwrittenBy,
    version: cells[at + 8] ?? '',
    deployer: cells[at + 9] ?? '',
    pointers: pointersOf(cells[at + 10] ?? '[]'),
    authChain: cells[at + 11] ?? '[]',
    metadata: metadata === '' ? null : metadata,
  }
}

/** Metadata that do not stand in one piece in their file, or of which it is not known, are read out of the whole. */
async function withMetadata(sql: Sql, changes: readonly Change[]): Promise<Change[]> {
  const missing = changes.flatMap(({ metadata, deploymentId }) =>
    metadata === null ? deploymentId : [],
  )
  if (missing.length === 0) return [...changes]
  const files = await sql.all<{ id: number; bytes: Uint8Array }>(
    'select id, bytes from entity_file where id = any(?)',
    missing,
  )
  const found = new Map(files.map(({ id, bytes }) => [id, metadataOf(bytes)]))
  return changes.map((change) => ({
    ...change,
    metadata: change.metadata ?? found.get(change.deploymentId) ?? null,
  }))
}

function metadataOf(file: Uint8Array): string | null {
  // An entity file that was verified is a JSON object.
  const { metadata } = entityJson(file) as { readonly metadata?: unknown }
  return metadata === undefined ? null : JSON.stringify(metadata)
}
