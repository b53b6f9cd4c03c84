import { setMaxListeners } from 'node:events'
import { abortable } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { asSyncError } from '../../base/errors.ts'
import type { ContentBlobs, Received } from '../blobs.ts'
import type { ContentEffect, ContentStore, SmallBlob } from '../content-store.ts'
import { Refused } from '../deploying.ts'
import { maxEffectBytes } from '../effect-bytes.ts'
import type { Deployment, DeploymentOffer, EntityType } from '../entity.ts'
import type { Examiner } from '../examiner.ts'
import { maxEntityBytes } from '../rules/entity-file.ts'
import { Basket, admittedBytes, type Admitted, type Origin, type Outcome } from './basket.ts'
import { fetchContents, memoryFor } from './contents.ts'
import type { Fetcher } from './fetcher.ts'
import { Outcomes } from './outcomes.ts'
import { Room } from './room.ts'

export interface IntakeParts {
  readonly store: Pick<ContentStore, 'known' | 'pointless' | 'overtaken'>
  readonly blobs: Pick<ContentBlobs, 'hold'>
  readonly fetcher: Pick<Fetcher, 'fetch'>
  readonly examiner: Examiner
  readonly clock: Clock
  /** What this node takes; nothing else is fetched. */
  readonly types: ReadonlySet<EntityType>
}

/** What a step has in common that goes through offers. */
interface Taking {
  readonly origin: Origin
  readonly room: Room
  readonly signal: AbortSignal
}

/** Others who are waited for, one after the other, before an entity is tried beside them. */
const maxWaits = 3
/** Waits that one signal may call off at the same time; more would be a leak. */
const maxListeners = 10_000
/** Bytes of memory for what a step has fetched and not yet handed over, but for what is small and has no content. */
const maxHeldBytes = 2 * maxEffectBytes

/**
 * Takes what peers offer: leaves out what is known or would change nothing, fetches entity files and content, has them
 * examined, and gives what is to be written. An entity that several offer at the same time is fetched and verified once.
 */
export class Intake {
  readonly #parts: IntakeParts
  readonly #outcomes: Outcomes

  constructor(parts: IntakeParts) {
    this.#parts = parts
    this.#outcomes = new Outcomes(parts.clock)
  }

  /**
   * Gives effects as they become ready, at least one, and an empty one now and then while nothing does. Entities that are
   * no good, or that nobody has, are told as failures in them; throws (when all else has been given) if whoever offers
   * them could not be reached for several: then it is to be tried again. What is on its way is called off when nobody
   * asks for more.
   */
  async *take(
    offers: readonly DeploymentOffer[],
    origin: Origin,
    signal: AbortSignal,
  ): AsyncGenerator<ContentEffect> {
    const wanted = await this.#wanted(offers)
    const basket = new Basket(origin, wanted.length, this.#parts.clock)
    const room = new Room(maxHeldBytes)
    const end = new AbortController()
    const taking = { origin, room, signal: AbortSignal.any([signal, end.signal]) }
    // Each of them waits for several things that this may call off.
    setMaxListeners(maxListeners, taking.signal)
    try {
      const running = wanted.map(async (offer) => {
        basket.put(offer, await this.#outcome(offer, taking))
      })
      while (basket.isFilling) {
        await basket.filled()
        signal.throwIfAborted()
        const effect = basket.empty()
        yield effect
        for (const { entityId } of effect.deployments) room.keep(entityId, 0)
      }
      await Promise.all(running)
    } finally {
      end.abort()
    }
    if (wanted.length === 0) yield basket.empty()
    if (basket.trouble !== null) throw basket.trouble
  }

  async #wanted(offers: readonly DeploymentOffer[]): Promise<readonly DeploymentOffer[]> {
    const { store, types } = this.#parts
    const byId = new Map<string, DeploymentOffer>()
    for (const offer of offers) if (types.has(offer.entityType)) byId.set(offer.entityId, offer)
    if (byId.size === 0) return []
    for (const id of (await store.known([...byId.keys()])).keys()) byId.delete(id)
    const unknown = [...byId.values()]
    if (unknown.length === 0) return []
    const pointless = await store.pointless(unknown)
    return unknown.filter(({ entityId }) => !pointless.has(entityId))
  }

  async #outcome(offer: DeploymentOffer, taking: Taking): Promise<Outcome> {
    const { entityId } = offer
    const { signal } = taking
    for (let waits = 0, last: Promise<Outcome> | null = null; waits < maxWaits; waits++) {
      const known = this.#outcomes.known(entityId)
      // Of several who wait, the first one takes it where it failed, and the others wait for him.
      if (known === null || known === last) break
      const outcome = await settled(known, signal)
      // Whoever was at it may have been called off, or have asked others.
      if ('admitted' in outcome || signal.aborted) return outcome
      last = known
    }
    const outcome = this.#admit(offer, taking).then(
      (admitted) => {
        taking.room.keep(entityId, admittedBytes(admitted))
        return { admitted }
      },
      (error: unknown) => {
        taking.room.keep(entityId, 0)
        return { error: error instanceof Refused ? error : asSyncError(error) }
      },
    )
    this.#outcomes.remember(entityId, outcome)
    return outcome
  }

  async #admit(offer: DeploymentOffer, taking: Taking): Promise<Admitted> {
    const { examiner, blobs, clock, types } = this.#parts
    const { entityId, authChain } = offer
    const { signal } = taking
    const file = await this.#entityFile(entityId, taking)
    const examined = await examiner.examine({ entityId, file, authChain }, signal)
    const { deployment, check, checkWithoutContent } = examined
    if (!types.has(deployment.type)) {
      throw new Refused([`The entity is a ${deployment.type}, which this node does not take.`])
    }
    const hashes = [...new Set(deployment.content.map(({ hash }) => hash))]
    const sizes = new Map(hashes.length === 0 ? [] : await blobs.hold(hashes, clock.now()))
    const missing = hashes.filter((hash) => !sizes.has(hash))
    if (missing.length > 0 && (await this.#isOvertaken(deployment, offer))) {
      await checkWithoutContent(signal)
      return { deployment: { ...deployment, isComplete: false }, blobs: [] }
    }
    const fetched = await this.#contents(deployment, missing, taking)
    for (const { hash, size } of fetched) sizes.set(hash, size)
    try {
      await check({ sizes, received: fetched }, signal)
      await Promise.all(fetched.map((each) => each.keep()))
    } catch (error) {
      await Promise.all(fetched.map((each) => each.drop()))
      throw error
    }
    return { deployment, blobs: small(fetched) }
  }

  async #entityFile(
    hash: string,
    { origin: { sourceId }, room, signal }: Taking,
  ): Promise<Uint8Array> {
    const wanted = { hash, maxBytes: maxEntityBytes, offeredBy: sourceId }
    const received = await this.#parts.fetcher.fetch(wanted, signal)
    if (received.bytes !== null) return received.bytes
    // It is on disk until there is room for it, and for what it may bring.
    try {
      await room.enter(hash, received.size + memoryFor(Number.POSITIVE_INFINITY), signal)
      return await received.read()
    } finally {
      await received.drop()
    }
  }

  async #contents(
    deployment: Deployment,
    hashes: readonly string[],
    { origin, room, signal }: Taking,
  ): Promise<readonly Received[]> {
    if (hashes.length === 0) return []
    const { entityId, file } = deployment
    const bytes = file.length + memoryFor(hashes.length)
    if (room.has(entityId)) room.keep(entityId, bytes)
    else await room.enter(entityId, bytes, signal)
    const wanted = { deployment, hashes, offeredBy: origin.sourceId }
    return fetchContents(this.#parts.fetcher, wanted, signal)
  }

  /** It would be dead at once: then only its mark counts, and nobody needs its content. */
  async #isOvertaken(
    { pointers, timestamp }: Deployment,
    offer: DeploymentOffer,
  ): Promise<boolean> {
    // What has been verified, and not what was offered.
    const verified = { ...offer, pointers, entityTimestamp: timestamp }
    return (await this.#parts.store.overtaken([verified])).has(offer.entityId)
  }
}

/** What somebody else makes of an entity, for as long as it is waited for. */
function settled(outcome: Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  return abortable(outcome, signal, 'Waiting for an entity').catch((error: unknown) => ({
    error: asSyncError(error),
  }))
}

function small(received: readonly Received[]): SmallBlob[] {
  return received.flatMap(({ hash, bytes }) => (bytes === null ? [] : [{ hash, bytes }]))
}
