import { maxAsked, type SettleClaim, type Settled } from '../../engine/task.ts'
import { itemById, itemColumns, toItem, type ItemRow } from './items.ts'
import { endTaskOf, queueOf } from './queues.ts'
import type { HeldTask, Turning } from './turning.ts'

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

export function openRound(t: Turning, id: number): Round | null {
  return (
    t.db.prepare<Round>('select * from round where id = ? and ended_ms is null').get(id) ?? null
  )
}

/** The round's listing is over when none of its list tasks is left but parked ones. */
export function endListing(t: Turning, roundId: number): void {
  const round = openRound(t, roundId)
  if (round === null) return
  const open = t.db
    .prepare('select 1 from task where round_id = ? and state <> 3 limit 1')
    .get(roundId)
  if (open !== undefined) return
  if (round.is_clean === 0) {
    endRound(t, round, 'unclean')
    return
  }
  if (round.phase === 'listing') settleRound(t, round)
}

/** Whether anything went away, and so much of it that a person must say so. */
function settleRound(t: Turning, round: Round): void {
  const { asked, missing } = t.db
    .prepare<{ asked: number; missing: number }>(
      `select count(*) as asked, coalesce(sum(${unseenBy(round)}), 0) as missing ${candidateRows(round)}`,
    )
    .get(round.source_id, round.id, 0) ?? { asked: 0, missing: 0 }
  const { present } = t.db
    .prepare<{ present: number }>(
      'select count(*) as present from item where source_id = ? and state <> 5',
    )
    .get(round.source_id) ?? { present: 0 }
  if (asked === 0) {
    t.db.prepare('update source set withheld = 0 where id = ?').run(round.source_id)
    endRound(t, round, 'clean')
    return
  }
  const isConfirmed = t.db
    .prepare('select 1 from source where id = ? and confirmed >= ?')
    .get(round.source_id, missing)
  const isMost = missing > t.policy.withholdAbove && missing * 2 > present
  const isAll = missing > 0 && missing === present
  if (isConfirmed === undefined && (isMost || isAll)) {
    t.db.prepare('update source set withheld = ? where id = ?').run(missing, round.source_id)
    endRound(t, round, 'withheld')
    return
  }
  t.db.prepare('update source set withheld = 0 where id = ?').run(round.source_id)
  t.db.prepare(`update round set phase = 'settling' where id = ?`).run(round.id)
  const queueId = queueOf(t, 'list', 1, round.source_id)
  t.db
    .prepare(
      `insert into task (queue_id, source_id, kind, state, round_id, step)
       values (?, ?, 'settle', 0, ?, '0')`,
    )
    .run(queueId, round.source_id, round.id)
  t.touched.add(queueId)
}

/** Could not be found when it was read: asked for once more, though it is no sign that anything went away. */
const isLost = `(item.state = 3 and item.error_code = 'not-found')`

/** True of an item of source ?1 that round ?2 did not see. */
function unseenBy(round: Round): string {
  return round.is_full === 1
    ? `coalesce(item.missing_round_id = ?2 or place.round_id <> ?2 or (place.id is null and item.round_id <> ?2), 0)`
    : `(item.is_said_gone = 1 and ?2 > 0)`
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
export function candidatesOf(
  t: Turning,
  roundId: number,
  afterId: number,
): SettleClaim['candidates'] {
  const round = openRound(t, roundId)
  if (round === null) return []
  return t.db
    .prepare<ItemRow & { is_said_gone: number }>(
      `select ${itemColumns}, item.is_said_gone ${candidateRows(round)} order by item.id limit ?4`,
    )
    .all(round.source_id, round.id, afterId, maxAsked)
    .map((row) => ({ item: toItem(row), isSaidGone: row.is_said_gone === 1 }))
}

/** Hides what is gone, keeps what is there after all, and goes on until nothing is left to ask for. */
export function storeSettled(t: Turning, task: HeldTask, settled: Settled): void {
  const round = openRound(t, task.round_id ?? 0)
  if (round === null) return
  const asked = settled.claim.candidates.map(({ item }) => item.rowId)
  for (const id of settled.gone) bury(t, id, round)
  for (const id of settled.kept) {
    t.db
      .prepare(
        'update item set missing_round_id = null, is_said_gone = 0, round_id = ? where id = ?',
      )
      .run(round.id, id)
    t.db
      .prepare(
        `update item set state = 1, error_code = null, error_message = null where id = ? and ${isLost}`,
      )
      .run(id)
  }
  if (settled.unknown.length > 0) {
    t.db.prepare('update round set is_clean = 0 where id = ?').run(round.id)
  }
  t.db.prepare('update round set gone = gone + ? where id = ?').run(settled.gone.length, round.id)
  // Tasks of what is hidden are gone: others take their place.
  t.hungry.add(task.source_id)
  if (asked.length === maxAsked) {
    t.db
      .prepare(`update task set state = 0, fence = null, step = ? where id = ?`)
      .run(String(Math.max(...asked)), task.id)
    t.touched.add(task.queue_id)
    return
  }
  t.db.prepare('delete from task where id = ?').run(task.id)
  const ended = openRound(t, round.id) ?? round
  endRound(t, ended, ended.is_clean === 1 ? 'clean' : 'unclean')
}

/** An item becomes a tombstone: hidden, its identity kept. A skipped one has nothing that could come back. */
function bury(t: Turning, id: number, round: Round): void {
  t.effects.gone(itemById(t, id), sinceLastClean(t, round))
  endTaskOf(t, id)
  t.db
    .prepare(
      `update item set state = 5, place_id = null, missing_round_id = null, is_said_gone = 0, changed_ms = ?,
         applied = case when error_code is null then applied end, error_code = null, error_message = null
       where id = ?`,
    )
    .run(t.nowMs, id)
}

/**
 * When the last clean round began: whatever the same file's new place is, it was listed since then, perhaps in a round
 * that still saw the old one.
 */
function sinceLastClean(t: Turning, round: Round): number {
  const clean = t.db
    .prepare<{ started_ms: number }>(
      `select round.started_ms from source join round on round.id = source.clean_round_id where source.id = ?`,
    )
    .get(round.source_id)
  return clean?.started_ms ?? round.started_ms
}

function endRound(t: Turning, round: Round, outcome: 'clean' | 'unclean' | 'withheld'): void {
  t.db
    .prepare('update round set ended_ms = ?, outcome = ? where id = ?')
    .run(t.nowMs, outcome, round.id)
  if (outcome === 'clean') {
    const isUntrusting = Number(round.is_full === 1 && round.trusts_versions === 0)
    t.db
      .prepare(
        `update source set clean_round_id = ?, confirmed = 0,
           full_ms = case when ? = 1 then ? else full_ms end,
           cursor = coalesce((select cursor from round where id = ?), cursor) where id = ?`,
      )
      .run(round.id, isUntrusting, t.nowMs, round.id, round.source_id)
    if (round.is_full === 1) {
      t.db
        .prepare(
          `delete from place where source_id = ? and round_id <> ?
           and not exists (select 1 from item where item.place_id = place.id)`,
        )
        .run(round.source_id, round.id)
    }
  }
  schedule(t, round)
  t.db
    .prepare(
      `delete from round where source_id = ? and id not in
         (select id from round where source_id = ? order by id desc limit ?)
       and id not in (select clean_round_id from source where clean_round_id is not null and id = ?)`,
    )
    .run(round.source_id, round.source_id, keptRounds, round.source_id)
}

/** When the next round comes: at once if a person asked meanwhile, soon if files went away, else after the interval. */
function schedule(t: Turning, round: Round): void {
  const source = t.db
    .prepare<{ interval_ms: number; is_asked: number }>(
      'select interval_ms, is_asked from source where id = ?',
    )
    .get(round.source_id)
  if (source === undefined) return
  const { gone } = t.db
    .prepare<{ gone: number }>('select gone from round where id = ?')
    .get(round.id) ?? { gone: 0 }
  const intervalMs = Math.round(source.interval_ms * (0.9 + t.random() / 5))
  const waitMs = gone > 0 ? Math.min(intervalMs, t.policy.afterGoneMs) : intervalMs
  t.db
    .prepare('update source set due_ms = ?, progress_ms = ? where id = ?')
    .run(source.is_asked > 0 ? t.nowMs : t.nowMs + waitMs, t.nowMs, round.source_id)
}

/** A step of the round will not be listed: whatever the round did not see is in doubt. */
export function spoilRound(
  t: Turning,
  roundId: number | null,
  reason: { readonly code: string; readonly message: string },
): void {
  if (roundId === null) return
  t.db
    .prepare(
      `update round set is_clean = 0, spoiled_code = coalesce(spoiled_code, ?),
         spoiled_message = coalesce(spoiled_message, ?) where id = ?`,
    )
    .run(reason.code, reason.message, roundId)
  endListing(t, roundId)
}
