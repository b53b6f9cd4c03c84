import { backoffMs } from '../../base/retry.ts'
import { SyncError } from '../../base/errors.ts'
import {
  failed,
  health,
  isLately,
  recovered,
  rested,
  stopped,
  succeeded,
  type Setback,
} from '../../engine/breaker.ts'
import type { Applied, Changed, Checked, Failure } from '../../engine/task.ts'
import { narrowed, widened } from '../../engine/window.ts'
import { owe, toItem } from './items.ts'
import { restartRound } from './listing.ts'
import { nextId, type ItemRow, type SourceRow, type TaskRow, type Turning } from './rows.ts'
import { spoilRound } from './settling.ts'

/** The effect counts if the item is still what was read. */
export async function storeApplied(t: Turning, task: TaskRow, { effect }: Applied): Promise<void> {
  const { item, source } = task
  if (item === null) return
  const isSame = item.seq === task.seq
  if (isSame) await t.effects.applied(null, [{ item: toItem(source, item), effect }])
  t.rows.tasks.delete(task)
  if (isSame) Object.assign(item, { applied: item.listed.version, state: 'settled', error: null })
  else item.state = 'owed'
  t.hungry.add(source)
}

/** The new version is owed, by the same task, which burns an attempt. */
export function storeChanged(t: Turning, task: TaskRow, changed: Changed): void {
  if (task.item === null) return
  const { attempts, crashes } = task
  owe(t, task.item, changed.item)
  Object.assign(task, { attempts, crashes })
  retry(t, task, changed.failure)
}

/** What became of a task that failed: the remedy decides. */
export async function storeFailed(t: Turning, task: TaskRow, failure: Failure): Promise<void> {
  const { source } = task
  const isItself = task.failedMs !== null && (source.breaker.okMs ?? 0) >= task.failedMs
  switch (failure.remedy) {
    case 'skip':
      await skip(t, task, failure)
      return
    case 'restart':
      if (task.item === null) restartRound(t, source)
      else retry(t, task, failure)
      return
    case 'stop':
      giveBack(t, task)
      return
    case 'source':
      if (isItself) retry(t, task, failure)
      else {
        remember(t, task)
        giveBack(t, task)
        task.failedMs = t.nowMs
      }
      return
    case 'retry':
      retry(t, task, failure)
  }
}

/** Ready again, unblamed; a read that has never failed is simply owed again. */
export function giveBack({ rows }: Turning, task: TaskRow): void {
  if (task.item === null || task.hasFailed) Object.assign(task, { state: 'ready', fence: null })
  else {
    rows.tasks.delete(task)
    task.item.state = 'owed'
  }
}

/** The task has failed: from now on it is one of its own, behind those that failed before. */
function remember({ rows }: Turning, task: TaskRow): void {
  if (task.item === null || task.hasFailed) return
  task.hasFailed = true
  task.id = nextId(rows)
}

function retry(t: Turning, task: TaskRow, failure: Failure): void {
  const { retryBaseMs: baseMs, retryMaxMs: maxMs, maxAttempts } = t.policy
  remember(t, task)
  task.attempts++
  task.failedMs = t.nowMs
  if (task.attempts >= maxAttempts) {
    park(t, task, failure)
    return
  }
  const waitMs = backoffMs(task.attempts - 1, { baseMs, maxMs }, t.random)
  const wishedMs = Math.min(failure.retryAfterMs ?? 0, maxMs)
  task.state = 'delayed'
  task.fence = null
  task.error = { code: failure.code, message: failure.message }
  task.runAtMs = t.nowMs + Math.max(waitMs, wishedMs)
}

function park(t: Turning, task: TaskRow, { code, message }: Failure): void {
  task.state = 'parked'
  task.fence = null
  task.error = { code, message }
  if (task.item === null) {
    spoilRound(t, task.source, { code, message })
    return
  }
  task.item.state = 'parked'
  task.item.error = { code, message }
  t.hungry.add(task.source)
}

async function skip(t: Turning, task: TaskRow, failure: Failure): Promise<void> {
  const { item, source } = task
  const { code, message } = failure
  if (item === null) {
    t.rows.tasks.delete(task)
    source.error = { code, message, atMs: t.nowMs }
    spoilRound(t, source, failure)
    return
  }
  if (item.seq === task.seq) await skipItem(t, source, item, failure)
  else item.state = 'owed'
  t.rows.tasks.delete(task)
  t.hungry.add(source)
}

/** The present version of the item is no good; what is lost stays as it is until it has been asked for once more. */
export async function skipItem(
  t: Turning,
  source: SourceRow,
  item: ItemRow,
  { code, message }: Failure,
): Promise<void> {
  if (code !== 'not-found') {
    await t.effects.skipped(null, toItem(source, item), new SyncError(code, message))
    item.applied = null
  }
  Object.assign(item, { state: 'skipped', error: { code, message } })
}

/** Its lease passed: ready again, or parked when that happened too often; its source has failed either way. */
export function crash(t: Turning, task: TaskRow, fence: number): void {
  remember(t, task)
  giveBack(t, task)
  task.crashes++
  const message = `The task did not end within its time ${task.crashes} times.`
  if (task.crashes >= t.policy.maxCrashes) {
    park(t, task, { code: 'lease-lost', remedy: 'retry', message })
  }
  noteFailure(t, task, fence, { code: 'timeout', remedy: 'source', message })
}

/** Its work has moved: told once in a while. */
export function move({ nowMs }: Turning, source: SourceRow): void {
  if (!isLately(source.progressMs, nowMs)) source.progressMs = nowMs
}

/** A task of the source was answered well. */
export function noteSuccess(t: Turning, task: TaskRow, fence: number, usedMs: number): void {
  const { source, queue } = task
  move(t, source)
  if (fence <= source.breaker.fenceFloor) return
  source.error = null
  source.breaker = succeeded(source.breaker, t.nowMs)
  queue.window = widened(queue.window, usedMs, t.policy)
}

/** A task failed: its window may narrow; if it was because of the source, its breaker hears of it. */
export function noteFailure(t: Turning, task: TaskRow, fence: number, failure: Failure): void {
  const { source, queue } = task
  queue.window = narrowed(queue.window, failure.code)
  if (fence <= source.breaker.fenceFloor) return
  if (failure.remedy === 'stop') stop(t, source, failure)
  if (failure.remedy !== 'source' || source.breaker.health !== health.well) return
  note(t, source, failure)
  source.breaker = failed(source.breaker, setback(t, failure))
}

function setback({ nowMs, rows, random, policy }: Turning, { retryAfterMs }: Failure): Setback {
  return { nowMs, fence: rows.lastFence, random, policy, retryAfterMs }
}

function note(t: Turning, source: SourceRow, { code, message }: Failure): void {
  source.error = { code, message, atMs: t.nowMs }
}

function stop(t: Turning, source: SourceRow, failure: Failure): void {
  note(t, source, failure)
  source.breaker = stopped(source.breaker, setback(t, failure), source.listPool)
}

/** What the check of a resting source said. */
export function storeChecked(t: Turning, { sourceId, failure }: Checked): void {
  const source = t.rows.sources.get(sourceId)
  if (source === undefined || source.breaker.health !== health.resting) return
  if (failure === null) {
    source.breaker = recovered(source.breaker, t.nowMs)
  } else if (failure.remedy === 'stop') {
    stop(t, source, failure)
  } else {
    note(t, source, failure)
    source.breaker = rested(source.breaker, setback(t, failure))
  }
}

/** Checks handed out in one turn. */
const maxChecks = 16

/** Resting sources that are due for a check; asked by nobody else while it may take. */
export function dueChecks({ rows, nowMs, policy }: Turning): number[] {
  const due = [...rows.sources.values()]
    .filter(({ breaker, isPaused }) => !isPaused && (breaker.restUntilMs ?? Infinity) <= nowMs)
    .toSorted(
      (a, b) =>
        (a.breaker.restUntilMs ?? 0) - (b.breaker.restUntilMs ?? 0) || a.entry.id - b.entry.id,
    )
    .slice(0, maxChecks)
  for (const source of due) {
    source.breaker = { ...source.breaker, restUntilMs: nowMs + policy.checkMs + policy.graceMs }
  }
  return due.map(({ entry }) => entry.id)
}
