import {
  maxDeployments,
  type ContentEffect,
  type ContentStore,
  type Deployed,
} from './content-store.ts'

interface Waiting {
  readonly effect: ContentEffect
  readonly resolve: (deployed: readonly Deployed[]) => void
  readonly reject: (error: unknown) => void
}

/** Writes what comes while a transaction is under way in the next one, together: one wait for the disk for all of them. */
export class GroupCommit {
  readonly #store: Pick<ContentStore, 'deploy'>
  #waiting: Waiting[] = []
  #isWriting = false

  constructor(store: Pick<ContentStore, 'deploy'>) {
    this.#store = store
  }

  /** Resolves when it is durable. Bounded by the requests that the server takes at the same time. */
  deploy(effect: ContentEffect): Promise<readonly Deployed[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ effect, resolve, reject })
      if (!this.#isWriting) void this.#write()
    })
  }

  async #write(): Promise<void> {
    this.#isWriting = true
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, maxDeployments)
      try {
        const deployed = await this.#store.deploy(joined(group.map(({ effect }) => effect)))
        const byId = new Map(deployed.map((each) => [each.entityId, each]))
        for (const { effect, resolve } of group) {
          resolve(effect.deployments.flatMap(({ entityId }) => byId.get(entityId) ?? []))
        }
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#isWriting = false
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
