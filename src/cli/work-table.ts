import { folderTitle } from '../app/source-title.ts'
import { inWords } from '../base/duration.ts'
import type {
  FailedTask,
  LaneStatus,
  SlotStatus,
  UnwellSource,
  WorkStatus,
} from '../engine/operations.ts'
import { printable, table } from './terminal.ts'

/** Characters of a path that are shown: its end tells most. */
const maxPath = 60

/** What is going on, as tables under their headings; nothing where nothing is. */
export function workTables(work: WorkStatus, nowMs: number): string[] {
  const { pools, slots, lanes, unwell, parked } = work
  const used = pools.map(({ pool, slots, busy }) => `${pool} ${busy} of ${slots}`)
  const parts: string[] = []
  if (used.length > 0) parts.push(`slots in use: ${used.join(', ')}`)
  if (slots.length > 0) parts.push(`${slotTable(slots, nowMs)}\n`)
  if (lanes.length > 0) parts.push(`${laneTable(lanes)}\n`)
  if (unwell.length > 0) parts.push(`${unwellTable(unwell, nowMs)}\n`)
  if (parked.length > 0) parts.push(`${failedTable(parked, nowMs)}\n`)
  return parts
}

function slotTable(slots: readonly SlotStatus[], nowMs: number): string {
  const rows = slots.map(({ process, pool, slot, owner, source, kind, what, sinceMs }) => [
    `${pool} ${slot}`,
    inWords(nowMs - sinceMs),
    owner,
    source,
    kind ?? 'given up',
    shownPath(kind === 'list' ? folderTitle(what) : what),
    printable(process),
  ])
  return table([['slot', 'for', 'user', 'drive', 'does', 'what', 'process'], ...rows])
}

const classNames = { 0: 'asked for', 1: 'sync', 2: 'background' } as const

function laneTable(lanes: readonly LaneStatus[]): string {
  const rows = lanes.map((lane) => [
    lane.owner,
    lane.pool,
    classNames[lane.class],
    String(lane.weight),
    String(lane.waiting),
    String(lane.running),
    `${Math.round(lane.share * 100)} %`,
    lane.lag.toFixed(2),
  ])
  const heads = ['user', 'pool', 'class', 'weight', 'waiting', 'running', 'share', 'lag']
  return table([heads, ...rows])
}

function unwellTable(sources: readonly UnwellSource[], nowMs: number): string {
  const rows = sources.map(({ owner, source, state, wellMs, untilMs, code, message }) => [
    owner,
    source,
    state,
    wellMs === null ? 'never' : `${inWords(nowMs - wellMs)} ago`,
    untilMs === null ? '-' : `in ${inWords(untilMs - nowMs)}`,
    printable(`${code}: ${message}`),
  ])
  return table([['user', 'drive', 'state', 'was well', 'next check', 'why'], ...rows])
}

/** Tasks that have failed, one a line. */
export function failedTable(tasks: readonly FailedTask[], nowMs: number): string {
  const rows = tasks.map(({ id, owner, source, kind, what, nextMs, ...task }) => [
    String(id),
    owner,
    source,
    kind,
    shownPath(kind === 'list' ? folderTitle(what) : what),
    String(task.attempts),
    String(task.crashes),
    nextMs === null ? 'parked' : `in ${inWords(nextMs - nowMs)}`,
    printable(`${task.code}: ${task.message}`),
  ])
  const heads = ['task', 'user', 'drive', 'kind', 'what', 'attempts', 'crashes', 'next', 'why']
  return table([heads, ...rows])
}

function shownPath(path: string): string {
  const shown = printable(path)
  return shown.length > maxPath ? `…${shown.slice(1 - maxPath)}` : shown
}
