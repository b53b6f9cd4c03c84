import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import type { Policy } from '../../engine/policy.ts'
import {
  maxResults,
  type Ack,
  type FreeSlots,
  type Stall,
  type TaskStore,
  type Turn,
} from '../../engine/task-store.ts'
import type { Claim, Result } from '../../engine/task.ts'
import { assert, SyncError } from '../../base/errors.ts'
import { claim } from './claims.ts'
import { storageTrouble, type Database } from './database.ts'
import { Ledger } from './ledger.ts'
import { feed, refreshQueues, touchSource } from './queues.ts'
import { never, startDueRounds, storeFound, storeListed } from './rounds.ts'
import { storeSettled } from './settling.ts'
import {
  abandonSlot,
  extendLease,
  heldTask,
  releaseSlot,
  type HeldTask,
  type Turning,
} from './turning.ts'
import {
  dueChecks,
  giveBack,
  noteFailure,
  noteSuccess,
  promote,
  reap,
  storeApplied,
  storeChanged,
  storeChecked,
  storeFailed,
} from './verdicts.ts'

export interface TaskStoreParts {
  readonly db: Database
  readonly policy: Policy
  readonly clock: Clock
  readonly random: Random
  readonly effects: EffectWriter
}

/** Owed work, tasks, rounds, lanes and slots in SQLite. Its invariants are in docs/spec/engine.md. */
export class SqliteTaskStore implements TaskStore {
  readonly #parts: TaskStoreParts
  /** When the last turn was; a turn before that tells that the clock was set back. */
  #lastMs = Number.POSITIVE_INFINITY

  constructor(parts: TaskStoreParts) {
    this.#parts = parts
  }

  async open(): Promise<void> {
    const { db, policy } = this.#parts
    db.transaction(() => {
      const t = this.#turning()
      // Whoever held these leases held the lock of the database, too: it is gone.
      db.exec(`update task set state = 0, fence = null where state = 1`)
      db.exec('delete from slot')
      const insert = db.prepare('insert into slot (pool, n) values (?, ?)')
      for (const [pool, count] of Object.entries(policy.slots)) {
        for (let n = 1; n <= count; n++) insert.run(pool, n)
      }
      const queues = db.prepare<{ id: number }>('select id from queue').all()
      for (const { id } of queues) t.touched.add(id)
      refreshQueues(t)
    })
  }

  async turn(results: readonly Result[], free: FreeSlots): Promise<Turn> {
    assert(results.length <= maxResults, 'a turn has at most maxResults results')
    try {
      return this.#take(results, free, null)
    } catch (error) {
      if (results.length === 0 || isOfDisk(error)) throw error
      // Nothing of it happened. Once more, so that only the result that cannot be written fails.
      return this.#take(results, free, (work) => this.#parts.db.savepoint(work))
    }
  }

  #take(results: readonly Result[], free: FreeSlots, apart: Apart | null): Turn {
    const t = this.#turning()
    const turn = this.#parts.db.transaction(() => {
      if (t.nowMs < this.#lastMs) pullBack(t)
      const acks = results.map((result) => write(t, result, apart))
      reap(t)
      promote(t)
      t.ledger.write(t.nowMs)
      takeStirred(t)
      for (const sourceId of t.hungry) feed(t, sourceId)
      startDueRounds(t)
      refreshQueues(t)
      const claims: Claim[] = []
      for (const pool of ['list', 'read', 'cpu', 'peer'] as const) {
        const want = free[pool] ?? 0
        if (want > 0) claims.push(...claim(t, pool, want))
      }
      t.ledger.write(t.nowMs)
      const checks = dueChecks(t)
      return { acks, claims, checks, nextMs: nextDue(t) }
    })
    // Only now: a turn that the disk refused has mended nothing.
    this.#lastMs = t.nowMs
    return turn
  }

  async stalls(): Promise<readonly Stall[]> {
    const { db, policy, clock } = this.#parts
    const beforeMs = clock.now() - policy.stallMs
    return db
      .prepare<{ id: number; since: number }>(
        `select id, coalesce(progress_ms, due_ms) as since from source
         where health = 0 and is_paused = 0 and (due_ms <= ? or progress_ms <= ?
           and (exists (select 1 from task where task.source_id = source.id and task.state in (0, 1))
             or exists (select 1 from item where item.source_id = source.id and item.state = 1)))
         order by since, id limit 100`,
      )
      .all(beforeMs, beforeMs)
      .map(({ id, since }) => ({ sourceId: id, sinceMs: since }))
  }

  async purge(limit: number): Promise<number> {
    const { db, policy, clock } = this.#parts
    return db.transaction(
      () =>
        db
          .prepare(
            `delete from item where id in
               (select id from item where state = 5 and changed_ms <= ? order by changed_ms limit ?)`,
          )
          .run(clock.now() - policy.tombstoneMs, limit).changes,
    )
  }

  #turning(): Turning {
    const { db, policy, clock, random, effects } = this.#parts
    const ledger = new Ledger(db)
    const nowMs = clock.now()
    return { db, policy, random, effects, ledger, nowMs, touched: new Set(), hungry: new Set() }
  }
}

/** Does all of it or nothing, whatever becomes of the rest of the transaction. */
type Apart = <T>(work: () => T) => T

/**
 * One result. `apart`: whole or not at all, so an effect that cannot be written fails its own task and nobody else's.
 * Without it such an effect throws: to set every result apart costs as much again as writing it, and hardly ever
 * does one fail.
 */
function write(t: Turning, told: Result, apart: Apart | null): Ack {
  const result = withoutPerson(t, told)
  if (result.type === 'checked') {
    storeChecked(t, result)
    return { isHeld: true }
  }
  const task = heldTask(t, result.claim)
  if (task === null) {
    if (result.type !== 'found') abandonSlot(t, result.claim, result.usedMs)
    return { isHeld: false }
  }
  try {
    const part = apart ?? together
    if (result.type === 'found') {
      const rows = part(() => storeFound(t, task, result))
      const source = t.ledger.source(task.source_id)
      if (source !== null) source.isMoved = true
      return { isHeld: true, rows, untilMs: extendLease(t, result.claim) }
    }
    releaseSlot(t, result.claim, task, result.usedMs)
    part(() => conclude(t, task, result))
    note(t, task, result)
    return { isHeld: true }
  } catch (error) {
    if (apart === null || storageTrouble(error) !== null) throw error
    if (result.type === 'found') return { isHeld: false }
    const message = error instanceof Error ? error.message : String(error)
    const failure = { code: 'internal', remedy: 'retry', message } as const
    apart(() => storeFailed(t, task, failure))
    noteFailure(t, task, result.claim.fence, failure)
    return { isHeld: true, failure }
  }
}

const together: Apart = (work) => work()

/** What `Database.transaction` makes of trouble with the file; an effect may say such a thing of something else. */
function isOfDisk(error: unknown): boolean {
  return error instanceof SyncError && storageTrouble(error.cause) !== null
}

/** What a server says in maintenance, or a portal in its place. Of a source that once was well it needs no person: it passes. */
const passing: ReadonlySet<string> = new Set(['not-a-drive', 'bad-address'])

function withoutPerson(t: Turning, result: Result): Result {
  const failure = 'failure' in result ? result.failure : null
  if (failure === null || !passing.has(failure.code)) return result
  const sourceId = result.type === 'checked' ? result.sourceId : result.claim.sourceId
  const wasWell = t.db
    .prepare('select 1 from source where id = ? and clean_round_id is not null')
    .get(sourceId)
  if (wasWell === undefined) return result
  // Only results with a failure come here, and only its remedy changes.
  return { ...result, failure: { ...failure, remedy: 'source' } } as Result
}

type Conclusion = Exclude<Result, { type: 'checked' | 'found' }>

/** What the end of a task means for what is owed. */
function conclude(t: Turning, task: HeldTask, result: Conclusion): void {
  switch (result.type) {
    case 'listed':
      storeListed(t, task, result)
      return
    case 'applied':
      storeApplied(t, task, result)
      return
    case 'settled':
      storeSettled(t, task, result)
      return
    case 'changed':
      storeChanged(t, task, result)
      return
    case 'released':
      giveBack(t, task)
      return
    case 'failed':
      storeFailed(t, task, result.failure)
  }
}

/** What the end of a task means for its source. Even a file that is no good was answered well. */
function note(t: Turning, task: HeldTask, result: Conclusion): void {
  const { fence } = result.claim
  if (result.type === 'released') return
  if (result.type === 'failed' && result.failure.remedy !== 'skip') {
    noteFailure(t, task, fence, result.failure)
  } else noteSuccess(t, task, fence, result.usedMs)
}

/** Sources that a command paused, resumed, removed or asked for since the last turn. */
function takeStirred(t: Turning): void {
  const stirred = t.db
    .prepare<{ source_id: number }>('delete from stirred returning source_id')
    .all()
  for (const { source_id: sourceId } of stirred) {
    touchSource(t, sourceId)
    if (t.db.prepare('select 1 from source where id = ?').get(sourceId) !== undefined) {
      feed(t, sourceId)
    }
  }
}

/** When something falls due that nobody will announce. */
function nextDue(t: Turning): number | null {
  const { next } = t.db
    .prepare<{ next: number | null }>(
      `select min(at) as next from (
         select min(run_at_ms) as at from task where state = 2
         union all select min(until_ms) from slot
         union all select min(due_ms) from source where is_paused = 0 and health = 0
         union all select min(rest_until_ms) from source where is_paused = 0 and health = 1)`,
    )
    .get() ?? { next: null }
  return next === null || next >= Number.MAX_SAFE_INTEGER ? null : next
}

/**
 * The clock was set back, or may have been while no process ran: nothing lies farther ahead than it could have been
 * put there now, so that no slot is held and nobody waits for longer than usual.
 */
function pullBack({ db, nowMs, policy }: Turning): void {
  db.prepare('update slot set until_ms = ? where until_ms > ?').run(
    nowMs + policy.leaseMs,
    nowMs + policy.leaseMs,
  )
  db.prepare('update slot set started_ms = ? where started_ms > ?').run(nowMs, nowMs)
  const latestMs = nowMs + policy.retryMaxMs
  db.prepare('update task set run_at_ms = ? where state = 2 and run_at_ms > ?').run(
    latestMs,
    latestMs,
  )
  const restMs = nowMs + policy.restMaxMs
  db.prepare('update source set rest_until_ms = ? where health = 1 and rest_until_ms > ?').run(
    restMs,
    restMs,
  )
  db.prepare(
    'update source set due_ms = ? + interval_ms where due_ms <> ? and due_ms > ? + interval_ms',
  ).run(nowMs, never, nowMs)
  db.prepare('update source set full_ms = ? where full_ms > ?').run(nowMs, nowMs)
  db.prepare('update source set progress_ms = ? where progress_ms > ?').run(nowMs, nowMs)
}
