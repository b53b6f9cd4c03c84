/**
 * How content servers kept up before ADR-52: every deployment that there ever was, page by page from `/deployments`, and
 * of each what it is signed with from `/audit`. It is here to be compared with, and nowhere else. Where the old servers were
 * slow of themselves, this is not: as many questions at once, the same verifying, the same store as ours, many a transaction.
 */
import { Pool } from 'undici'
import { systemClock } from '../../src/base/clock.ts'
import { openDatabaseFile } from '../../src/app/database-file.ts'
import type { AuthChain, Deployment } from '../../src/content/entity.ts'
import { ThreadedVerifier } from '../../src/content/verifier.ts'
import { SqlContentStore } from '../../src/store/sql/content/content-store.ts'

export interface OldWay {
  readonly seconds: number
  readonly requests: number
  readonly deployed: number
}

/** Questions under way, as many as a node of ours has. */
const atOnce = 48

/** `history` is where `/deployments` is to be had; all else is asked of `base`. */
export async function syncTheOldWay(
  { history, base }: { readonly history: string; readonly base: string },
  folder: string,
): Promise<OldWay> {
  const start = performance.now()
  const database = await openDatabaseFile(folder, systemClock)
  const store = new SqlContentStore({ db: database.sql })
  const server = new Server(base)
  const verifier = new ThreadedVerifier({ clock: systemClock, script: verifyWorker })
  try {
    const pages = new Server(history)
    let deployed = 0
    let path: string | null = '/deployments'
    while (path !== null) {
      const page: Page = (await pages.json(path)) as Page
      const deployments = await allOf(page.deployments, (told) => taken(server, verifier, told))
      await store.deploy({ deployments, blobs: [], failures: [], parts: [] })
      deployed += deployments.length
      const { next } = page.pagination
      path = next === undefined ? null : `/deployments${next}`
    }
    const requests = pages.requests + server.requests
    await pages.close()
    return { seconds: (performance.now() - start) / 1_000, requests, deployed }
  } finally {
    await server.close()
    await verifier.close()
    await database.close()
  }
}

/** The thread of the product, as it is built. */
const verifyWorker = new URL('../../dist/command/verify-worker.js', import.meta.url)

/** A page of `GET /deployments`. */
export interface Page {
  readonly deployments: readonly Told[]
  readonly pagination: { readonly next?: string }
}

/** Only the first two are of use: the rest came with every answer. */
export interface Told {
  readonly entityType: string
  readonly entityId: string
  readonly entityVersion: string
  readonly entityTimestamp: number
  readonly deployedBy: string
  readonly pointers: readonly string[]
  readonly content: readonly []
  readonly metadata: unknown
  readonly localTimestamp: number
}

async function taken(
  server: Server,
  verifier: ThreadedVerifier,
  { entityType, entityId }: Pick<Told, 'entityType' | 'entityId'>,
): Promise<Deployment> {
  const audit = await server.json(`/audit/${entityType}/${entityId}`)
  const { authChain } = audit as { readonly authChain: AuthChain }
  const file = await server.bytes(`/contents/${entityId}`)
  const verdict = await verifier.verify({ entityId, file, authChain }, new AbortController().signal)
  if (!verdict.isGood) throw new Error(`${entityId} is no good: ${verdict.errors.join(' ')}`)
  return verdict.deployment
}

async function allOf<One, Other>(
  items: readonly One[],
  work: (item: One) => Promise<Other>,
): Promise<Other[]> {
  const results: Other[] = []
  const waiting = items.entries()
  const worker = async (): Promise<void> => {
    for (const [at, item] of waiting) results[at] = await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

class Server {
  requests = 0
  readonly #pool: Pool
  readonly #path: string

  constructor(base: string) {
    const { origin, pathname } = new URL(base)
    this.#pool = new Pool(origin, { connections: atOnce })
    this.#path = pathname.replace(/\/$/, '')
  }

  async json(path: string): Promise<unknown> {
    return JSON.parse((await this.bytes(path)).toString())
  }

  async bytes(path: string): Promise<Buffer> {
    this.requests++
    const { statusCode, body } = await this.#pool.request({
      method: 'GET',
      path: this.#path + path,
    })
    const bytes = Buffer.from(await body.arrayBuffer())
    if (statusCode !== 200) throw new Error(`${path} was answered with ${statusCode}.`)
    return bytes
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}
