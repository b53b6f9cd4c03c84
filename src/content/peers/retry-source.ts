import { SyncError, asSyncError } from '../../base/errors.ts'
import type { Batch, Opened, Source } from '../../engine/source.ts'
import type { ContentEffect, ContentStore, FailedDeployment } from '../content-store.ts'
import type { EntityType } from '../entity.ts'
import type { Intake } from './intake.ts'

export interface RetrySourceParts {
  readonly store: Pick<ContentStore, 'dueFailures' | 'forgetFailures' | 'pointless'>
  readonly intake: Pick<Intake, 'take'>
  /** What this node takes; nothing else is tried again. */
  readonly types: ReadonlySet<EntityType>
}

/** Failed deployments that are tried in one step, with what others offered of the same entities. */
const maxTried = 100
/** Milliseconds in which nobody else takes them. */
const leaseMs = 600_000

/** What several sources offered in the same words; it is tried once, and what comes of it is noted for each of them. */
type Offer = readonly [FailedDeployment, ...FailedDeployment[]]

/**
 * Failed deployments as a source: each round tries those that are due, from whichever peers have them. What something
 * greater has replaced meanwhile, and what this node does not take any more, is forgotten. Of an entity of which peers say different things each is tried by itself:
 * a false one costs nothing but itself.
 */
export class RetrySource implements Source {
  readonly shape = 'feed'
  readonly #parts: RetrySourceParts

  constructor(parts: RetrySourceParts) {
    this.#parts = parts
  }

  async *list(_step: string | null, signal: AbortSignal): AsyncIterable<Batch> {
    const { store, types } = this.#parts
    const due = await store.dueFailures(maxTried, leaseMs)
    await store.forgetFailures(due.filter(({ entityType }) => !types.has(entityType)))
    const taken = due.filter(({ entityType }) => types.has(entityType))
    let trouble: SyncError | null = null
    for (const offers of turnsOf(taken)) {
      try {
        for await (const effect of this.#tried(offers, signal)) yield { changes: [], effect }
      } catch (error) {
        signal.throwIfAborted()
        // Others may have said something better.
        trouble ??= asSyncError(error)
      }
    }
    if (trouble !== null) throw trouble
    if (due.length >= maxTried) yield { changes: [], next: [{ step: 'more' }] }
  }

  /** Of each entity one at most. */
  async *#tried(offers: readonly Offer[], signal: AbortSignal): AsyncGenerator<ContentEffect> {
    const { store, intake } = this.#parts
    const pointless = await store.pointless(offers.map(([first]) => first))
    const byId = new Map(offers.map((offer) => [offer[0].entityId, offer]))
    await store.forgetFailures([...pointless].flatMap((id) => byId.get(id) ?? []))
    for (const id of pointless) byId.delete(id)
    const left = [...byId.values()].map(([first]) => first)
    for await (const effect of intake.take(left, { sourceId: null, snapshotHash: null }, signal)) {
      const failures = effect.failures.flatMap(({ entityId, description }) =>
        (byId.get(entityId) ?? []).map((failure) => Object.assign({}, failure, { description })),
      )
      yield { ...effect, failures }
    }
  }

  async open(): Promise<Opened> {
    throw new SyncError('internal', 'Failed deployments are not opened.')
  }

  async stat(): Promise<never> {
    throw new SyncError('internal', 'Failed deployments are not looked at.')
  }

  async check(): Promise<void> {
    // There is nobody to reach.
  }

  async close(): Promise<void> {
    // There is nothing to let go of.
  }
}

/** What is tried together: the first thing that was said of each entity, then what is left. */
function turnsOf(failures: readonly FailedDeployment[]): readonly (readonly Offer[])[] {
  const turns: Offer[][] = []
  const said = new Map<string, number>()
  for (const offer of distinct(failures)) {
    const [{ entityId }] = offer
    const turn = said.get(entityId) ?? 0
    said.set(entityId, turn + 1)
    ;(turns[turn] ??= []).push(offer)
  }
  return turns
}

function distinct(failures: readonly FailedDeployment[]): readonly Offer[] {
  const offers = new Map<string, [FailedDeployment, ...FailedDeployment[]]>()
  for (const failure of failures) {
    const { entityId, entityType, entityTimestamp, pointers, authChain } = failure
    const words = JSON.stringify([entityId, entityType, entityTimestamp, pointers, authChain])
    const offer = offers.get(words)
    if (offer === undefined) offers.set(words, [failure])
    else offer.push(failure)
  }
  return [...offers.values()]
}
