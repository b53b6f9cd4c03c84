import type { Item } from '../../engine/handler.ts'
import { itemColumns, toItem, type ItemRow } from './items.ts'
import { rowsOf } from './sql.ts'
import type { Claiming } from './turning.ts'

/** An owed item, and one with the same content that is applied already. */
export interface ToRead {
  readonly item: Item
  readonly known: Item | null
  readonly seq: number
}

interface Row extends ItemRow {
  readonly seq: number
  readonly applied: string | null
}

/** Owed items, each with its former self, or one with the same stable id, version and size, if that is applied. */
export async function itemsToRead(
  t: Claiming,
  ids: readonly number[],
): Promise<ReadonlyMap<number, ToRead>> {
  if (ids.length === 0) return new Map()
  const rows = await t.tx.all<Row>(
    `select ${itemColumns}, item.seq, item.applied
     from item join source on source.id = item.source_id
     where item.id = any(?) and item.state in (1, 2)`,
    ids,
  )
  const isApplied = (row: Row): boolean => row.applied === row.listed
  const twins = await twinsOf(
    t,
    rows.filter((row) => !isApplied(row) && row.stable_id !== null),
  )
  return new Map(
    rows.map((row) => {
      const item = toItem(row)
      const known = isApplied(row) ? item : (twins.get(row.id) ?? null)
      return [row.id, { item, known, seq: row.seq }]
    }),
  )
}

async function twinsOf(t: Claiming, rows: readonly Row[]): Promise<ReadonlyMap<number, Item>> {
  if (rows.length === 0) return new Map()
  const wanted = rows.map(({ id, source_id, stable_id, size, listed }) => ({
    id,
    source_id,
    stable_id,
    size,
    listed,
  }))
  const twins = await t.tx.all<ItemRow & { of_id: number }>(
    `select ${itemColumns}, found.of_id from (
       select r.id as of_id, (select min(item.id) from item
         where item.source_id = r.source_id and item.stable_id = r.stable_id and item.id <> r.id
           and item.size = r.size and item.applied = r.listed and item.listed = r.listed
           and item.state in (0, 5)) as twin_id
       from json_to_recordset(?) as r (id bigint, source_id bigint, stable_id text, size bigint, listed text)
     ) as found join item on item.id = found.twin_id join source on source.id = item.source_id`,
    rowsOf(wanted),
  )
  return new Map(twins.map(({ of_id: id, ...row }) => [id, toItem(row)]))
}
