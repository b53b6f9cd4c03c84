import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { health } from '../../engine/breaker.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import { longLeases, type Policy } from '../../engine/policy.ts'
import {
  maxStalls,
  type Ack,
  type FreeSlots,
  type Stall,
  type TaskStore,
  type Turn,
} from '../../engine/task-store.ts'
import type { Claim, Failure, Pool, Result } from '../../engine/task.ts'
import { claim } from './claims.ts'
import { queueOf, refresh, release } from './lanes.ts'
import { isStartable, startDueRounds, storeFound, storeListed } from './listing.ts'
import {
  tasksOf,
  type Hold,
  type Rows,
  type SlotRow,
  type SourceRow,
  type TaskRow,
  type Turning,
} from './rows.ts'
import { storeSettled } from './settling.ts'
import {
  crash,
  dueChecks,
  giveBack,
  move,
  noteFailure,
  noteSuccess,
  storeApplied,
  storeChanged,
  storeChecked,
  storeFailed,
} from './verdicts.ts'

export interface MemoryTaskStoreParts {
  readonly rows: Rows
  readonly policy: Policy
  readonly clock: Clock
  readonly random: Random
  readonly effects: EffectWriter
}

const pools = ['list', 'read', 'cpu', 'peer'] as const

/**
 * The model: the task store written down as plainly as possible, from docs/spec/engine.md. It looks at everything
 * anew at each turn, so it is slow and hard to get wrong; tests hold the other stores to it.
 */
export class MemoryTaskStore implements TaskStore {
  readonly #parts: MemoryTaskStoreParts
  #lastMs = Number.POSITIVE_INFINITY

  constructor(parts: MemoryTaskStoreParts) {
    this.#parts = parts
  }

  async open(): Promise<void> {
    const { rows, policy } = this.#parts
    for (const task of rows.tasks) if (task.state === 'leased') giveBack(this.#turning(), task)
    for (const { held } of rows.slots) if (held !== null) held.queue.source.isStirred = true
    rows.slots.length = 0
    Object.assign(rows.process, { isPaused: false, sinceMs: this.#parts.clock.now() })
    for (const [pool, count] of Object.entries(policy.slots)) {
      // The policy's slots are named by pool.
      for (let n = 1; n <= count; n++) rows.slots.push({ pool: pool as Pool, n, held: null })
    }
  }

  async close(): Promise<void> {
    // What it holds comes back when its leases have passed.
  }

  async turn(results: readonly Result[], free: FreeSlots): Promise<Turn> {
    const t = this.#turning()
    if (t.nowMs < this.#lastMs) pullBack(t)
    this.#lastMs = t.nowMs
    const acks: Ack[] = []
    for (const result of results) acks.push(await write(t, result))
    reap(t)
    promote(t)
    takeStirred(t)
    for (const source of t.hungry) queueOf(t, 'read', 1, source)
    startDueRounds(t)
    refresh(t)
    const claims: Claim[] = []
    for (const pool of t.rows.process.isPaused ? [] : pools) {
      if ((free[pool] ?? 0) > 0) claims.push(...claim(t, pool, free[pool] ?? 0))
    }
    const checks = dueChecks(t)
    return { acks, claims, checks, nextMs: nextDue(t), nowMs: t.nowMs }
  }

  async stalls(forMs = this.#parts.policy.stallMs): Promise<readonly Stall[]> {
    const t = this.#turning()
    if (t.rows.process.isPaused) return []
    const latestMs = t.nowMs - forMs
    return [...t.rows.sources.values()]
      .flatMap((source) => {
        const sinceMs = stalledSince(t, source, latestMs)
        return sinceMs === null ? [] : [{ sourceId: source.entry.id, sinceMs }]
      })
      .toSorted((a, b) => a.sinceMs - b.sinceMs)
      .slice(0, maxStalls)
  }

  async purge(limit: number): Promise<number> {
    const { rows, clock, policy } = this.#parts
    let purged = 0
    for (const { items } of rows.sources.values()) {
      for (const [key, { state, goneMs }] of items) {
        const isOver = state === 'gone' && goneMs <= clock.now() - policy.tombstoneMs
        if (!isOver || purged === limit) continue
        items.delete(key)
        purged++
      }
    }
    return purged
  }

  #turning(): Turning {
    const { clock, ...parts } = this.#parts
    return { ...parts, nowMs: clock.now(), hungry: new Set() }
  }
}

/** One result, whole or not at all. */
async function write(t: Turning, told: Result): Promise<Ack> {
  const result = withoutPerson(t, told)
  if (result.type === 'checked') {
    storeChecked(t, result)
    return { isHeld: true }
  }
  const { claim: claimed } = result
  const slot = t.rows.slots.find(({ held }) => held?.fence === claimed.fence)
  const task = [...t.rows.tasks].find(({ fence }) => fence === claimed.fence)
  if (slot?.held === null || slot?.held === undefined || slot.held.untilMs <= t.nowMs) {
    return { isHeld: false }
  }
  if (result.type === 'found') {
    if (task === undefined) return { isHeld: false }
    const rows = await storeFound(t, task, result)
    move(t, task.source)
    return { isHeld: true, rows, untilMs: extendLease(t, slot, slot.held) }
  }
  release(t, slot, result.usedMs)
  if (task === undefined) return { isHeld: false }
  try {
    await settle(t, task, result)
  } catch (error) {
    // An effect is written before anything else of its result, so nothing has happened yet.
    const message = error instanceof Error ? error.message : String(error)
    const failure = { code: 'internal', remedy: 'retry', message } as const
    await fail(t, task, claimed.fence, failure)
    return { isHeld: true, failure }
  }
  return { isHeld: true }
}

function extendLease({ rows, policy, nowMs }: Turning, slot: SlotRow, held: Hold): number {
  const { leaseMs, longestListMs } = policy
  const long = rows.slots.filter(
    (other) =>
      other !== slot &&
      other.pool === slot.pool &&
      other.held !== null &&
      other.held.untilMs > other.held.startedMs + leaseMs,
  )
  if (long.length < longLeases(policy, slot.pool)) {
    const untilMs = Math.min(nowMs + leaseMs, held.startedMs + longestListMs)
    held.untilMs = Math.max(held.untilMs, untilMs)
  }
  return held.untilMs
}

/** A source that once was well and says such things now is in maintenance, or behind a portal: that passes. */
function withoutPerson(t: Turning, result: Result): Result {
  const failure = 'failure' in result ? result.failure : null
  if (failure === null || !['not-a-drive', 'bad-address'].includes(failure.code)) return result
  const sourceId = result.type === 'checked' ? result.sourceId : result.claim.sourceId
  const wasWell = (t.rows.sources.get(sourceId)?.cleanRound ?? null) !== null
  return wasWell ? ({ ...result, failure: { ...failure, remedy: 'source' } } as Result) : result
}

async function settle(
  t: Turning,
  task: TaskRow,
  result: Exclude<Result, { type: 'checked' | 'found' }>,
): Promise<void> {
  const { fence } = result.claim
  switch (result.type) {
    case 'released':
      giveBack(t, task)
      return
    case 'failed':
      if (result.failure.remedy !== 'skip') {
        await fail(t, task, fence, result.failure)
        return
      }
      await storeFailed(t, task, result.failure)
      break
    case 'listed':
      await storeListed(t, task, result)
      break
    case 'applied':
      await storeApplied(t, task, result)
      break
    case 'settled':
      await storeSettled(t, task, result)
      break
    case 'changed':
      storeChanged(t, task, result)
  }
  noteSuccess(t, task, fence, result.usedMs)
}

async function fail(t: Turning, task: TaskRow, fence: number, failure: Failure): Promise<void> {
  await storeFailed(t, task, failure)
  noteFailure(t, task, fence, failure)
}

/** Leases that have passed: the slot is free, paid for the time it was held, its task ready again or parked. */
function reap(t: Turning): void {
  for (const slot of t.rows.slots) {
    const { held } = slot
    if (held === null || held.untilMs > t.nowMs) continue
    release(t, slot, held.untilMs - held.startedMs)
    const task = [...t.rows.tasks].find(({ fence }) => fence === held.fence)
    if (task !== undefined) crash(t, task, held.fence)
  }
}

/** What a person changed may have made something owed. */
function takeStirred(t: Turning): void {
  for (const source of t.rows.sources.values()) {
    if (source.isStirred) t.hungry.add(source)
    source.isStirred = false
  }
}

function promote({ rows, nowMs }: Turning): void {
  for (const task of rows.tasks) {
    if (task.state === 'delayed' && task.runAtMs <= nowMs) task.state = 'ready'
  }
}

/** The clock was set back: nothing lies farther ahead than it could have been put there now. */
function pullBack({ rows, nowMs, policy }: Turning): void {
  for (const { held } of rows.slots) {
    if (held === null) continue
    held.startedMs = Math.min(held.startedMs, nowMs)
    held.untilMs = Math.min(held.untilMs, nowMs + policy.leaseMs)
  }
  for (const task of rows.tasks) {
    task.runAtMs = Math.min(task.runAtMs, nowMs + policy.retryMaxMs)
  }
  for (const source of rows.sources.values()) {
    source.dueMs = Math.min(source.dueMs, nowMs + source.entry.intervalMs)
    if (source.fullMs !== null) source.fullMs = Math.min(source.fullMs, nowMs)
    if (source.progressMs !== null) source.progressMs = Math.min(source.progressMs, nowMs)
    const { breaker } = source
    if (breaker.restUntilMs === null) continue
    const restUntilMs = Math.min(breaker.restUntilMs, nowMs + policy.restMaxMs)
    source.breaker = { ...breaker, restUntilMs }
  }
}

function nextDue({ rows }: Turning): number | null {
  const times: number[] = []
  for (const { state, runAtMs } of rows.tasks) if (state === 'delayed') times.push(runAtMs)
  for (const { held } of rows.slots) if (held !== null) times.push(held.untilMs)
  for (const source of rows.sources.values()) {
    if (isStartable(source)) times.push(source.dueMs)
    if (!source.isPaused && source.breaker.restUntilMs !== null)
      times.push(source.breaker.restUntilMs)
  }
  return times.length === 0 ? null : Math.min(...times)
}

/** When a source's round came due that nobody began, or its work moved last that could be done; null: neither so long ago. */
function stalledSince({ rows }: Turning, source: SourceRow, latestMs: number): number | null {
  const { isPaused, breaker, round, dueMs, progressMs, listPool } = source
  if (isPaused || breaker.health !== health.well) return null
  // Peers are the work of content nodes alone.
  if (listPool === 'peer' && !rows.slots.some(({ pool }) => pool === 'peer')) return null
  const isDue = round === null && dueMs <= latestMs
  const hasStopped = progressMs !== null && progressMs <= latestMs && isOwing(rows, source)
  if (isDue && hasStopped) return Math.min(dueMs, progressMs)
  if (hasStopped) return progressMs
  return isDue ? dueMs : null
}

function isOwing(rows: Rows, source: SourceRow): boolean {
  const hasTask = tasksOf(rows, source).some(({ state }) => state === 'ready' || state === 'leased')
  return hasTask || [...source.items.values()].some(({ state }) => state === 'owed')
}
