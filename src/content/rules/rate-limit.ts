import { createHash } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { entityTypes, type Deployment, type EntityType } from '../entity.ts'
import { RecentKeys } from './recent-keys.ts'

/** How often entities of a type may be deployed here. */
export interface TypeLimit {
  /** A pointer rests so long after a deployment. */
  readonly restMs: number
  /** More pointers than this that rest at once, and nothing of the type is taken. */
  readonly maxResting: number
}

export interface RateLimits {
  readonly types: Readonly<Record<EntityType, TypeLimit>>
  /** A profile that was deployed again without a change is not taken a third time for so long; 0: it is. */
  readonly unchangedMs: number
}

export const rateLimits: RateLimits = {
  types: {
    scene: { restMs: 20_000, maxResting: 1_000 },
    profile: { restMs: 3_000, maxResting: 500 },
    wearable: { restMs: 20_000, maxResting: 1_000 },
    store: { restMs: 3_000, maxResting: 300 },
    emote: { restMs: 20_000, maxResting: 1_000 },
    outfits: { restMs: 3_000, maxResting: 2_000 },
  },
  unchangedMs: 300_000,
}

export interface RateLimitParts {
  /** Told by `elapsed`, so that a wall clock that is set does not open or close anything. */
  readonly clock: Pick<Clock, 'elapsed'>
  readonly limits: RateLimits
}

/** Of a deployment what the limits look at. */
export type LimitedDeployment = Pick<
  Deployment,
  'entityId' | 'type' | 'pointers' | 'file' | 'metadata'
>

/**
 * Keeps the clients of this node from deploying too often, in the memory of this process. Only what was deployed here,
 * and only once it was, is to be noted.
 */
export class RateLimit {
  readonly #parts: RateLimitParts
  readonly #resting: ReadonlyMap<EntityType, RecentKeys<true>>
  readonly #profiles: RecentKeys<Version>

  constructor(parts: RateLimitParts) {
    this.#parts = parts
    this.#resting = new Map(
      entityTypes.map((type) => [type, new RecentKeys(parts.limits.types[type].restMs)]),
    )
    this.#profiles = new RecentKeys(parts.limits.unchangedMs)
  }

  errors(deployment: LimitedDeployment): readonly string[] {
    const { entityId, pointers } = deployment
    if (!this.#isResting(deployment) && !this.#isUnchanged(deployment)) return []
    return [`Entity rate limited (entityId=${entityId} pointers=${pointers.join(',')}).`]
  }

  /** It was deployed, now and here. */
  note(deployment: LimitedDeployment): void {
    const { type, pointers } = deployment
    const nowMs = this.#parts.clock.elapsed()
    for (const pointer of pointers) this.#resting.get(type)?.set(pointer, true, nowMs)
    if (type !== 'profile') return
    const digest = digestOf(deployment)
    for (const pointer of pointers) {
      const isRepeated = digest !== null && this.#profiles.get(pointer, nowMs)?.digest === digest
      this.#profiles.set(pointer, { digest, isRepeated }, nowMs)
    }
  }

  #isResting({ type, pointers }: LimitedDeployment): boolean {
    const nowMs = this.#parts.clock.elapsed()
    const resting = this.#resting.get(type)
    if (resting === undefined) return false
    const { maxResting } = this.#parts.limits.types[type]
    return (
      resting.count(nowMs) > maxResting ||
      pointers.some((pointer) => resting.get(pointer, nowMs) !== undefined)
    )
  }

  #isUnchanged(deployment: LimitedDeployment): boolean {
    if (deployment.type !== 'profile') return false
    const nowMs = this.#parts.clock.elapsed()
    const known = deployment.pointers.map((pointer) => this.#profiles.get(pointer, nowMs))
    if (!known.some((version) => version?.isRepeated === true)) return false
    const digest = digestOf(deployment)
    return known.some((version) => version?.isRepeated === true && version.digest === digest)
  }
}

/** What a profile said when it was deployed last. */
interface Version {
  readonly digest: string | null
  /** It had said the same before. */
  readonly isRepeated: boolean
}

/** Metadata by their bytes; null: they are not in one piece, and are taken for new. */
function digestOf({ file, metadata }: LimitedDeployment): string | null {
  if (metadata === null) return null
  return createHash('sha256').update(file.subarray(metadata.start, metadata.end)).digest('base64')
}
