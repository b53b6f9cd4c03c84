import { maxAsked, type SettleClaim, type Settled } from '../../engine/task.ts'
import { itemById, itemColumns, toItem, type ItemRow } from './items.ts'
import { endTaskOf, listQueueOf } from './queues.ts'
import type { Transaction } from './sql.ts'
import { touch, type HeldTask, type Turning } from './turning.ts'

/** Ended rounds that are remembered of each source. */
const keptRounds = 10

/** A round that is open, as its row tells. */
export interface Round {
  readonly id: number
  readonly source_id: number
  readonly is_full: number
  readonly is_asked: number
  readonly trusts_versions: number
  readonly is_clean: number
  readonly phase: string
  readonly started_ms: number
}

type InTransaction = { readonly tx: Transaction }

export async function openRound({ tx }: InTransaction, id: number): Promise<Round | null> {
  const round = await tx.get<Round>('select * from round where id = ? and ended_ms is null', id)
  return round ?? null
}

/** The round's listing is over when none of its list tasks is left but parked ones. */
export async function endListing(t: Turning, roundId: number): Promise<void> {
  const round = await openRound(t, roundId)
  if (round === null) return
  const open = await t.tx.get(
    'select 1 from task where round_id = ? and state <> 3 limit 1',
    roundId,
  )
  if (open !== undefined) return
  if (round.is_clean === 0) await endRound(t, round, 'unclean')
  else if (round.phase === 'listing') await settleRound(t, round)
}

/** Whether anything went away, and so much of it that a person must say so. */
async function settleRound(t: Turning, round: Round): Promise<void> {
  const { asked, missing } = (await t.tx.get<{ asked: number; missing: number }>(
    `select count(*) as asked, coalesce(sum(case when ${unseenBy(round)} then 1 else 0 end), 0) as missing
       ${candidateRows(round)}`,
    round.source_id,
    round.id,
    0,
  )) ?? { asked: 0, missing: 0 }
  if (asked === 0) {
    await t.tx.run('update source set withheld = 0 where id = ?', round.source_id)
    await endRound(t, round, 'clean')
    return
  }
  if (missing > 0 && (await isDoubtful(t, round, missing))) {
    await t.tx.run('update source set withheld = ? where id = ?', missing, round.source_id)
    await endRound(t, round, 'withheld')
    return
  }
  await t.tx.run('update source set withheld = 0 where id = ?', round.source_id)
  await t.tx.run(`update round set phase = 'settling' where id = ?`, round.id)
  const queueId = await listQueueOf(t, 1, round.source_id)
  await t.tx.run(
    `insert into task (queue_id, source_id, kind, state, round_id, step)
     values (?, ?, 'settle', 0, ?, '0')`,
    queueId,
    round.source_id,
    round.id,
  )
  touch(t, queueId)
}

/** So much went away at once that a person must say so first, and has not. */
async function isDoubtful(t: Turning, round: Round, missing: number): Promise<boolean> {
  const { present } = (await t.tx.get<{ present: number }>(
    'select count(*) as present from item where source_id = ? and state <> 5',
    round.source_id,
  )) ?? { present: 0 }
  const isMost = missing > t.policy.withholdAbove && missing * 2 > present
  if (!isMost && missing !== present) return false
  const confirmed = await t.tx.get(
    'select 1 from source where id = ? and confirmed >= ?',
    round.source_id,
    missing,
  )
  return confirmed === undefined
}

/** Could not be found when it was read: asked for once more, though it is no sign that anything went away. */
const isLost = `(item.state = 3 and item.error_code = 'not-found')`

/** True of an item of source ?1 that round ?2 did not see. */
function unseenBy(round: Round): string {
  return round.is_full === 1
    ? `coalesce(item.missing_round_id = ?2 or place.round_id <> ?2 or (place.id is null and item.round_id <> ?2), false)`
    : `(item.is_said_gone = 1 and cast(?2 as bigint) > 0)`
}

/**
 * What is asked for once more at the end of a round, behind the item ?3. Unseen is what is missing from a place that
 * the round listed, in a place it never came to, not marked by a full listing, or said to be gone by a feed.
 */
function candidateRows(round: Round): string {
  // Following, few are in question: each of the two is found by an index.
  const among =
    round.is_full === 1
      ? ''
      : `and item.id in (
           select id from item where source_id = ?1 and missing_round_id is not null
           union all select id from item where source_id = ?1 and state = 3)`
  return `from item join source on source.id = item.source_id left join place on place.id = item.place_id
    where item.source_id = ?1 ${among} and item.state <> 5 and (${unseenBy(round)} or ${isLost}) and item.id > ?3`
}

/** The next items to ask for once more, behind `afterId`. */
export async function candidatesOf(
  t: InTransaction,
  roundId: number,
  afterId: number,
): Promise<SettleClaim['candidates']> {
  const round = await openRound(t, roundId)
  if (round === null) return []
  const rows = await t.tx.all<ItemRow & { is_said_gone: number }>(
    `select ${itemColumns}, item.is_said_gone ${candidateRows(round)} order by item.id limit ?4`,
    round.source_id,
    round.id,
    afterId,
    maxAsked,
  )
  return rows.map((row) => ({ item: toItem(row), isSaidGone: row.is_said_gone === 1 }))
}

/** Hides what is gone, keeps what is there after all, and goes on until nothing is left to ask for. */
export async function storeSettled(t: Turning, task: HeldTask, settled: Settled): Promise<void> {
  const round = await openRound(t, task.round_id ?? 0)
  if (round === null) return
  const asked = settled.claim.candidates.map(({ item }) => item.rowId)
  for (const id of settled.gone) await bury(t, id, round)
  await keepItems(t, settled.kept, round)
  if (settled.unknown.length > 0) {
    await t.tx.run('update round set is_clean = 0 where id = ?', round.id)
  }
  await t.tx.run('update round set gone = gone + ? where id = ?', settled.gone.length, round.id)
  t.hungry.add(task.source_id)
  if (asked.length === maxAsked) {
    await t.tx.run(
      'update task set state = 0, fence = null, step = ? where id = ?',
      String(Math.max(...asked)),
      task.id,
    )
    touch(t, task.queue_id)
    return
  }
  await t.tx.run('delete from task where id = ?', task.id)
  const ended = (await openRound(t, round.id)) ?? round
  await endRound(t, ended, ended.is_clean === 1 ? 'clean' : 'unclean')
}

/** They are there after all; what could not be found when it was read is owed again. */
async function keepItems(
  { tx }: InTransaction,
  ids: readonly number[],
  round: Round,
): Promise<void> {
  if (ids.length === 0) return
  await tx.run(
    'update item set missing_round_id = null, is_said_gone = 0, round_id = ? where id = any(?)',
    round.id,
    ids,
  )
  await tx.run(
    `update item set state = 1, error_code = null, error_message = null where id = any(?) and ${isLost}`,
    ids,
  )
}

/** An item becomes a tombstone: hidden, its identity kept. A skipped one has nothing that could come back. */
async function bury(t: Turning, id: number, round: Round): Promise<void> {
  await t.effects.gone(t.tx, await itemById(t, id), await sinceLastClean(t, round))
  await endTaskOf(t, id)
  await t.tx.run(
    `update item set state = 5, place_id = null, missing_round_id = null, is_said_gone = 0, changed_ms = ?,
       applied = case when error_code is null then applied end, error_code = null, error_message = null
     where id = ?`,
    t.nowMs,
    id,
  )
}

/**
 * When the last clean round began: whatever the same file's new place is, it was listed since then, perhaps in a round
 * that still saw the old one.
 */
async function sinceLastClean({ tx }: InTransaction, round: Round): Promise<number> {
  const clean = await tx.get<{ started_ms: number }>(
    `select round.started_ms from source join round on round.id = source.clean_round_id where source.id = ?`,
    round.source_id,
  )
  return clean?.started_ms ?? round.started_ms
}

async function endRound(
  t: Turning,
  round: Round,
  outcome: 'clean' | 'unclean' | 'withheld',
): Promise<void> {
  await t.tx.run(
    'update round set ended_ms = ?, outcome = ? where id = ?',
    t.nowMs,
    outcome,
    round.id,
  )
  if (outcome === 'clean') await endClean(t, round)
  await schedule(t, round)
  await t.tx.run(
    `delete from round where source_id = ?1 and id not in
       (select id from round where source_id = ?1 order by id desc limit ?2)
     and id not in (select clean_round_id from source where clean_round_id is not null and id = ?1)`,
    round.source_id,
    keptRounds,
  )
}

/** What it did not see is settled: its cursor counts, and places that hold nothing any more are forgotten. */
async function endClean({ tx, nowMs }: Turning, round: Round): Promise<void> {
  const isUntrusting = Number(round.is_full === 1 && round.trusts_versions === 0)
  await tx.run(
    `update source set clean_round_id = ?1, confirmed = 0,
       full_ms = case when ?2 = 1 then ?3 else full_ms end,
       cursor = coalesce((select cursor from round where id = ?1), cursor) where id = ?4`,
    round.id,
    isUntrusting,
    nowMs,
    round.source_id,
  )
  if (round.is_full === 0) return
  await tx.run(
    `delete from place where source_id = ? and round_id <> ?
     and not exists (select 1 from item where item.place_id = place.id)`,
    round.source_id,
    round.id,
  )
}

/** When the next round comes: at once if a person asked meanwhile, soon if files went away, else after the interval. */
async function schedule(t: Turning, round: Round): Promise<void> {
  const source = await t.tx.get<{ interval_ms: number; is_asked: number; gone: number }>(
    `select source.interval_ms, source.is_asked, round.gone
     from source join round on round.source_id = source.id where round.id = ?`,
    round.id,
  )
  if (source === undefined) return
  const intervalMs = Math.round(source.interval_ms * (0.9 + t.random() / 5))
  const waitMs = source.gone > 0 ? Math.min(intervalMs, t.policy.afterGoneMs) : intervalMs
  await t.tx.run(
    'update source set due_ms = ?, progress_ms = ? where id = ?',
    source.is_asked > 0 ? t.nowMs : t.nowMs + waitMs,
    t.nowMs,
    round.source_id,
  )
}

/** A step of the round will not be listed: whatever the round did not see is in doubt. */
export async function spoilRound(
  t: Turning,
  roundId: number | null,
  reason: { readonly code: string; readonly message: string },
): Promise<void> {
  if (roundId === null) return
  await t.tx.run(
    `update round set is_clean = 0, spoiled_code = coalesce(spoiled_code, ?),
       spoiled_message = coalesce(spoiled_message, ?) where id = ?`,
    reason.code,
    reason.message,
    roundId,
  )
  await endListing(t, roundId)
}
