import { indexed, stepIs } from './items.ts'
import type { HeldTask, Turning } from './turning.ts'

/** The place that a step lists, made when its first batch arrives. It counts as listed only when `finishPlace` says so. */
export async function placeOf(t: Turning, task: HeldTask): Promise<number> {
  const step = task.step ?? ''
  const known = await t.tx.get<{ id: number }>(
    `select id from place where source_id = ? and ${stepIs}`,
    task.source_id,
    indexed(step),
    step,
  )
  if (known !== undefined) return known.id
  const made = await t.tx.get<{ id: number }>(
    `insert into place (source_id, step, parent_id, version, round_id) values (?, ?, ?, null, 0)
     returning id`,
    task.source_id,
    step,
    task.parent_place_id,
  )
  return made?.id ?? 0
}

/** The place is completely listed in this round: what it held and does not hold any more is missing. */
export async function finishPlace(
  t: Turning,
  task: HeldTask,
  place: { readonly id: number; readonly roundId: number; readonly seen: ReadonlySet<number> },
): Promise<void> {
  const held = await t.tx.all<{ id: number }>(
    'select id from item where place_id = ? and state <> 5',
    place.id,
  )
  const missing = held.map(({ id }) => id).filter((id) => !place.seen.has(id))
  if (missing.length > 0) {
    await t.tx.run('update item set missing_round_id = ? where id = any(?)', place.roundId, missing)
  }
  await t.tx.run(
    'update place set round_id = ?, version = ?, parent_id = ? where id = ?',
    place.roundId,
    task.version,
    task.parent_place_id,
    place.id,
  )
}

/**
 * True if the place had this very version when a clean round last listed it and everything below:
 * then it and everything below counts as seen in this round, too.
 */
export async function isUnchangedPlace(
  t: Turning,
  sourceId: number,
  next: { readonly step: string; readonly version: string; readonly roundId: number },
): Promise<boolean> {
  const place = await t.tx.get<{ id: number }>(
    `select place.id from place join source on source.id = place.source_id
     where place.source_id = ? and ${stepIs} and place.version = ?
       and place.round_id = source.clean_round_id`,
    sourceId,
    indexed(next.step),
    next.step,
    next.version,
  )
  if (place === undefined) return false
  // A place without a version (a foreign drive mounted there) may change while nothing above it tells.
  const silent = await t.tx.get(
    `${below} select 1 from place where id in (select id from below) and version is null limit 1`,
    place.id,
  )
  if (silent !== undefined) return false
  await t.tx.run(
    `${below} update place set round_id = ?2 where id in (select id from below)`,
    place.id,
    next.roundId,
  )
  return true
}

/** A place ?1 and everything below it. */
const below = `with recursive below (id) as (
  select id from place where id = ?1
  union all select place.id from place join below on place.parent_id = below.id)`
