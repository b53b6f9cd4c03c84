import type { Found, Listed } from '../../engine/task.ts'
import { finishPlace, isUnchangedPlace, placeOf, storeItems } from './items.ts'
import { queueOf, touchSource } from './queues.ts'
import { endListing, openRound, spoilRound, type Round } from './settling.ts'
import type { HeldTask, Turning } from './turning.ts'

/** Rounds started in one turn. */
const maxStarts = 100
/** A due time that never comes: the source has a round already, and its end sets the next one. */
export const never = Number.MAX_SAFE_INTEGER

interface DueSource {
  readonly id: number
  readonly cursor: string | null
  readonly is_asked: number
  readonly full_ms: number | null
}

/** Starts the rounds that are due: a row and its first list task. */
export function startDueRounds(t: Turning): void {
  const due = t.db
    .prepare<DueSource>(
      `select id, cursor, is_asked, full_ms from source
       where is_paused = 0 and health = 0 and due_ms <= ? order by due_ms, id limit ?`,
    )
    .all(t.nowMs, maxStarts)
  for (const source of due) startRound(t, source)
}

function startRound(t: Turning, source: DueSource): void {
  const isFull = source.cursor === null || source.is_asked === 2
  const trusts =
    isFull &&
    source.is_asked < 2 &&
    source.full_ms !== null &&
    t.nowMs - source.full_ms < t.policy.trustMs
  // A parked step of an earlier round is listed anew by this one.
  t.db.prepare(`delete from task where source_id = ? and kind <> 'read'`).run(source.id)
  const { lastId: roundId } = t.db
    .prepare(
      `insert into round (source_id, is_full, is_asked, trusts_versions, phase, started_ms)
       values (?, ?, ?, ?, 'listing', ?)`,
    )
    .run(source.id, Number(isFull), Number(source.is_asked > 0), Number(trusts), t.nowMs)
  t.db
    .prepare('update source set due_ms = ?, is_asked = 0, progress_ms = ? where id = ?')
    .run(never, t.nowMs, source.id)
  const step = isFull ? null : source.cursor
  addStep(t, { sourceId: source.id, roundId, step, isAsked: source.is_asked > 0 })
}

interface Step {
  readonly sourceId: number
  readonly roundId: number
  readonly step: string | null
  /** A person waits: the first step of what he asked for comes first, the rest takes its turns. */
  readonly isAsked: boolean
  readonly version?: string | undefined
  readonly parentPlaceId?: number | null
}

function addStep(t: Turning, step: Step): void {
  const queueId = queueOf(t, 'list', step.isAsked ? 0 : 1, step.sourceId)
  t.db
    .prepare(
      `insert into task (queue_id, source_id, kind, state, round_id, step, version, parent_place_id)
       values (?, ?, 'list', 0, ?, ?, ?, ?)`,
    )
    .run(
      queueId,
      step.sourceId,
      step.roundId,
      step.step,
      step.version ?? null,
      step.parentPlaceId ?? null,
    )
  t.touched.add(queueId)
}

/** A batch in the middle of a step. */
export function storeFound(t: Turning, task: HeldTask, found: Found): readonly number[] {
  const round = openRound(t, task.round_id ?? 0)
  if (round === null) return []
  const rows = storeItems(t, task, {
    ...found,
    placeId: found.isTree ? placeOf(t, task) : null,
    roundId: round.id,
    marks: !found.isTree && round.is_full === 1,
  })
  t.hungry.add(task.source_id)
  return rows
}

/** A step is done: what it found, what follows from it and where to go on are stored together. */
export function storeListed(t: Turning, task: HeldTask, listed: Listed): void {
  t.db.prepare('delete from task where id = ?').run(task.id)
  const round = openRound(t, task.round_id ?? 0)
  if (round === null) return
  const placeId = listed.isTree ? placeOf(t, task) : null
  const rows = storeItems(t, task, {
    ...listed,
    placeId,
    roundId: round.id,
    marks: !listed.isTree && round.is_full === 1,
  })
  if (placeId !== null) {
    const seen = new Set([...listed.seen, ...rows])
    finishPlace(t, task, { id: placeId, roundId: round.id, seen })
  }
  const isWithin = countSteps(t, round, listed.next.length)
  for (const { step, version } of isWithin ? listed.next : []) {
    const isKnown =
      version !== undefined &&
      round.trusts_versions === 1 &&
      isUnchangedPlace(t, task.source_id, { step, version, roundId: round.id })
    if (isKnown) continue
    addStep(t, {
      sourceId: task.source_id,
      roundId: round.id,
      step,
      version,
      isAsked: false,
      parentPlaceId: placeId,
    })
  }
  if (listed.cursor !== null) keepCursor(t, round, listed.cursor)
  t.hungry.add(task.source_id)
  endListing(t, round.id)
}

/** Steps of one round; a tree that goes on for ever (links that loop) ends here, unclean. */
const maxSteps = 1_000_000

/** Whether the round may have so many more steps; if not, it is spoiled. */
function countSteps(t: Turning, round: Round, more: number): boolean {
  if (more === 0) return true
  const { steps } = t.db
    .prepare<{ steps: number }>('update round set steps = steps + ? where id = ? returning steps')
    .get(more, round.id) ?? { steps: 0 }
  if (steps <= maxSteps) return true
  const message = `The drive has more than ${maxSteps} folders: does a link lead back into it?`
  spoilRound(t, round.id, { code: 'too-big', message })
  return false
}

/**
 * Following, the cursor moves with every page. A full listing's cursor counts only once the whole of it is clean and
 * what it did not see is settled; until then the next round lists in full again.
 */
function keepCursor(t: Turning, round: Round, cursor: string): void {
  if (round.is_full === 1) {
    t.db.prepare('update round set cursor = ? where id = ?').run(cursor, round.id)
  } else {
    t.db.prepare('update source set cursor = ? where id = ?').run(cursor, round.source_id)
  }
}

/**
 * The cursor is of no use any more: everything is kept, and a full round begins at once. One that was full already
 * begins after a pause, or a source that says nothing else would be asked without end.
 */
export function restartRound(t: Turning, sourceId: number): void {
  const open = t.db
    .prepare<{ is_full: number }>(
      'select is_full from round where source_id = ? and ended_ms is null',
    )
    .get(sourceId)
  const pauseMs = open?.is_full === 1 ? t.policy.restBaseMs : 0
  touchSource(t, sourceId)
  t.db.prepare(`delete from task where source_id = ? and kind <> 'read'`).run(sourceId)
  t.db
    .prepare(
      `update round set ended_ms = ?, outcome = 'restarted' where source_id = ? and ended_ms is null`,
    )
    .run(t.nowMs, sourceId)
  t.db
    .prepare('update source set cursor = null, due_ms = ? where id = ?')
    .run(t.nowMs + pauseMs, sourceId)
}
