import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type * as Package from '@dcl/snapshots-fetcher'
import type * as Storage from '@dcl/catalyst-storage'
import type * as Jobs from '@dcl/snapshots-fetcher/dist/job-queue-port.js'

// It has no modules of the newer kind.
const require = createRequire(import.meta.url)
const { createSynchronizer, downloadEntityAndContentFiles } =
  require('@dcl/snapshots-fetcher') as typeof Package
const { createJobQueue } = require('@dcl/snapshots-fetcher/dist/job-queue-port.js') as typeof Jobs
const { createInMemoryStorage } = require('@dcl/catalyst-storage') as typeof Storage

type Parts = Parameters<typeof createSynchronizer>[0]

/** What a server of the network keeps over a restart. */
export interface Memory {
  readonly storage: Parts['storage']
  readonly processed: Set<string>
  /** Entities with the times that they were told of. */
  readonly deployed: Map<string, number>
}

export function emptyMemory(): Memory {
  return { storage: createInMemoryStorage(), processed: new Set(), deployed: new Map() }
}

/** The part of the network's own servers that follows others, as they run it, with a deployer that keeps a list. */
export class NetworkServer {
  /** Snapshot files that were gone through by this process. */
  readonly taken = new Set<string>()
  readonly #memory: Memory
  readonly #folder: string
  #synchronizer: Awaited<ReturnType<typeof createSynchronizer>> | null = null
  #jobs: Promise<unknown>[] = []

  private constructor(memory: Memory, folder: string) {
    this.#memory = memory
    this.#folder = folder
  }

  /** Follows servers, each by its address without a slash at the end. */
  static async follow(
    urls: readonly string[],
    memory: Memory = emptyMemory(),
  ): Promise<NetworkServer> {
    const folder = await mkdtemp(join(tmpdir(), 'network-server-'))
    const server = new NetworkServer(memory, folder)
    server.#synchronizer = await createSynchronizer(server.#parts(), {
      tmpDownloadFolder: folder,
      requestRetryWaitTime: 10,
      requestMaxRetries: 3,
      pointerChangesWaitTime: 50,
      bootstrapReconnection: { reconnectTime: 50 },
      syncingReconnection: { reconnectTime: 50 },
    })
    const job = await server.#synchronizer.syncWithServers(new Set(urls))
    void job.onSyncFinished().catch(() => undefined)
    return server
  }

  get deployed(): ReadonlyMap<string, number> {
    return this.#memory.deployed
  }

  async stop(): Promise<void> {
    await this.#synchronizer?.stop?.()
    await Promise.allSettled(this.#jobs)
    await rm(this.#folder, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #parts(): Parts {
    const { storage, processed, deployed } = this.#memory
    const logs = {
      getLogger: () => ({ debug: quiet, info: quiet, warn: quiet, error: quiet, log: quiet }),
    }
    const metrics = {
      increment: quiet,
      decrement: quiet,
      observe: quiet,
      startTimer: () => ({ end: quiet }),
      reset: quiet,
      resetAll: quiet,
      getValue: async () => ({ help: '', name: '', type: 'gauge', values: [], aggregator: '' }),
    }
    // Only what is called of them.
    const parts = {
      logs,
      metrics,
      storage,
      fetcher: { fetch: (url: string) => fetch(url) },
      downloadQueue: createJobQueue({ concurrency: 4, timeout: 60_000 }),
      snapshotStorage: { has: async () => false },
      processedSnapshotStorage: {
        filterProcessedSnapshotsFrom: async (hashes: string[]) =>
          new Set(hashes.filter((hash) => processed.has(hash))),
        markSnapshotAsProcessed: async (hash: string) => {
          processed.add(hash)
          this.taken.add(hash)
        },
      },
    }
    const deployer: Parts['deployer'] = {
      onIdle: async () => void (await Promise.allSettled(this.#jobs)),
      prepareForDeploymentsIn: async () => undefined,
      scheduleEntityDeployment: async (entity, servers) => {
        const job = this.#deploy(parts as unknown as Parts, entity.entityId, servers).then(() => {
          const at = 'localTimestamp' in entity ? entity.localTimestamp : 0
          deployed.set(entity.entityId, at)
          return entity.markAsDeployed?.()
        })
        this.#jobs.push(job.catch(() => undefined))
        await job
      },
    }
    return { ...(parts as unknown as Parts), deployer }
  }

  async #deploy(parts: Parts, entityId: string, servers: string[]): Promise<void> {
    if (this.#memory.deployed.has(entityId)) return
    const lru = new Map<string, number>()
    await downloadEntityAndContentFiles(parts, entityId, servers, lru, this.#folder, 3, 10)
  }
}

function quiet(): void {
  // Nobody listens.
}
