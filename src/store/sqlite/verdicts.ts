import { backoffMs } from '../../base/retry.ts'
import { SyncError } from '../../base/errors.ts'
import {
  failed as breakerFailed,
  health,
  recovered,
  rested,
  stopped,
  succeeded,
  type Breaker,
  type Setback,
} from '../../engine/breaker.ts'
import type { Applied, Changed, Checked, Failure, Pool } from '../../engine/task.ts'
import { narrowed, widened } from '../../engine/window.ts'
import { itemById, oweItem, state } from './items.ts'
import type { SourceAccount } from './ledger.ts'
import { touchSource } from './queues.ts'
import { restartRound } from './rounds.ts'
import { spoilRound } from './settling.ts'
import { releaseSlot, type Charge, type HeldTask, type Turning } from './turning.ts'

/** The effect counts if the item is still what was read; else the item is simply still owed. */
export function storeApplied(t: Turning, task: HeldTask, { claim, effect }: Applied): void {
  const itemId = task.item_id ?? 0
  t.db.prepare('delete from task where id = ?').run(task.id)
  const { changes } = t.db
    .prepare(
      `update item set applied = listed, state = 0, error_code = null, error_message = null
       where id = ? and seq = ?`,
    )
    .run(itemId, task.seq ?? -1)
  if (changes > 0) t.effects.applied(claim.item, effect)
  else t.db.prepare('update item set state = 1 where id = ? and state = 2').run(itemId)
  t.hungry.add(task.source_id)
}

/** The file is another version than the listed one: the new one is owed, by the same task, which burns an attempt. */
export function storeChanged(t: Turning, task: HeldTask, changed: Changed): void {
  oweItem(t, task.item_id ?? 0, state.owed, changed.item)
  t.db.prepare('update item set state = 2 where id = ?').run(task.item_id ?? 0)
  retry(t, task, changed.failure)
}

/** What became of a task that failed: the remedy decides. */
export function storeFailed(t: Turning, task: HeldTask, failure: Failure): void {
  switch (failure.remedy) {
    case 'retry':
      retry(t, task, failure)
      return
    case 'skip':
      skip(t, task, failure)
      return
    case 'restart':
      if (task.item_id === null) restartRound(t, task.source_id)
      else retry(t, task, failure)
      return
    case 'source':
      retryAtSource(t, task, failure)
      return
    case 'stop':
      giveBack(t, task)
  }
}

/** Ready again, unblamed. */
export function giveBack(t: Turning, task: HeldTask): void {
  t.db.prepare('update task set state = 0, fence = null where id = ?').run(task.id)
}

function retry(t: Turning, task: HeldTask, failure: Failure): void {
  const { policy } = t
  const attempts = task.attempts + 1
  if (attempts >= policy.maxAttempts) {
    park(t, task, failure)
    return
  }
  const limits = { baseMs: policy.retryBaseMs, maxMs: policy.retryMaxMs }
  const wishedMs = Math.min(failure.retryAfterMs ?? 0, policy.retryMaxMs)
  const waitMs = Math.max(backoffMs(task.attempts, limits, t.random), wishedMs)
  t.db
    .prepare(
      `update task set state = 2, fence = null, run_at_ms = ?, attempts = ?, failed_ms = ?,
         error_code = ?, error_message = ? where id = ?`,
    )
    .run(t.nowMs + waitMs, attempts, t.nowMs, failure.code, failure.message, task.id)
}

/** Stands still with its last error until a person, or another version of the file, moves it. */
function park(t: Turning, task: HeldTask, failure: Failure): void {
  t.db
    .prepare(
      `update task set state = 3, fence = null, run_at_ms = null, attempts = attempts + 1, failed_ms = ?,
         error_code = ?, error_message = ? where id = ?`,
    )
    .run(t.nowMs, failure.code, failure.message, task.id)
  if (task.item_id === null) {
    spoilRound(t, task.round_id, failure)
    return
  }
  t.db
    .prepare('update item set state = 4, error_code = ?, error_message = ? where id = ?')
    .run(failure.code, failure.message, task.item_id)
  t.hungry.add(task.source_id)
}

function skip(t: Turning, task: HeldTask, failure: Failure): void {
  t.db.prepare('delete from task where id = ?').run(task.id)
  if (task.item_id === null) {
    const source = t.ledger.source(task.source_id)
    if (source !== null) source.error = failure
    spoilRound(t, task.round_id, failure)
    return
  }
  const isSame = t.db
    .prepare('select 1 from item where id = ? and seq = ?')
    .get(task.item_id, task.seq ?? -1)
  if (isSame === undefined) {
    t.db.prepare('update item set state = 1 where id = ? and state = 2').run(task.item_id)
  } else {
    // What is not to be found has not changed: it stays as it is until it has been asked for once more.
    const isLost = failure.code === 'not-found'
    if (!isLost) {
      t.effects.skipped(itemById(t, task.item_id), new SyncError(failure.code, failure.message))
    }
    t.db
      .prepare(
        `update item set applied = case when ? then applied end, state = 3, error_code = ?, error_message = ?
         where id = ?`,
      )
      .run(Number(isLost), failure.code, failure.message, task.item_id)
  }
  t.hungry.add(task.source_id)
}

/**
 * The source failed, not the task. But if the source has answered well since this task failed before,
 * it is the task after all: then it burns an attempt.
 */
function retryAtSource(t: Turning, task: HeldTask, failure: Failure): void {
  const okMs = t.ledger.source(task.source_id)?.breaker.okMs ?? null
  const isItself = task.failed_ms !== null && okMs !== null && okMs >= task.failed_ms
  if (isItself) {
    retry(t, task, failure)
    return
  }
  t.db
    .prepare(
      `update task set state = 0, fence = null, failed_ms = ?, error_code = ?, error_message = ? where id = ?`,
    )
    .run(t.nowMs, failure.code, failure.message, task.id)
}

function keepBreaker(t: Turning, source: SourceAccount, breaker: Breaker): void {
  if (breaker.health !== source.breaker.health) touchSource(t, source.id)
  source.breaker = breaker
}

/** A task of the source succeeded: its breaker and the window of its queue hear of it. */
export function noteSuccess(t: Turning, task: HeldTask, fence: number, usedMs: number): void {
  const source = t.ledger.source(task.source_id)
  if (source === null) return
  source.isMoved = true
  if (fence <= source.breaker.fenceFloor) return
  source.error = null
  keepBreaker(t, source, succeeded(source.breaker, t.nowMs))
  const queue = t.ledger.queue(task.queue_id)
  if (queue !== null) queue.window = widened(queue.window, usedMs, t.policy)
  t.touched.add(task.queue_id)
}

/** A task of the source failed because of the source. */
export function noteFailure(t: Turning, task: HeldTask, fence: number, failure: Failure): void {
  const queue = t.ledger.queue(task.queue_id)
  if (queue !== null) queue.window = narrowed(queue.window, failure.code)
  t.touched.add(task.queue_id)
  const source = t.ledger.source(task.source_id)
  if (source === null || fence <= source.breaker.fenceFloor) return
  if (failure.remedy === 'stop') stopSource(t, source, failure)
  if (failure.remedy !== 'source' || source.breaker.health !== health.well) return
  source.error = failure
  keepBreaker(t, source, breakerFailed(source.breaker, setbackOf(t, failure)))
}

function setbackOf(t: Turning, { retryAfterMs }: Failure): Setback {
  const { nowMs, random, policy } = t
  return { nowMs, random, policy, retryAfterMs, fence: t.ledger.newest('fence') }
}

function stopSource(t: Turning, source: SourceAccount, failure: Failure): void {
  source.error = failure
  keepBreaker(t, source, stopped(source.breaker, t.ledger.newest('fence')))
}

/** What the check of a resting source said: it is well again, rests longer, or needs a person. */
export function storeChecked(t: Turning, { sourceId, failure }: Checked): void {
  const source = t.ledger.source(sourceId)
  if (source === null || source.breaker.health !== health.resting) return
  if (failure === null) keepBreaker(t, source, recovered(source.breaker, t.nowMs))
  else if (failure.remedy === 'stop') stopSource(t, source, failure)
  else {
    source.error = failure
    keepBreaker(t, source, rested(source.breaker, setbackOf(t, failure)))
  }
}

/** Resting sources that are due for a check; asked by nobody else while it may take. */
export function dueChecks(t: Turning): number[] {
  const due = t.db
    .prepare<{ id: number }>(
      `select id from source where health = 1 and is_paused = 0 and rest_until_ms <= ?
       order by rest_until_ms, id limit ?`,
    )
    .all(t.nowMs, maxChecks)
  for (const { id } of due) {
    t.db
      .prepare('update source set rest_until_ms = ? where id = ?')
      .run(t.nowMs + t.policy.checkMs + t.policy.graceMs, id)
  }
  return due.map(({ id }) => id)
}

/** Checks handed out in one turn. */
const maxChecks = 16

interface Expired extends Charge {
  readonly pool: Pool
  readonly slot: number
  readonly task_id: number
  readonly fence: number
  readonly held_ms: number
}

/** Leases looked at in one turn. */
const maxExpired = 100

/**
 * Leases that have passed: the slot is free and paid for, the task ready again, or parked when that happened too often.
 * For its source it is a failure like any other: whoever hangs and does not even stop when told to must not get as
 * many slots again.
 */
export function reap(t: Turning): void {
  const expired = t.db
    .prepare<Expired>(
      `select pool, n as slot, task_id, fence, until_ms - started_ms as held_ms, tag, charged, queue_id
       from slot where until_ms <= ? order by pool, n limit ?`,
    )
    .all(t.nowMs, maxExpired)
  for (const slot of expired) {
    releaseSlot(t, slot, slot, slot.held_ms)
    crash(t, slot.task_id, slot.fence)
  }
}

function crash(t: Turning, taskId: number, fence: number): void {
  const task = t.db
    .prepare<HeldTask & { crashes: number }>(
      'select * from task where id = ? and state = 1 and fence = ?',
    )
    .get(taskId, fence)
  if (task === undefined) return
  const crashes = task.crashes + 1
  t.db
    .prepare('update task set state = 0, fence = null, crashes = ? where id = ?')
    .run(crashes, taskId)
  const message = `The task did not end within its time ${crashes} times.`
  if (crashes >= t.policy.maxCrashes) {
    park(t, task, { code: 'lease-lost', remedy: 'retry', message })
  }
  noteFailure(t, task, fence, { code: 'timeout', remedy: 'source', message })
}

/** Delayed tasks made ready in one turn. */
const maxPromoted = 256

/** Delayed tasks whose time has come are ready. */
export function promote(t: Turning): void {
  const due = t.db
    .prepare<{ id: number; queue_id: number }>(
      'select id, queue_id from task where state = 2 and run_at_ms <= ? order by run_at_ms, id limit ?',
    )
    .all(t.nowMs, maxPromoted)
  const ready = t.db.prepare('update task set state = 0, run_at_ms = null where id = ?')
  for (const { id, queue_id: queueId } of due) {
    ready.run(id)
    t.touched.add(queueId)
  }
}
