import type { Clock } from '../base/clock.ts'
import {
  maxDeployments,
  type ContentEffect,
  type ContentStore,
  type Deployed,
} from './content-store.ts'
import { bytesOf, maxEffectBytes } from './effect-bytes.ts'

/** Somebody who is about to deploy. */
export interface Comer {
  /** Resolves when it is durable. Once. */
  deploy(effect: ContentEffect): Promise<readonly Deployed[]>
  /** To be called in the end, whether or not it has come to that. */
  leave(): void
}

interface Waiting {
  readonly effect: ContentEffect
  readonly resolve: (deployed: readonly Deployed[]) => void
  readonly reject: (error: unknown) => void
}

export interface GroupCommitParts {
  readonly store: Pick<ContentStore, 'deploy'>
  readonly clock: Clock
}

/** Milliseconds that whoever is ready waits for those who are on their way. */
const patienceMs = 3

/**
 * Writes together what comes at about the same time: one wait for the disk for all of it. That is what comes while a
 * transaction is under way, and whoever has said that he will come. Nobody waits who is alone.
 */
export class GroupCommit {
  readonly #parts: GroupCommitParts
  #waiting: Waiting[] = []
  #coming = 0
  #isWriting = false
  /** Set while somebody waits for others. */
  #cancelTimer: (() => void) | null = null

  constructor(parts: GroupCommitParts) {
    this.#parts = parts
  }

  /** Bounded by the requests that the server takes at the same time. */
  announce(): Comer {
    this.#coming++
    let isComing = true
    const arrive = (): void => {
      if (isComing) this.#coming--
      isComing = false
    }
    return {
      deploy: (effect) =>
        new Promise((resolve, reject) => {
          arrive()
          this.#waiting.push({ effect, resolve, reject })
          this.#look()
        }),
      leave: () => {
        arrive()
        this.#look()
      },
    }
  }

  #look(): void {
    if (this.#isWriting || this.#waiting.length === 0) return
    const count = this.#waiting.length
    const isEnough = count >= maxDeployments || this.#groupSize() < count
    if (this.#coming === 0 || isEnough) void this.#write()
    else this.#cancelTimer ??= this.#parts.clock.after(patienceMs, () => void this.#write())
  }

  /** How many of those who wait are written together: one at least, of more as many as there is room for. */
  #groupSize(): number {
    let bytes = 0
    const size = this.#waiting.findIndex(({ effect }) => {
      bytes += bytesOf(effect)
      return bytes > maxEffectBytes
    })
    const most = size === -1 ? this.#waiting.length : Math.max(1, size)
    return Math.min(most, maxDeployments)
  }

  /** One group; then there may be another. */
  async #write(): Promise<void> {
    this.#cancelTimer?.()
    this.#cancelTimer = null
    this.#isWriting = true
    const group = this.#waiting.splice(0, this.#groupSize())
    try {
      const deployed = await this.#parts.store.deploy(joined(group.map(({ effect }) => effect)))
      const byId = new Map(deployed.map((each) => [each.entityId, each]))
      for (const { effect, resolve } of group) {
        resolve(effect.deployments.flatMap(({ entityId }) => byId.get(entityId) ?? []))
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
    this.#isWriting = false
    this.#look()
  }
}

function joined(effects: readonly ContentEffect[]): ContentEffect {
  return {
    deployments: effects.flatMap(({ deployments }) => deployments),
    blobs: effects.flatMap(({ blobs }) => blobs),
    failures: effects.flatMap(({ failures }) => failures),
    parts: effects.flatMap(({ parts }) => parts),
  }
}
