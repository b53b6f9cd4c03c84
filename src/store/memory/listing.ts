import type { ListedItem, NextStep } from '../../engine/source.ts'
import type { Found, Listed } from '../../engine/task.ts'
import { isAnother, newItem, owe } from './items.ts'
import { queueOf } from './lanes.ts'
import {
  addTask,
  nextId,
  type RoundRow,
  type SourceRow,
  type TaskRow,
  type Turning,
} from './rows.ts'
import { endListing, endedAs } from './settling.ts'

/** Rounds started in one turn. */
const maxStarts = 100

/** A round of every source that is due: its first list task. */
export function startDueRounds(t: Turning): void {
  const due = [...t.rows.sources.values()]
    .filter((source) => isStartable(source) && source.dueMs <= t.nowMs)
    .toSorted((a, b) => a.dueMs - b.dueMs || a.entry.id - b.entry.id)
  for (const source of due.slice(0, maxStarts)) startRound(t, source)
}

/** Well, not paused, and without a round. */
export function isStartable({ round, isPaused, breaker }: SourceRow): boolean {
  return round === null && !isPaused && breaker.restUntilMs === null && breaker.health === 0
}

function startRound(t: Turning, source: SourceRow): void {
  const isFull = source.cursor === null || source.asked === 'full'
  const isAsked = source.asked !== 'no'
  const sinceFullMs = source.fullMs === null ? Infinity : t.nowMs - source.fullMs
  dropListTasks(t, source)
  const round: RoundRow = {
    id: nextId(t.rows),
    isFull,
    isAsked,
    trustsVersions: isFull && source.asked !== 'full' && sinceFullMs < t.policy.trustMs,
    startedMs: t.nowMs,
    phase: 'listing',
    isClean: true,
    reason: null,
    gone: 0,
    cursor: null,
    endedMs: 0,
    outcome: '',
  }
  source.round = round
  source.asked = 'no'
  source.progressMs = t.nowMs
  addTask(t.rows, {
    kind: 'list',
    queue: queueOf(t, source.listPool, isAsked ? 0 : 1, source),
    source,
    round,
    step: isFull ? null : source.cursor,
  })
}

export function dropListTasks({ rows }: Turning, source: SourceRow): void {
  for (const task of rows.tasks) {
    if (task.source === source && task.kind !== 'read') rows.tasks.delete(task)
  }
}

/** The cursor is of no use: all is kept, and a full round begins, at once unless it was one that failed. */
export function restartRound(t: Turning, source: SourceRow): void {
  const { round } = source
  if (round === null) return
  dropListTasks(t, source)
  endedAs(source, round, { outcome: 'restarted', endedMs: t.nowMs })
  source.cursor = null
  source.dueMs = t.nowMs + (round.isFull ? t.policy.restBaseMs : 0)
}

/** A batch in the middle of a step. Returns the row ids of the items. */
export async function storeFound(
  t: Turning,
  task: TaskRow,
  found: Found,
): Promise<readonly number[]> {
  const { round, source } = task
  if (round === null) return []
  if (found.isTree) placeOf(source, task)
  else beginAnew(task, round)
  const rows = found.items.map((item) => storeItem(t, task, item, found.isTree))
  sayGone(source, found.gone, round)
  if (found.effect !== null) await t.effects.listed?.(null, source.entry.id, found.effect)
  t.hungry.add(source)
  return rows
}

/** The end of a step: what it found, what follows from it, and where to go on. */
export async function storeListed(t: Turning, task: TaskRow, listed: Listed): Promise<void> {
  const { round, source } = task
  t.rows.tasks.delete(task)
  if (round === null) return
  if (listed.isTree) placeOf(source, task)
  else beginAnew(task, round)
  const rows = listed.items.map((item) => storeItem(t, task, item, listed.isTree))
  sayGone(source, listed.gone, round)
  if (listed.isTree) finishPlace(source, task, new Set([...listed.seen, ...rows]))
  for (const next of listed.next) addStep(t, task, next, listed.isTree)
  if (listed.cursor !== null) {
    if (round.isFull) round.cursor = listed.cursor
    else source.cursor = listed.cursor
  }
  if (listed.effect !== null) await t.effects.listed?.(null, source.entry.id, listed.effect)
  t.hungry.add(source)
  endListing(t, source)
}

/**
 * A feed that is listed from its beginning once more does not tell what went away since the attempt before: what that
 * one saw counts as not seen.
 */
function beginAnew(task: TaskRow, round: RoundRow): void {
  const { fence, source, step } = task
  if (!round.isFull || step !== null || task.seq === fence) return
  task.seq = fence ?? 0
  for (const item of source.items.values()) {
    if (item.seenRoundId === round.id) item.seenRoundId = 0
  }
}

/** A step that follows, unless a clean round has listed this very version of it. */
function addStep(t: Turning, task: TaskRow, next: NextStep, isTree: boolean): void {
  const { source, round } = task
  if (round === null) return
  const { step, version } = next
  const isKnown = version !== undefined && round.trustsVersions
  if (isKnown && seeUnchanged(source, round, { step, version })) return
  addTask(t.rows, {
    kind: 'list',
    queue: queueOf(t, source.listPool, 1, source),
    source,
    round,
    step,
    version: version ?? null,
    parentPlace: isTree ? (task.step ?? '') : null,
  })
}

function storeItem(t: Turning, task: TaskRow, listed: ListedItem, isTree: boolean): number {
  const { source, round } = task
  let item = source.items.get(listed.key)
  if (item === undefined) {
    item = newItem(t, listed)
    source.items.set(listed.key, item)
  } else if (item.state === 'gone' || isAnother(item.listed, listed)) {
    owe(t, item, listed)
  }
  item.place = isTree ? (task.step ?? '') : null
  item.missingRoundId = null
  item.isSaidGone = false
  item.seenRoundId = round?.id ?? 0
  return item.rowId
}

function sayGone(source: SourceRow, keys: readonly string[], round: RoundRow): void {
  for (const key of keys) {
    const item = source.items.get(key)
    if (item === undefined || item.state === 'gone') continue
    item.isSaidGone = true
    item.missingRoundId = round.id
  }
}

/** The place of a step, made when its first batch comes; it counts as listed only when it is finished. */
function placeOf(source: SourceRow, task: TaskRow): void {
  const step = task.step ?? ''
  if (source.places.has(step)) return
  source.places.set(step, { roundId: 0, version: null, parent: task.parentPlace })
}

function finishPlace(source: SourceRow, task: TaskRow, seen: ReadonlySet<number>): void {
  const step = task.step ?? ''
  const roundId = task.round?.id ?? 0
  source.places.set(step, { roundId, version: task.version, parent: task.parentPlace })
  for (const item of source.items.values()) {
    if (item.place === step && !seen.has(item.rowId)) item.missingRoundId = roundId
  }
}

/** True if a clean round listed this very version last: then it and all below it count as seen. */
function seeUnchanged(
  source: SourceRow,
  round: RoundRow,
  { step, version }: { readonly step: string; readonly version: string },
): boolean {
  const place = source.places.get(step)
  if (place?.version !== version || place.roundId !== source.cleanRound?.id) return false
  if (isSilent(source, step)) return false
  seeBelow(source, step, round)
  return true
}

/** A place below has no version: it may change while nothing above it tells. */
function isSilent(source: SourceRow, step: string): boolean {
  return [...source.places].some(
    ([below, { parent, version }]) =>
      parent === step && (version === null || isSilent(source, below)),
  )
}

function seeBelow(source: SourceRow, step: string, round: RoundRow): void {
  for (const [below, place] of source.places) {
    if (below === step) place.roundId = round.id
    else if (place.parent === step) seeBelow(source, below, round)
  }
}
