import { following } from './living.ts'
import { beginLife, type Answering, type Life } from './life.ts'
import type { Spoiling } from './peer-sources.ts'
import fastify, { type FastifyInstance } from 'fastify'
import { Readable } from 'node:stream'
import { silentLog } from '../../src/base/log.ts'
import { type Random } from '../../src/base/random.ts'
import type { RemoteRequest } from '../../src/base/remote/remote-host.ts'
import type { CollectLimits, ContentStore } from '../../src/content/content-store.ts'
import type { Snapshots } from '../../src/content/snapshots/snapshots.ts'
import type { Registry } from '../../src/engine/registry.ts'
import { contentRoutes } from '../../src/http/content/content-routes.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import type { SignedEntity } from '../content/signer.ts'
import { FaultyDatabase, Killed } from '../sim/faulty-database.ts'
import { type VirtualClock } from '../sim/virtual-clock.ts'
import type { ContentKeeping, KeptContent } from './content-keeping.ts'
import { type Told, type Weather } from './link.ts'
import type { MemoryBlobs } from './memory-blobs.ts'
import { type Disk } from './memory-blobs.ts'

export interface SimNodeParts {
  readonly name: string
  readonly clock: VirtualClock
  readonly random: Random
  readonly keeping: ContentKeeping
  /** Speaks nothing beyond the plain protocol. */
  readonly isPlain: boolean
  /** There is nobody to catch up with. */
  readonly isFirst: boolean
  /** Nodes by name. */
  readonly others: ReadonlyMap<string, Answering>
  readonly weather: (from: string, to: string) => Weather
  readonly spoiling?: Spoiling
  /** What becomes of its answers. */
  readonly tamper?: (path: string, told: Told) => Told
}

/** Peers are asked for changes so often in the simulation, in milliseconds. */
export const pollMs = 3 * 3_600_000

const retryMs = 2 * 3_600_000

/** One content node: the real parts on a database in memory, with a network that is simulated. */
export class SimNode {
  readonly name: string
  /** How far its wall clock is off, in milliseconds. */
  skewMs = 0
  /** Processes so far. */
  lives = 0
  readonly db = new FaultyDatabase(':memory:')
  readonly disk: Disk = new Map()
  readonly #parts: SimNodeParts
  readonly #kept: KeptContent
  readonly #face: FastifyInstance
  #life: Life | null = null

  constructor(parts: SimNodeParts) {
    this.#parts = parts
    this.name = parts.name
    for (const { sqlite } of migrations) this.db.exec(sqlite)
    this.db.exec('pragma synchronous = off')
    this.db.kill = (sql) => {
      this.#life?.clock.end()
      throw new Killed(`killed before: ${sql}`)
    }
    this.#kept = parts.keeping(this.db)
    this.#face = fastify()
  }

  get isUp(): boolean {
    return this.#life !== null && this.db.statements < this.db.killAt
  }

  get store(): ContentStore {
    return this.#alive.content
  }

  get registry(): Registry {
    return this.#alive.registry
  }

  get snapshots(): Snapshots {
    return this.#alive.snapshots
  }

  get blobs(): MemoryBlobs {
    return this.#alive.blobs
  }

  get hasCaughtUp(): boolean {
    return this.isUp && this.#alive.catchingUp.state === 'Syncing'
  }

  /** Type, pointer and entity of every mark, in order. */
  marks(): Promise<readonly string[]> {
    return this.#kept.marks()
  }

  get #alive(): Life {
    if (this.#life === null) throw new Error(`${this.name} is down`)
    return this.#life
  }

  async begin(): Promise<void> {
    const isFirstLife = this.lives === 0
    this.db.revive()
    this.lives++
    const life = this.#make()
    this.#life = life
    if (isFirstLife) {
      await this.#face.register(async (web) => this.#routes(web))
      await this.#face.ready()
      await life.registry.putPeer({
        name: 'failed deployments',
        kind: 'failed-deployments',
        address: '',
        settings: {},
        intervalMs: retryMs,
      })
    }
    await life.catchingUp.start()
    await life.engine.start()
    await life.snapshots.start()
  }

  /** From now on, if it does not already. */
  async follow(other: string): Promise<void> {
    await this.registry.putPeer({
      name: other,
      kind: 'peer',
      address: `http://${other}.example/content`,
      settings: {},
      intervalMs: pollMs,
    })
  }

  /** Its next rounds are due now. */
  async hasten(): Promise<void> {
    for (const { id } of await this.registry.peers()) await this.registry.hasten(id)
  }

  /** Between one statement and the next, within so many of them. */
  doom(withinStatements: number): void {
    this.db.killAt = this.db.statements + 1 + withinStatements
  }

  /** It was to die, and does not. */
  spare(): void {
    if (this.isUp) this.db.killAt = Number.POSITIVE_INFINITY
  }

  /** What is left of it are its rows and its disk. */
  kill(): void {
    this.#life?.clock.end()
    this.#life = null
    this.db.doze()
  }

  async deploy({ entityId, file, authChain, contents }: SignedEntity): Promise<number> {
    const { deployer, blobs } = this.#alive
    const limits = { maxBytes: Number.MAX_SAFE_INTEGER, signal: never }
    const files = await Promise.all(
      [file, ...contents.values()].map((bytes) => blobs.receive(Readable.from([bytes]), limits)),
    )
    return deployer.deploy({ entityId, authChain, files }, never)
  }

  async collect(limits: Omit<CollectLimits, 'limit'>): Promise<void> {
    const { content } = this.#alive
    for (;;) {
      const collected = await content.collect({ ...limits, limit: 100 })
      const beforeMs = this.#now() - limits.graceMs
      for (const hash of collected.hashes) {
        const file = this.disk.get(hash)
        if (file !== undefined && file.receivedMs <= beforeMs) this.disk.delete(hash)
      }
      if (collected.isDone) return
    }
  }

  /** Null: there is nobody. */
  async answer({ method, path, headers = {} }: RemoteRequest): Promise<Told | null> {
    if (!this.isUp) return null
    const url = path.replace('/content', '')
    if (this.#parts.isPlain && url.startsWith('/freshest')) return notFound
    const told = await this.#face.inject({ method: method as 'GET', url, headers: { ...headers } })
    if (!this.isUp) return null
    const answered: Record<string, string> = {
      // What a server's clock says.
      date: new Date(this.#now()).toUTCString(),
    }
    for (const [name, value] of Object.entries(told.headers)) {
      if (name !== 'date' && !(this.#parts.isPlain && name === 'roundelay-content'))
        answered[name] = String(value)
    }
    const answer = { status: told.statusCode, headers: answered, bytes: told.rawPayload }
    return this.#parts.tamper?.(url, answer) ?? answer
  }

  async close(): Promise<void> {
    this.kill()
    await this.#face.close()
    this.db.close()
  }

  #now(): number {
    return this.#parts.clock.now() + this.skewMs
  }

  #routes(web: FastifyInstance): void {
    contentRoutes(web, {
      store: following(() => this.#alive.content),
      blobs: following(() => this.#alive.blobs),
      deploying: null,
      snapshots: following(() => this.#alive.snapshots),
      status: () => ({ state: this.#alive.catchingUp.state, lastSyncWithDaoMs: 0 }),
      onNews: () => () => undefined,
      about: {
        version: '0',
        commitHash: '',
        ethNetwork: 'mainnet',
        challengeText: this.name,
        types: null,
      },
      log: silentLog,
      clock: this.#parts.clock,
    })
  }

  #make(): Life {
    const { clock: time, others, ...parts } = this.#parts
    const { db, disk } = this
    return beginLife({
      ...parts,
      time,
      others,
      db,
      disk,
      kept: this.#kept,
      skewMs: () => this.skewMs,
    })
  }
}

const never = new AbortController().signal
const notFound: Told = { status: 404, headers: {}, bytes: Buffer.from('Not found') }
