import type { SettleClaim, Settled } from '../../engine/task.ts'
import { maxAsked } from '../../engine/task.ts'
import { toItem } from './items.ts'
import { queueOf } from './lanes.ts'
import {
  addTask,
  dropTaskOf,
  type ItemRow,
  type RoundRow,
  type SourceRow,
  type TaskRow,
  type Turning,
} from './rows.ts'

/** The listing is over when no task of the round but parked ones is left; then it is seen what went away. */
export function endListing(t: Turning, source: SourceRow): void {
  const { round } = source
  if (round === null) return
  const isOpen = [...t.rows.tasks].some((task) => task.round === round && task.state !== 'parked')
  if (isOpen) return
  if (!round.isClean) endRound(t, source, 'unclean')
  else if (round.phase === 'listing') askForMissing(t, source)
}

/** A step of the round will not be done: what the round did not see is in doubt. */
export function spoilRound(
  t: Turning,
  source: SourceRow,
  { code, message }: { readonly code: string; readonly message: string },
): void {
  if (source.round !== null) {
    source.round.isClean = false
    source.round.reason ??= { code, message }
  }
  endListing(t, source)
}

function askForMissing(t: Turning, source: SourceRow): void {
  const { round } = source
  if (round === null) return
  const asked = missingOf(source, isLost).length
  const missing = missingOf(source).length
  const present = [...source.items.values()].filter(({ state }) => state !== 'gone').length
  const isMost = missing > t.policy.withholdAbove && missing * 2 > present
  const isAll = missing > 0 && missing === present
  const isDoubtful = (isMost || isAll) && missing > source.confirmed
  source.withheld = isDoubtful ? missing : 0
  if (asked === 0) {
    endRound(t, source, 'clean')
  } else if (isDoubtful) {
    endRound(t, source, 'withheld')
  } else {
    round.phase = 'settling'
    const queue = queueOf(t, source.listPool, 1, source)
    addTask(t.rows, { kind: 'settle', queue, source, round })
  }
}

/** Could not be found when it was read. */
function isLost({ state, error }: ItemRow): boolean {
  return state === 'skipped' && error?.code === 'not-found'
}

/** What the open round of the source did not see, and what is in question besides, in the order of the row ids. */
function missingOf(
  source: SourceRow,
  isInQuestion: (item: ItemRow) => boolean = () => false,
): ItemRow[] {
  const { round } = source
  if (round === null) return []
  const isMissing = (item: ItemRow): boolean => {
    if (item.state === 'gone') return false
    if (!round.isFull) return item.isSaidGone
    if (item.missingRoundId === round.id) return true
    if (item.place === null) return item.seenRoundId !== round.id
    return source.places.get(item.place)?.roundId !== round.id
  }
  return [...source.items.values()]
    .filter((item) => isMissing(item) || isInQuestion(item))
    .toSorted((a, b) => a.rowId - b.rowId)
}

export function nextCandidates(task: TaskRow): SettleClaim['candidates'] {
  return missingOf(task.source, isLost)
    .filter(({ rowId }) => rowId > task.askedUpTo)
    .slice(0, maxAsked)
    .map((item) => ({ item: toItem(task.source, item), isSaidGone: item.isSaidGone }))
}

/** Hides what is gone, keeps what is there after all, and asks on until nothing is left to ask for. */
export async function storeSettled(t: Turning, task: TaskRow, settled: Settled): Promise<void> {
  const { source, round } = task
  if (round === null) return
  const byId = new Map([...source.items.values()].map((item) => [item.rowId, item]))
  const itemsOf = (ids: readonly number[]): ItemRow[] =>
    ids.map((id) => byId.get(id)).filter((item) => item !== undefined)
  const gone = itemsOf(settled.gone)
  const sinceMs = (source.cleanRound ?? round).startedMs
  for (const item of gone) await t.effects.gone(null, toItem(source, item), sinceMs)
  for (const item of gone) bury(t, item)
  for (const item of itemsOf(settled.kept)) {
    item.missingRoundId = null
    item.isSaidGone = false
    item.seenRoundId = round.id
    if (isLost(item)) Object.assign(item, { state: 'owed', error: null })
  }
  round.gone += gone.length
  if (settled.unknown.length > 0) round.isClean = false
  t.hungry.add(source)
  const asked = settled.claim.candidates.map(({ item }) => item.rowId)
  if (asked.length === maxAsked) {
    task.askedUpTo = Math.max(...asked)
    task.state = 'ready'
    task.fence = null
    return
  }
  t.rows.tasks.delete(task)
  endRound(t, source, round.isClean ? 'clean' : 'unclean')
}

/** An item becomes a tombstone: hidden, its identity kept. */
function bury({ rows, nowMs }: Turning, item: ItemRow): void {
  dropTaskOf(rows, item)
  if (item.error !== null) item.applied = null
  Object.assign(item, {
    state: 'gone',
    place: null,
    missingRoundId: null,
    isSaidGone: false,
    error: null,
    goneMs: nowMs,
  })
}

function endRound(t: Turning, source: SourceRow, outcome: 'clean' | 'unclean' | 'withheld'): void {
  const { round } = source
  if (round === null) return
  endedAs(source, round, { outcome, endedMs: t.nowMs })
  if (outcome === 'clean') {
    source.cleanRound = round
    source.confirmed = 0
    if (round.isFull && !round.trustsVersions) source.fullMs = t.nowMs
    source.cursor = round.cursor ?? source.cursor
    if (round.isFull) forgetPlaces(source, round.id)
  }
  const intervalMs = Math.round(source.entry.intervalMs * (0.9 + t.random() / 5))
  const waitMs = round.gone > 0 ? Math.min(intervalMs, t.policy.afterGoneMs) : intervalMs
  source.dueMs = source.asked === 'no' ? t.nowMs + waitMs : t.nowMs
  source.progressMs = t.nowMs
}

export function endedAs(
  source: SourceRow,
  round: RoundRow,
  end: Pick<RoundRow, 'outcome' | 'endedMs'>,
): void {
  source.round = null
  source.lastRound = Object.assign(round, end)
}

/** Places that are not there any more and hold nothing. */
function forgetPlaces(source: SourceRow, roundId: number): void {
  const held = new Set([...source.items.values()].map(({ place }) => place))
  for (const [step, place] of source.places) {
    if (place.roundId !== roundId && !held.has(step)) source.places.delete(step)
  }
}
