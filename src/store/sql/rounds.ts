import type { NextStep } from '../../engine/source.ts'
import type { Found, Listed } from '../../engine/task.ts'
import { storeItems } from './items.ts'
import { finishPlace, isUnchangedPlace, placeOf } from './places.ts'
import { listQueueOf, touchSource } from './queues.ts'
import { endListing, openRound, spoilRound, type Round } from './settling.ts'
import { touch, type HeldTask, type Turning } from './turning.ts'

/** A due time that never comes: the source has a round already, and its end sets the next one. */
export const never = Number.MAX_SAFE_INTEGER

export interface DueSource {
  readonly id: number
  readonly cursor: string | null
  readonly is_asked: number
  readonly full_ms: number | null
}

/** Starts a round: a row and its first list task. */
export async function startRound(t: Turning, source: DueSource): Promise<void> {
  const isFull = source.cursor === null || source.is_asked === 2
  const trusts =
    isFull &&
    source.is_asked < 2 &&
    source.full_ms !== null &&
    t.nowMs - source.full_ms < t.policy.trustMs
  // A parked step of an earlier round is listed anew by this one.
  await t.tx.run(`delete from task where source_id = ? and round_id is not null`, source.id)
  const round = await t.tx.get<{ id: number }>(
    `insert into round (source_id, is_full, is_asked, trusts_versions, phase, started_ms)
     values (?, ?, ?, ?, 'listing', ?) returning id`,
    source.id,
    Number(isFull),
    Number(source.is_asked > 0),
    Number(trusts),
    t.nowMs,
  )
  await t.tx.run(
    'update source set due_ms = ?, is_asked = 0, progress_ms = ? where id = ?',
    never,
    t.nowMs,
    source.id,
  )
  // A person waits: the first step of what he asked for comes first, the rest takes its turns.
  const queueId = await listQueueOf(t, source.is_asked > 0 ? 0 : 1, source.id)
  const step = { step: isFull ? null : source.cursor, version: null }
  await addSteps(t, [step], {
    queueId,
    sourceId: source.id,
    roundId: round?.id ?? 0,
    placeId: null,
  })
}

interface Within {
  readonly queueId: number
  readonly sourceId: number
  readonly roundId: number
  /** The place that the steps were found in. */
  readonly placeId: number | null
}

async function addSteps(
  t: Turning,
  steps: readonly { readonly step: string | null; readonly version: string | null }[],
  { queueId, sourceId, roundId, placeId }: Within,
): Promise<void> {
  if (steps.length === 0) return
  await t.tx.each(
    `insert into task (queue_id, source_id, kind, state, round_id, parent_place_id, step, version)
     select ?1, ?2, 'list', 0, ?3, ?4, r.step, r.version from rows as r (step text, version text)`,
    steps,
    queueId,
    sourceId,
    roundId,
    placeId,
  )
  touch(t, queueId)
}

/** A batch in the middle of a step. */
export async function storeFound(
  t: Turning,
  task: HeldTask,
  found: Found,
): Promise<readonly number[]> {
  const round = await openRound(t, task.round_id ?? 0)
  if (round === null) return []
  if (!found.isTree) await beginAnew(t, task, round)
  const rows = await storeItems(t, task, {
    ...found,
    placeId: found.isTree ? await placeOf(t, task) : null,
    roundId: round.id,
    marks: !found.isTree && round.is_full === 1,
  })
  await writeEffect(t, found)
  t.hungry.add(task.source_id)
  return rows
}

/** A step is done: what it found, what follows from it and where to go on are stored together. */
export async function storeListed(t: Turning, task: HeldTask, listed: Listed): Promise<void> {
  const round = await openRound(t, task.round_id ?? 0)
  if (round !== null && !listed.isTree) await beginAnew(t, task, round)
  await t.tx.run('delete from task where id = ?', task.id)
  if (round === null) return
  const placeId = listed.isTree ? await placeOf(t, task) : null
  const rows = await storeItems(t, task, {
    ...listed,
    placeId,
    roundId: round.id,
    marks: !listed.isTree && round.is_full === 1,
  })
  if (placeId !== null) {
    const seen = new Set([...listed.seen, ...rows])
    await finishPlace(t, task, { id: placeId, roundId: round.id, seen })
  }
  if (await countSteps(t, round, listed.next.length)) await follow(t, round, listed.next, placeId)
  await writeEffect(t, listed)
  if (listed.cursor !== null) await keepCursor(t, round, listed.cursor)
  t.hungry.add(task.source_id)
  await endListing(t, round.id)
}

async function writeEffect(
  { tx, effects }: Turning,
  { claim, effect }: Found | Listed,
): Promise<void> {
  if (effect !== null) await effects.listed?.(tx, claim.sourceId, effect)
}

/**
 * A feed that is listed from its beginning once more does not tell what went away since the attempt before: what that
 * one saw counts as not seen. As the version of its first step, which has none, the task keeps the fence of the attempt
 * that it has batches of.
 */
async function beginAnew(t: Turning, task: HeldTask, round: Round): Promise<void> {
  const fence = String(task.fence)
  if (round.is_full === 0 || task.step !== null || task.version === fence) return
  await t.tx.run('update task set version = ? where id = ?', fence, task.id)
  if (task.version === null) return
  await t.tx.run(
    'update item set round_id = 0 where source_id = ? and round_id = ?',
    round.source_id,
    round.id,
  )
}

/** The steps that follow, but for those that a clean round has listed at the same version. */
async function follow(
  t: Turning,
  round: Round,
  next: readonly NextStep[],
  placeId: number | null,
): Promise<void> {
  const steps: { step: string; version: string | null }[] = []
  for (const { step, version } of next) {
    const isKnown =
      version !== undefined &&
      round.trusts_versions === 1 &&
      (await isUnchangedPlace(t, round.source_id, { step, version, roundId: round.id }))
    if (!isKnown) steps.push({ step, version: version ?? null })
  }
  if (steps.length === 0) return
  const queueId = await listQueueOf(t, 1, round.source_id)
  await addSteps(t, steps, { queueId, sourceId: round.source_id, roundId: round.id, placeId })
}

/** Steps of one round; a tree that goes on for ever (links that loop) ends here, unclean. */
const maxSteps = 1_000_000

/** Whether the round may have so many more steps; if not, it is spoiled. */
async function countSteps(t: Turning, round: Round, more: number): Promise<boolean> {
  if (more === 0) return true
  const { steps } = (await t.tx.get<{ steps: number }>(
    'update round set steps = steps + ? where id = ? returning steps',
    more,
    round.id,
  )) ?? { steps: 0 }
  if (steps <= maxSteps) return true
  const message = `The drive has more than ${maxSteps} folders: does a link lead back into it?`
  await spoilRound(t, round.id, { code: 'too-big', message })
  return false
}

/**
 * Following, the cursor moves with every page. A full listing's cursor counts only once the whole of it is clean and
 * what it did not see is settled; until then the next round lists in full again.
 */
async function keepCursor(t: Turning, round: Round, cursor: string): Promise<void> {
  if (round.is_full === 1) {
    await t.tx.run('update round set cursor = ? where id = ?', cursor, round.id)
  } else {
    await t.tx.run('update source set cursor = ? where id = ?', cursor, round.source_id)
  }
}

/**
 * The cursor is of no use any more: everything is kept, and a full round begins at once. One that was full already
 * begins after a pause, or a source that says nothing else would be asked without end.
 */
export async function restartRound(t: Turning, sourceId: number): Promise<void> {
  const open = await t.tx.get<{ is_full: number }>(
    'select is_full from round where source_id = ? and ended_ms is null',
    sourceId,
  )
  const pauseMs = open?.is_full === 1 ? t.policy.restBaseMs : 0
  touchSource(t, sourceId)
  await t.tx.run(`delete from task where source_id = ? and round_id is not null`, sourceId)
  await t.tx.run(
    `update round set ended_ms = ?, outcome = 'restarted' where source_id = ? and ended_ms is null`,
    t.nowMs,
    sourceId,
  )
  await t.tx.run(
    'update source set cursor = null, due_ms = ? where id = ?',
    t.nowMs + pauseMs,
    sourceId,
  )
}
