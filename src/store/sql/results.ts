import { SyncError } from '../../base/errors.ts'
import type { Ack } from '../../engine/task-store.ts'
import type { Applied, Claim, Result } from '../../engine/task.ts'
import { storeFound, storeListed } from './rounds.ts'
import { storeSettled } from './settling.ts'
import {
  emptySlots,
  extendLease,
  heldTasks,
  settleCharge,
  type HeldTask,
  type Hold,
  type Turning,
} from './turning.ts'
import {
  appliedWrites,
  applyEffects,
  giveBack,
  noteFailure,
  noteSuccess,
  storeApplied,
  storeChanged,
  storeChecked,
  storeFailed,
  type AppliedTask,
} from './verdicts.ts'

/** Does all of it or nothing, whatever becomes of the rest of the transaction. */
export type Apart = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Writes results in their order. `apart`: each whole or not at all, so an effect that cannot be written fails its own
 * task and nobody else's. Without it such an effect throws: to set every result apart costs as much again as writing
 * it, and hardly ever does one fail.
 */
export async function writeResults(
  t: Turning,
  results: readonly Result[],
  apart: Apart | null,
): Promise<Ack[]> {
  const first = apart === null ? readingsFrom(results, 0) : []
  // The sources are taken when the slots are looked at: nobody waits for one answer before the next question.
  const [, held] = await Promise.all([
    t.ledger.take([...new Set(results.map(sourceOf))]),
    heldBy(t, first),
  ])
  const told = results.map((result) => withoutPerson(t, result))
  const acks: Ack[] = []
  for (let at = 0; at < told.length;) {
    const readings = apart === null ? readingsFrom(told, at) : []
    if (readings.length > 0) {
      const tasks = at === 0 ? held : await heldBy(t, readings)
      acks.push(...(await writeReadings(t, readings, tasks)))
    } else for (const one of told.slice(at, at + 1)) acks.push(await writeOne(t, one, apart))
    at += Math.max(1, readings.length)
  }
  return acks
}

/** The results from `at` on that are all readings: they are written together. */
function readingsFrom(results: readonly Result[], at: number): Applied[] {
  const readings: Applied[] = []
  for (const result of results.slice(at)) {
    if (result.type !== 'applied') break
    readings.push(result)
  }
  return readings
}

type Held = ReadonlyMap<number, HeldTask>

async function heldBy(t: Turning, readings: readonly Applied[]): Promise<Held> {
  return readings.length === 0 ? new Map() : heldTasks(t, fencesOf(readings))
}

/** Of their tasks' slots. */
export function fencesOf(results: readonly Result[]): readonly number[] {
  return [...new Set(results.flatMap((one) => (one.type === 'checked' ? [] : one.claim.fence)))]
}

async function writeReadings(
  t: Turning,
  readings: readonly Applied[],
  tasks: Held,
): Promise<Ack[]> {
  const holds = new Map<number, Hold>(tasks)
  const others = fencesOf(readings).filter((fence) => !tasks.has(fence))
  for (const hold of await abandonedSlots(t, others)) holds.set(hold.fence, hold)
  const emptied = [...holds.keys()]
  const ended: AppliedTask[] = []
  const acks = readings.map((result): Ack => {
    const { fence } = result.claim
    const hold = holds.get(fence)
    const task = tasks.get(fence)
    // Told twice, it counts once.
    if (hold === undefined || !holds.delete(fence)) return { isHeld: false }
    settleCharge(t, hold, result.usedMs)
    if (task === undefined) return { isHeld: false }
    ended.push({ task, result })
    return { isHeld: true }
  })
  emptySlots(t, emptied, appliedWrites(ended))
  await applyEffects(t, ended)
  for (const { task, result } of ended) noteSuccess(t, task, result.usedMs)
  return acks
}

async function writeOne(t: Turning, result: Result, apart: Apart | null): Promise<Ack> {
  if (result.type === 'checked') {
    storeChecked(t, result)
    return { isHeld: true }
  }
  const { claim } = result
  const task = (await heldTasks(t, [claim.fence])).get(claim.fence)
  if (task === undefined) {
    if (result.type !== 'found') await abandon(t, claim, result.usedMs)
    return { isHeld: false }
  }
  const part = apart ?? together
  try {
    if (result.type === 'found') {
      const rows = await part(() => storeFound(t, task, result))
      const source = t.ledger.source(task.source_id)
      if (source !== null) t.ledger.move(source, t.nowMs)
      return { isHeld: true, rows, untilMs: await extendLease(t, claim) }
    }
    settleCharge(t, task, result.usedMs)
    emptySlots(t, [task.fence])
    await part(() => conclude(t, task, result))
    note(t, task, result)
    return { isHeld: true }
  } catch (error) {
    if (apart === null || isOfDatabase(error)) throw error
    if (result.type === 'found') return { isHeld: false }
    const message = error instanceof Error ? error.message : String(error)
    const failure = { code: 'internal', remedy: 'retry', message } as const
    await apart(() => storeFailed(t, task, failure))
    noteFailure(t, task, failure)
    return { isHeld: true, failure }
  }
}

const together: Apart = (work) => work()

/** What a database makes of trouble with its disk or its connection; nothing else of the turn can be written either. */
export function isOfDatabase(error: unknown): boolean {
  return error instanceof SyncError && troubles.has(error.code)
}

const troubles: ReadonlySet<string> = new Set([
  'database',
  'database-away',
  'database-login',
  'database-missing',
  'database-certificate',
  'disk-full',
])

/** Slots of results whose task is gone (its source was removed, its round restarted): they are given back all the same. */
async function abandonedSlots(t: Turning, fences: readonly number[]): Promise<Hold[]> {
  if (fences.length === 0) return []
  return t.tx.all<Hold>(
    `select fence, tag, charged, queue_id from slot
     where node_id = ? and fence = any(?) and until_ms > ?`,
    t.nodeId,
    fences,
    t.nowMs,
  )
}

async function abandon(t: Turning, { fence }: Claim, usedMs: number): Promise<void> {
  for (const hold of await abandonedSlots(t, [fence])) {
    settleCharge(t, hold, usedMs)
    emptySlots(t, [fence])
  }
}

/** What a server says in maintenance, or a portal in its place. Of a source that once was well it needs no person: it passes. */
const passing: ReadonlySet<string> = new Set(['not-a-drive', 'bad-address'])

function withoutPerson(t: Turning, result: Result): Result {
  const failure = 'failure' in result ? result.failure : null
  if (failure === null || !passing.has(failure.code)) return result
  if (t.ledger.source(sourceOf(result))?.wasWell !== true) return result
  // Only results with a failure come here, and only its remedy changes.
  return { ...result, failure: { ...failure, remedy: 'source' } } as Result
}

function sourceOf(result: Result): number {
  return result.type === 'checked' ? result.sourceId : result.claim.sourceId
}

type Conclusion = Exclude<Result, { type: 'checked' | 'found' }>

/** What the end of a task means for what is owed. */
async function conclude(t: Turning, task: HeldTask, result: Conclusion): Promise<void> {
  switch (result.type) {
    case 'listed':
      return storeListed(t, task, result)
    case 'applied':
      return storeApplied(t, { task, result })
    case 'settled':
      return storeSettled(t, task, result)
    case 'changed':
      return storeChanged(t, task, result)
    case 'released':
      return giveBack(t, task)
    case 'failed':
      return storeFailed(t, task, result.failure)
  }
}

/** What the end of a task means for its source. Even a file that is no good was answered well. */
function note(t: Turning, task: HeldTask, result: Conclusion): void {
  if (result.type === 'released') return
  if (result.type === 'failed' && result.failure.remedy !== 'skip') {
    noteFailure(t, task, result.failure)
  } else noteSuccess(t, task, result.usedMs)
}
