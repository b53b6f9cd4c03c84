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
import type { Applied, Changed, Checked, Failure } from '../../engine/task.ts'
import { narrowed, widened } from '../../engine/window.ts'
import { itemById, oweItem } from './items.ts'
import type { SourceAccount } from './ledger.ts'
import { touchSource } from './queues.ts'
import { restartRound } from './rounds.ts'
import type { Write } from './sql.ts'
import { spoilRound } from './settling.ts'
import { ripen, touch, type HeldTask, type Turning } from './turning.ts'

/** What was read, and the task that read it. */
export interface AppliedTask {
  readonly task: HeldTask
  readonly result: Applied
}

/** What was read is applied, and owed no more. */
export async function storeApplied(t: Turning, ended: AppliedTask): Promise<void> {
  await t.tx.together(appliedWrites([ended]))
  await applyEffects(t, [ended])
}

/** Their tasks are gone; their items are applied if they are still what was read. */
export function appliedWrites(ended: readonly AppliedTask[]): Write[] {
  const rows = ended.flatMap(({ task }) => task.id ?? [])
  const items = ended.filter(isSame).map(({ task }) => task.item_id ?? 0)
  return [
    ...(rows.length > 0 ? [{ text: 'delete from task where id = any(?)', values: [rows] }] : []),
    ...(items.length > 0 ? [{ text: itemsApplied, values: [items] }] : []),
  ]
}

const itemsApplied = `update item set applied = listed, state = 0, error_code = null, error_message = null
  where id = any(?)`

/** An effect counts if its item is still what was read; else the item is simply still owed. */
export async function applyEffects(t: Turning, ended: readonly AppliedTask[]): Promise<void> {
  const same = ended.filter(isSame)
  if (same.length > 0) {
    await t.effects.applied(
      t.tx,
      same.map(({ result }) => ({ item: result.claim.item, effect: result.effect })),
    )
  }
  for (const { task } of ended.filter((one) => !isSame(one))) {
    if (task.id !== null) await oweAgain(t, task)
    t.hungry.add(task.source_id)
  }
}

/** Read in the version that it has now. */
function isSame({ task }: AppliedTask): boolean {
  return task.seq === task.item_seq
}

/** The file is another version than the listed one: the new one is owed, by the same task, which burns an attempt. */
export async function storeChanged(t: Turning, task: HeldTask, changed: Changed): Promise<void> {
  await oweItem(t, task, changed.item)
  await retry(t, task, changed.failure)
}

/** What became of a task that failed: the remedy decides. */
export async function storeFailed(t: Turning, task: HeldTask, failure: Failure): Promise<void> {
  switch (failure.remedy) {
    case 'retry':
      return retry(t, task, failure)
    case 'skip':
      return skip(t, task, failure)
    case 'restart':
      return task.item_id === null ? restartRound(t, task.source_id) : retry(t, task, failure)
    case 'source':
      return retryAtSource(t, task, failure)
    case 'stop':
      return giveBack(t, task)
  }
}

/** Ready again, unblamed. */
export async function giveBack(t: Turning, task: HeldTask): Promise<void> {
  // An item that has never failed is owed as before.
  if (task.id === null) return
  await t.tx.run('update task set state = 0, fence = null where id = ?', task.id)
}

/** Owed without a task: what was read of it is of no use any more. */
async function oweAgain(t: Turning, task: HeldTask): Promise<void> {
  await t.tx.run('update item set state = 1 where id = ? and state = 2', task.item_id ?? 0)
}

/** What a task is from its first failure on. */
interface TaskState {
  readonly state: 0 | 2 | 3
  readonly runAtMs?: number
  readonly attempts?: number
  readonly crashes?: number
  readonly failedMs?: number | null
  readonly failure?: Failure
}

/** A task that failed gets a row, if it has none yet. */
async function keep(t: Turning, task: HeldTask, to: TaskState): Promise<void> {
  const { attempts = task.attempts, crashes = task.crashes, failedMs = task.failed_ms } = to
  const columns = [
    to.state,
    to.runAtMs ?? null,
    attempts,
    crashes,
    failedMs,
    to.failure?.code ?? null,
    to.failure?.message ?? null,
  ]
  if (task.id === null) {
    await t.tx.run(
      `insert into task (kind, state, run_at_ms, attempts, crashes, failed_ms, error_code, error_message,
         queue_id, source_id, item_id)
       values ('read', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...columns,
      task.queue_id,
      task.source_id,
      task.item_id,
    )
    await t.tx.run('update item set state = 2 where id = ?', task.item_id ?? 0)
    return
  }
  await t.tx.run(
    `update task set fence = null, state = ?, run_at_ms = ?, attempts = ?, crashes = ?, failed_ms = ?,
       error_code = coalesce(?, error_code), error_message = coalesce(?, error_message) where id = ?`,
    ...columns,
    task.id,
  )
}

async function retry(t: Turning, task: HeldTask, failure: Failure): Promise<void> {
  const { policy } = t
  const attempts = task.attempts + 1
  if (attempts >= policy.maxAttempts) {
    await park(t, { ...task, attempts, failed_ms: t.nowMs }, failure)
    return
  }
  const limits = { baseMs: policy.retryBaseMs, maxMs: policy.retryMaxMs }
  const wishedMs = Math.min(failure.retryAfterMs ?? 0, policy.retryMaxMs)
  const waitMs = Math.max(backoffMs(task.attempts, limits, t.random), wishedMs)
  await keep(t, task, {
    state: 2,
    runAtMs: t.nowMs + waitMs,
    attempts,
    failedMs: t.nowMs,
    failure,
  })
}

/** Stands still with its last error until a person, or another version of the file, moves it. */
async function park(t: Turning, task: HeldTask, failure: Failure): Promise<void> {
  await keep(t, task, { state: 3, failure })
  if (task.item_id === null) {
    await spoilRound(t, task.round_id, failure)
    return
  }
  await t.tx.run(
    'update item set state = 4, error_code = ?, error_message = ? where id = ?',
    failure.code,
    failure.message,
    task.item_id,
  )
  t.hungry.add(task.source_id)
}

async function skip(t: Turning, task: HeldTask, failure: Failure): Promise<void> {
  if (task.id !== null) await t.tx.run('delete from task where id = ?', task.id)
  if (task.item_id === null) {
    const source = t.ledger.source(task.source_id)
    if (source !== null) t.ledger.change(source, { error: failure })
    await spoilRound(t, task.round_id, failure)
    return
  }
  if (task.seq === task.item_seq) await skipItem(t, task.item_id, failure)
  else await oweAgain(t, task)
  t.hungry.add(task.source_id)
}

/** The present version of the item is no good. */
export async function skipItem(t: Turning, itemId: number, failure: Failure): Promise<void> {
  // What is not to be found has not changed: it stays as it is until it has been asked for once more.
  const isLost = failure.code === 'not-found'
  if (!isLost) {
    const reason = new SyncError(failure.code, failure.message)
    await t.effects.skipped(t.tx, await itemById(t, itemId), reason)
  }
  await t.tx.run(
    `update item set applied = case when ? = 1 then applied end, state = 3, error_code = ?, error_message = ?
     where id = ?`,
    Number(isLost),
    failure.code,
    failure.message,
    itemId,
  )
}

/**
 * The source failed, not the task. But if the source has answered well since this task failed before,
 * it is the task after all: then it burns an attempt.
 */
async function retryAtSource(t: Turning, task: HeldTask, failure: Failure): Promise<void> {
  const okMs = t.ledger.source(task.source_id)?.breaker.okMs ?? null
  const isItself = task.failed_ms !== null && okMs !== null && okMs >= task.failed_ms
  if (isItself) await retry(t, task, failure)
  else await keep(t, task, { state: 0, failedMs: t.nowMs, failure })
}

function keepBreaker(t: Turning, source: SourceAccount, breaker: Breaker): void {
  if (breaker === source.breaker) return
  if (breaker.health !== source.breaker.health) touchSource(t, source.id)
  source.breaker = breaker
  t.ledger.change(source)
}

/** A task of the source succeeded: its breaker and the window of its queue hear of it. */
export function noteSuccess(t: Turning, task: HeldTask, usedMs: number): void {
  const source = t.ledger.source(task.source_id)
  if (source === null) return
  t.ledger.move(source, t.nowMs)
  if (task.fence <= source.breaker.fenceFloor) return
  // A failure of this turn is not written yet.
  if (source.hasError || source.error !== undefined) t.ledger.change(source, { error: null })
  keepBreaker(t, source, succeeded(source.breaker, t.nowMs))
  const { book } = t.ledger
  const queue = book.queue(task.queue_id)
  if (queue !== null) book.setWindow(queue, widened(queue.window, usedMs, t.policy))
  ripen(t, task.queue_id)
}

/** A task of the source failed because of the source. */
export function noteFailure(t: Turning, task: HeldTask, failure: Failure): void {
  const { book } = t.ledger
  const queue = book.queue(task.queue_id)
  if (queue !== null) book.setWindow(queue, narrowed(queue.window, failure.code))
  touch(t, task.queue_id)
  const source = t.ledger.source(task.source_id)
  if (source === null || task.fence <= source.breaker.fenceFloor) return
  if (failure.remedy === 'stop') stopSource(t, source, failure)
  if (failure.remedy !== 'source' || source.breaker.health !== health.well) return
  t.ledger.change(source, { error: failure })
  keepBreaker(t, source, breakerFailed(source.breaker, setbackOf(t, failure)))
}

function setbackOf(t: Turning, { retryAfterMs }: Failure): Setback {
  const { nowMs, random, policy } = t
  return { nowMs, random, policy, retryAfterMs, fence: t.ledger.newestFence }
}

function stopSource(t: Turning, source: SourceAccount, failure: Failure): void {
  t.ledger.change(source, { error: failure })
  keepBreaker(t, source, stopped(source.breaker, setbackOf(t, failure), source.listPool))
}

/** What the check of a resting source said: it is well again, rests longer, or needs a person. */
export function storeChecked(t: Turning, { sourceId, failure }: Checked): void {
  const source = t.ledger.source(sourceId)
  if (source === null || source.breaker.health !== health.resting) return
  if (failure === null) keepBreaker(t, source, recovered(source.breaker, t.nowMs))
  else if (failure.remedy === 'stop') stopSource(t, source, failure)
  else {
    t.ledger.change(source, { error: failure })
    keepBreaker(t, source, rested(source.breaker, setbackOf(t, failure)))
  }
}

/**
 * A lease has passed: the task is ready again, or parked when that happened too often. For its source it is a failure
 * like any other: whoever hangs and does not even stop when told to must not get as many slots again.
 */
export async function storeCrash(t: Turning, task: HeldTask): Promise<void> {
  const crashes = task.crashes + 1
  const message = `The task did not end within its time ${crashes} times.`
  if (crashes >= t.policy.maxCrashes) {
    await park(t, { ...task, crashes }, { code: 'lease-lost', remedy: 'retry', message })
  } else await keep(t, task, { state: 0, crashes })
  noteFailure(t, task, { code: 'timeout', remedy: 'source', message })
}
