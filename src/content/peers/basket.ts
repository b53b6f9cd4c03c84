import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { ContentEffect, SmallBlob } from '../content-store.ts'
import { bytesOf, maxEffectBytes } from '../effect-bytes.ts'
import type { Deployment, DeploymentOffer } from '../entity.ts'
import { isUnreached } from './unreached.ts'

/** Where offers come from. */
export interface Origin {
  /** The source that makes them; null: none in particular, they are tried again. */
  readonly sourceId: number | null
  /** The snapshot that they stand in; null: a feed. */
  readonly snapshotHash: string | null
}

/** An entity with all that has to be written with it. */
export interface Admitted {
  readonly deployment: Deployment
  readonly blobs: readonly SmallBlob[]
}

export type Outcome = { readonly admitted: Admitted } | { readonly error: Error }

/** Bytes of memory. */
export function admittedBytes({ deployment, blobs }: Admitted): number {
  return bytesOf({ deployments: [deployment], blobs })
}

/** Deployments that are written together while more are on their way. */
const batchSize = 125
/**
 * Milliseconds after which what is ready is written, or nothing: that alone tells whoever holds the step's lease that it
 * goes on. Far less than a lease.
 */
const longestWaitMs = 20_000
/** Of the offers of one step, so many may fail because whoever makes them does not answer before the step itself counts as failed. */
const maxUnreached = 8

/** What is ready to be written, and what went wrong. */
export class Basket {
  readonly #origin: Origin
  readonly #clock: Clock
  /** Outcomes that are still to come. */
  #awaited: number
  #onFilled: () => void = () => undefined
  #deployments: Deployment[] = []
  #blobs = new Map<string, SmallBlob>()
  #failures: ContentEffect['failures'][number][] = []
  #bytes = 0
  readonly #unreached: SyncError[] = []

  constructor(origin: Origin, awaited: number, clock: Clock) {
    this.#origin = origin
    this.#clock = clock
    this.#awaited = awaited
  }

  /** There is more to be given. */
  get isFilling(): boolean {
    return this.#awaited > 0 || this.#size > 0
  }

  /** Resolves when there is enough to be written, or nothing more to come, and after a while. */
  filled(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(longestWaitMs, resolve)
      this.#onFilled = () => {
        cancel()
        resolve()
      }
      this.#look()
    })
  }

  get #size(): number {
    return this.#deployments.length + this.#failures.length
  }

  #look(): void {
    const isEnough = this.#size >= batchSize || this.#bytes >= maxEffectBytes
    if (this.#awaited === 0 || isEnough) this.#onFilled()
  }

  /** Why the whole of it is to be tried again; null: it is not. */
  get trouble(): SyncError | null {
    return this.#unreached.length > maxUnreached ? (this.#unreached[0] ?? null) : null
  }

  put(offer: DeploymentOffer, outcome: Outcome): void {
    this.#awaited--
    this.#add(offer, outcome)
    this.#look()
  }

  #add(offer: DeploymentOffer, outcome: Outcome): void {
    if ('admitted' in outcome) {
      const { deployment, blobs } = outcome.admitted
      this.#deployments.push(deployment)
      this.#bytes += admittedBytes(outcome.admitted)
      for (const blob of blobs) this.#blobs.set(blob.hash, blob)
      return
    }
    const { error } = outcome
    if (error instanceof SyncError && isOurs(error)) this.#unreached.push(error)
    this.#failures.push({ ...offer, ...this.#origin, description: error.message })
  }

  empty(): ContentEffect {
    const effect = {
      deployments: this.#deployments,
      blobs: [...this.#blobs.values()],
      failures: this.#failures,
      parts: [],
    }
    this.#deployments = []
    this.#blobs = new Map()
    this.#failures = []
    this.#bytes = 0
    return effect
  }
}

/** It was not the entity that it failed for. */
function isOurs(error: SyncError): boolean {
  return isUnreached(error) || error.code === 'cancelled' || error.code === 'disk-full'
}
