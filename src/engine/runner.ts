import { SyncError, asSyncError } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import type { Handler } from './handler.ts'
import { maxBatch, type Batch, type ListedItem, type NextStep, type Source } from './source.ts'
import type { Ack } from './task-store.ts'
import type {
  Claim,
  Failure,
  Found,
  ListClaim,
  ReadClaim,
  Result,
  SettleClaim,
  UnknownClaim,
} from './task.ts'

export interface RunnerParts {
  readonly log: Log
  readonly handler: Handler
  /** Opens a source once and keeps it; fails with a SyncError when its settings or credentials are no good. */
  readonly sourceOf: (sourceId: number) => Promise<Source>
  /** Stores a batch in the middle of a step. */
  readonly store: (found: Found) => Promise<Ack>
}

/** A result before the time it took is known. */
type Outcome<R extends Result = Result> = R extends Result ? Omit<R, 'claim' | 'usedMs'> : never

/** Does what a claim says. Never throws: a failure is a result. */
export async function run(claim: Claim, parts: RunnerParts, signal: AbortSignal): Promise<Outcome> {
  try {
    if (claim.kind === 'unknown') throw unknown(claim)
    const source = await parts.sourceOf(claim.sourceId)
    signal.throwIfAborted()
    if (claim.kind === 'list') return await list(claim, source, parts, signal)
    if (claim.kind === 'settle') return await settle(claim, source, signal)
    return await read(claim, source, parts, signal)
  } catch (error) {
    const failure = failureOf(signal.aborted ? signal.reason : error)
    if (failure.code === 'internal') parts.log.error({ error }, 'a task met a fault of ours')
    return { type: 'failed', failure }
  }
}

/** Later another process may know it; if none does, it is parked and shown, as it is. */
function unknown({ name }: UnknownClaim): SyncError {
  return new SyncError('unknown-kind', `This version does not know how to do a task "${name}".`)
}

export function failureOf(thrown: unknown): Failure {
  const { code, remedy, message, retryAfterMs } = asSyncError(thrown)
  return { code, remedy, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/** Steps that may follow from one step. */
const maxNext = 200_000

/**
 * Stores each batch when the next one arrives, so that a step of one batch ends in one transaction. What is stored also
 * tells that the listing goes on: an empty batch of a long one does that alone.
 */
async function list(
  claim: ListClaim,
  source: Source,
  { handler, store }: RunnerParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const isTree = source.shape === 'tree'
  const next: NextStep[] = []
  const seen = new Set<number>()
  let cursor: string | null = null
  let held: Wanted | null = null
  for await (const batch of source.list(claim.step, signal)) {
    signal.throwIfAborted()
    if (held !== null) {
      const ack = await store({ type: 'found', claim, isTree, ...held })
      if (!ack.isHeld) throw new SyncError('lease-lost', 'The lease ended during a listing.')
      if (isTree) for (const row of ack.rows ?? []) seen.add(row)
    }
    held = wanted(batch, handler)
    next.push(...(batch.next ?? []))
    if (next.length > maxNext) {
      throw new SyncError('too-big', `A folder holds more than ${maxNext} folders.`)
    }
    cursor = batch.cursor ?? cursor
  }
  return {
    type: 'listed',
    isTree,
    next,
    cursor,
    seen,
    ...(held ?? { items: [], gone: [], effect: null }),
  }
}

type Wanted = Pick<Found, 'items' | 'gone' | 'effect'>

function wanted(batch: Batch, handler: Handler): Wanted {
  if (batch.changes.length > maxBatch) {
    throw new SyncError('protocol', `A batch holds more than ${maxBatch} changes.`)
  }
  const items: ListedItem[] = []
  const gone: string[] = []
  for (const change of batch.changes) {
    if (change.type === 'gone') gone.push(change.key)
    else if (handler.wants(change.item)) items.push(change.item)
  }
  return { items, gone, effect: batch.effect ?? null }
}

async function read(
  claim: ReadClaim,
  source: Source,
  { handler }: RunnerParts,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    return { type: 'applied', effect: await handler.read(claim.item, claim.known, source, signal) }
  } catch (error) {
    if (!(error instanceof SyncError) || error.code !== 'changed') throw error
    // Ask what it is now, or the same old version would be asked for until the next listing.
    const item = await source.stat(claim.item, signal)
    return { type: 'changed', item, failure: failureOf(error) }
  }
}

/** Questions of one settle task that are asked at the same time. */
const askedAtOnce = 8

async function settle(claim: SettleClaim, source: Source, signal: AbortSignal): Promise<Outcome> {
  const gone: number[] = []
  const kept: number[] = []
  const unknown: number[] = []
  const candidates = [...claim.candidates]
  const ask = async (): Promise<void> => {
    for (let next = candidates.pop(); next !== undefined; next = candidates.pop()) {
      const { item, isSaidGone } = next
      const verdict = isSaidGone ? 'gone' : await askAgain(source, item, signal)
      if (verdict === 'gone') gone.push(item.rowId)
      else if (verdict === 'kept') kept.push(item.rowId)
      else unknown.push(item.rowId)
    }
  }
  await Promise.all(Array.from({ length: askedAtOnce }, ask))
  return { type: 'settled', gone, kept, unknown }
}

async function askAgain(
  source: Source,
  item: SettleClaim['candidates'][number]['item'],
  signal: AbortSignal,
): Promise<'gone' | 'kept' | 'unknown'> {
  try {
    await source.stat(item, signal)
    return 'kept'
  } catch (error) {
    const { code, remedy } = asSyncError(error)
    if (code === 'not-found') return 'gone'
    if (remedy === 'skip') return 'unknown'
    throw error
  }
}
