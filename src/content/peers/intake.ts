import { setMaxListeners } from 'node:events'
import { abortable } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { SyncError, asSyncError } from '../../base/errors.ts'
import { holdMs, type ContentBlobs, type Received } from '../blobs.ts'
import type { ContentEffect, ContentStore, SmallBlob } from '../content-store.ts'
import { Refused } from '../deploying.ts'
import type { Deployment, DeploymentOffer, EntityType } from '../entity.ts'
import type { Examiner } from '../examiner.ts'
import { Basket, type Admitted, type Origin, type Outcome } from './basket.ts'
import type { Fetcher } from './fetcher.ts'

export interface IntakeParts {
  readonly store: Pick<ContentStore, 'known' | 'pointless' | 'overtaken'>
  readonly blobs: Pick<ContentBlobs, 'hold' | 'open'>
  readonly fetcher: Pick<Fetcher, 'fetch'>
  readonly examiner: Examiner
  readonly clock: Clock
  /** What this node takes; nothing else is fetched. */
  readonly types: ReadonlySet<EntityType>
}

type Outcomes = Promise<Outcome> | null

interface Remembered {
  readonly outcome: Promise<Outcome>
  /** When it was begun, in milliseconds of the clock. */
  readonly sinceMs: number
}

/** Entities whose outcome is remembered for others that offer them too. */
const maxRemembered = 1_000
/** The same in milliseconds; half of what is left of the grace period in which its content is sure to be there. */
const rememberedMs = holdMs / 2
/** Others who are waited for, one after the other, before an entity is tried beside them. */
const maxWaits = 3
/** Waits that one signal may call off at the same time; more would be a leak. */
const maxListeners = 10_000

/** Bytes of an entity file. */
export const maxEntityFileBytes = 16 * 1_024 * 1_024

/**
 * Takes what peers offer: leaves out what is known or would change nothing, fetches entity files and content, has them
 * examined, and gives what is to be written. An entity that several offer at the same time is fetched and verified once.
 */
export class Intake {
  readonly #parts: IntakeParts
  /** In the order in which they came. */
  readonly #outcomes = new Map<string, Remembered>()

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /**
   * Gives effects as they become ready, at least one. Entities that are no good, or that nobody has, are told as failures in them;
   * throws (when all else has been given) if peers could not be reached for several: then it is to be tried again.
   */
  async *take(
    offers: readonly DeploymentOffer[],
    origin: Origin,
    signal: AbortSignal,
  ): AsyncGenerator<ContentEffect> {
    // Each of them waits for several things that this may call off.
    setMaxListeners(maxListeners, signal)
    const wanted = await this.#wanted(offers)
    const basket = new Basket(origin, wanted.length)
    const running = wanted.map(async (offer) => {
      basket.put(offer, await this.#outcome(offer, origin, signal))
    })
    while (basket.isFilling) {
      await basket.filled()
      signal.throwIfAborted()
      yield basket.empty()
    }
    await Promise.all(running)
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

  async #outcome(offer: DeploymentOffer, origin: Origin, signal: AbortSignal): Promise<Outcome> {
    const { entityId } = offer
    for (let waits = 0, last: Outcomes = null; waits < maxWaits; waits++) {
      const known = this.#known(entityId)
      // Of several who wait, the first one takes it where it failed, and the others wait for him.
      if (known === null || known === last) break
      const outcome = await settled(known, signal)
      // Whoever was at it may have been called off, or have asked others.
      if ('admitted' in outcome || signal.aborted) return outcome
      last = known
    }
    const outcome = this.#admit(offer, origin, signal).then(
      (admitted) => ({ admitted }),
      (error: unknown) => ({ error: error instanceof Refused ? error : asSyncError(error) }),
    )
    this.#remember(entityId, outcome)
    return outcome
  }

  /** What somebody else makes, or has made lately, of an entity. */
  #known(entityId: string): Outcomes {
    const known = this.#outcomes.get(entityId)
    if (known === undefined) return null
    return this.#parts.clock.elapsed() - known.sinceMs < rememberedMs ? known.outcome : null
  }

  #remember(entityId: string, outcome: Promise<Outcome>): void {
    this.#outcomes.delete(entityId)
    this.#outcomes.set(entityId, { outcome, sinceMs: this.#parts.clock.elapsed() })
    const [oldest] = this.#outcomes.keys()
    if (this.#outcomes.size > maxRemembered && oldest !== undefined) this.#outcomes.delete(oldest)
  }

  async #admit(offer: DeploymentOffer, origin: Origin, signal: AbortSignal): Promise<Admitted> {
    const { examiner, blobs, clock, types } = this.#parts
    const { entityId, authChain } = offer
    const file = await this.#entityFile(entityId, origin, signal)
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
    const fetched = await this.#contents(missing, origin, signal)
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

  async #entityFile(hash: string, { sourceId }: Origin, signal: AbortSignal): Promise<Uint8Array> {
    const { fetcher, blobs } = this.#parts
    const wanted = { hash, maxBytes: maxEntityFileBytes, offeredBy: sourceId }
    const received = await fetcher.fetch(wanted, signal)
    if (received.bytes !== null) return received.bytes
    await received.keep()
    const stored = await blobs.open(hash, null)
    if (stored === null)
      throw new SyncError('database', `The entity file ${hash} is not where it was put.`)
    return bytesOf(stored.body)
  }

  async #contents(
    hashes: readonly string[],
    { sourceId }: Origin,
    signal: AbortSignal,
  ): Promise<readonly Received[]> {
    const { fetcher } = this.#parts
    const all = await Promise.allSettled(
      hashes.map((hash) =>
        fetcher.fetch({ hash, maxBytes: maxContentBytes, offeredBy: sourceId }, signal),
      ),
    )
    const fetched = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const failed = all.find((one) => one.status === 'rejected')
    if (failed === undefined) return fetched
    await Promise.all(fetched.map((each) => each.drop()))
    throw failed.reason
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

/** Bytes of one file of content. */
const maxContentBytes = 100 * 1_024 * 1_024

/** What somebody else makes of an entity, for as long as it is waited for. */
function settled(outcome: Promise<Outcome>, signal: AbortSignal): Promise<Outcome> {
  return abortable(outcome, signal, 'Waiting for an entity').catch((error: unknown) => ({
    error: asSyncError(error),
  }))
}

function small(received: readonly Received[]): SmallBlob[] {
  return received.flatMap(({ hash, bytes }) => (bytes === null ? [] : [{ hash, bytes }]))
}

async function bytesOf(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return Buffer.concat(chunks)
}
