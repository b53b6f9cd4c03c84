import { othersTurn } from '../../../base/others-turn.ts'
import type { ActiveRow } from '../../../content/content-store.ts'
import type { EntityType } from '../../../content/entity.ts'
import type { TimeRange } from '../../../content/snapshots/time-range.ts'
import type { Sql } from '../sql.ts'
import { Conditions } from './conditions.ts'
import { pointersOf } from './deployment-rows.ts'
import { packedSql, packing, unpacked } from './packed.ts'

/** Where a walk by (timestamp, id) stands. */
export interface WalkPlace {
  readonly timestamp: number
  readonly entityId: string
}

/** Active entities of a range, both ends included, behind `after`: a walk over one index. */
export async function activeIn(
  sql: Sql,
  range: TimeRange,
  after: WalkPlace | null,
  limit: number,
): Promise<ActiveRow[]> {
  const where = new Conditions(packing)
  where.add(`is_active = 1 and ${behind(where, after ?? beginningOf(range))}`)
  where.add(`entity_ms <= ${where.value(range.end)}`)
  const from = `from deployment where ${where.text} ${inOrder} limit ${where.value(limit)}`
  const row = await sql.get<{ page: string | null }>(packedSql(columns, from), ...where.values)
  return unpacked(row?.page, columns.length, activeRowOf)
}

const inOrder = 'order by entity_ms, order_id'

/** Before all of a range: no id is empty. */
function beginningOf(range: TimeRange): WalkPlace {
  return { timestamp: range.init, entityId: '' }
}

function behind(where: Conditions, { timestamp, entityId }: WalkPlace): string {
  const last = where.value(entityId.toLowerCase())
  return `(entity_ms, order_id) > (${where.value(timestamp)}, ${last})`
}

const columns = ['entity_id', 'type', 'entity_ms', 'local_ms', 'pointers', 'auth_chain']

function activeRowOf(cells: readonly string[], at: number): ActiveRow {
  return {
    entityId: cells[at] ?? '',
    // Written as one by this folder.
    type: cells[at + 1] as EntityType,
    timestamp: Number(cells[at + 2]),
    localMs: Number(cells[at + 3]),
    pointers: pointersOf(cells[at + 4] ?? '[]'),
    authChain: cells[at + 5] ?? '[]',
  }
}

/** How many of a range are active, and the local time of the last change to who is, as far as it is remembered. */
export async function activityIn(sql: Sql, range: TimeRange): Promise<Sum> {
  const [living, dead] = [await sumOf(sql, 1, range), await sumOf(sql, 0, range)]
  return { count: living.count, changedMs: Math.max(living.changedMs, dead.changedMs) }
}

/** In slices: nobody else waits for the sum of a million rows. */
async function sumOf(sql: Sql, isActive: 0 | 1, range: TimeRange): Promise<Sum> {
  let [count, changedMs] = [0, 0]
  for (let after: WalkPlace | null = beginningOf(range); after !== null;) {
    const end: WalkPlace | null = await endOfSlice(sql, { isActive, after, lastMs: range.end })
    const upTo = end ?? { timestamp: range.end, entityId: lastCharacter }
    const where = new Conditions([isActive])
    where.add(`is_active = ?1 and ${behind(where, after)}`)
    where.add(
      `(entity_ms, order_id) <= (${where.value(upTo.timestamp)}, ${where.value(upTo.entityId)})`,
    )
    const slice = await sql.get<{ count: number; changed_ms: number | null }>(
      `select count(*) as count, max(case when is_active = 1 then local_ms
         else case when died_ms > local_ms then died_ms end end) as changed_ms
       from deployment where ${where.text}`,
      ...where.values,
    )
    count += slice?.count ?? 0
    changedMs = Math.max(changedMs, slice?.changed_ms ?? 0)
    after = end
    if (end !== null) await othersTurn()
  }
  return { count, changedMs }
}

interface Sum {
  readonly count: number
  readonly changedMs: number
}

interface Rest {
  readonly isActive: 0 | 1
  readonly after: WalkPlace
  readonly lastMs: number
}

/** The last of the next so many; null: there are fewer. */
async function endOfSlice(sql: Sql, { isActive, after, lastMs }: Rest): Promise<WalkPlace | null> {
  const where = new Conditions([isActive])
  where.add(`is_active = ?1 and ${behind(where, after)}`)
  where.add(`entity_ms <= ${where.value(lastMs)}`)
  const row = await sql.get<{ entity_ms: number; order_id: string }>(
    `select entity_ms, order_id from deployment where ${where.text}
     ${inOrder} limit 1 offset ${sliceRows - 1}`,
    ...where.values,
  )
  return row === undefined ? null : { timestamp: row.entity_ms, entityId: row.order_id }
}

/** Behind every other one in UTF-8. */
const lastCharacter = '\u{10FFFF}'

/** So many take some milliseconds. */
const sliceRows = 20_000
