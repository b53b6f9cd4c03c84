import type { Clock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'
import type { ContentBlobs, Received } from './blobs.ts'
import type { ContentStore } from './content-store.ts'
import { Refused, type Deploying, type Upload } from './deploying.ts'
import type { Deployment, Entity } from './entity.ts'
import type { Examiner } from './examiner.ts'
import { type Comer, GroupCommit } from './group-commit.ts'
import type { News } from './news.ts'
import { readEntity } from './rules/entity-file.ts'
import type { RateLimit } from './rules/rate-limit.ts'
import { type DeploymentWindow, windowErrors } from './rules/window.ts'

export interface DeployerParts {
  readonly store: Pick<ContentStore, 'known' | 'pointless' | 'overtaken' | 'deploy'>
  readonly blobs: Pick<ContentBlobs, 'hold' | 'open'>
  readonly examiner: Examiner
  readonly rateLimit: RateLimit
  readonly window: DeploymentWindow
  readonly clock: Clock
  readonly news: News
}

/** What clients of this node deploy (ADR-51): the rules that hold for them alone, then those that hold everywhere. */
export class Deployer implements Deploying {
  readonly #parts: DeployerParts
  readonly #commit: GroupCommit
  /** Pointers, with their type, of what is being deployed. */
  readonly #busy = new Set<string>()

  constructor(parts: DeployerParts) {
    this.#parts = parts
    this.#commit = new GroupCommit(parts)
  }

  async deploy(upload: Upload, signal: AbortSignal): Promise<number> {
    try {
      return await this.#deploy(upload, signal)
    } catch (error) {
      await Promise.all(upload.files.map((file) => file.drop()))
      throw error
    }
  }

  async #deploy(upload: Upload, signal: AbortSignal): Promise<number> {
    const { store } = this.#parts
    const { entityId, files } = upload
    const known = (await store.known([entityId])).get(entityId)
    if (known !== undefined) {
      await Promise.all(files.map((file) => file.drop()))
      return known
    }
    const own = files.find(({ hash }) => hash === entityId)
    if (own === undefined) throw new Refused(['Failed to find the entity file.'])
    const file = await this.#bytesOf(own)
    const reading = readEntity(entityId, file)
    if ('errors' in reading) throw new Refused(reading.errors)
    return this.#alone(reading.entity, async () => {
      await this.#checkLocal(reading.entity, upload)
      const comer = this.#commit.announce()
      try {
        return await this.#store(await this.#examine(file, upload, signal), files, comer)
      } finally {
        comer.leave()
      }
    })
  }

  /** Two deployments of a pointer at the same time would both be told that there is nothing newer. */
  async #alone<T>({ type, pointers }: Entity, work: () => Promise<T>): Promise<T> {
    const taken = pointers.filter((pointer) => this.#busy.has(`${type} ${pointer}`))
    if (taken.length > 0) {
      const names = taken.map((pointer) => `'${pointer}'`).join(',')
      throw new Refused([
        `The following pointers are currently being deployed: ${names}. Please try again in a few seconds.`,
      ])
    }
    const places = pointers.map((pointer) => `${type} ${pointer}`)
    for (const place of places) this.#busy.add(place)
    try {
      return await work()
    } finally {
      for (const place of places) this.#busy.delete(place)
    }
  }

  async #checkLocal(entity: Entity, { authChain }: Upload): Promise<void> {
    const { store, clock, window } = this.#parts
    const { id: entityId, type: entityType, pointers, timestamp } = entity
    const offer = { entityId, entityType, pointers, entityTimestamp: timestamp, authChain }
    // Something greater was seen at all of its pointers, or at some.
    const isPointless = (await store.pointless([offer])).has(entityId)
    const isOld = isPointless || (await store.overtaken([offer])).has(entityId)
    if (isOld) throw new Refused([newer(entity)])
    const late = windowErrors({ entityId, pointers, timestamp }, clock.now(), window)
    if (late.length > 0) throw new Refused(late)
  }

  async #examine(file: Uint8Array, upload: Upload, signal: AbortSignal): Promise<Deployment> {
    const { examiner, blobs, rateLimit, clock } = this.#parts
    const { entityId, authChain, files } = upload
    const { deployment, check } = await examiner.examine({ entityId, file, authChain }, signal)
    const limited = rateLimit.errors(deployment)
    if (limited.length > 0) throw new Refused(limited)
    const sizes = new Map(files.map(({ hash, size }) => [hash, size]))
    const others = deployment.content.map(({ hash }) => hash).filter((hash) => !sizes.has(hash))
    if (others.length > 0)
      for (const [hash, size] of await blobs.hold(others, clock.now())) sizes.set(hash, size)
    await check({ sizes, received: files }, signal)
    return deployment
  }

  async #store(deployment: Deployment, files: readonly Received[], comer: Comer): Promise<number> {
    const { rateLimit, news } = this.#parts
    await Promise.all(files.map((file) => file.keep()))
    // Its own file is kept with it.
    const blobs = files.flatMap(({ hash, bytes }) =>
      bytes === null || hash === deployment.entityId ? [] : [{ hash, bytes }],
    )
    const [deployed] = await comer.deploy({
      deployments: [deployment],
      blobs,
      failures: [],
      parts: [],
    })
    if (deployed === undefined) throw new Error('assertion failed: what was deployed is told')
    rateLimit.note(deployment)
    news.tell()
    return deployed.localMs
  }

  async #bytesOf(file: Received): Promise<Uint8Array> {
    if (file.bytes !== null) return file.bytes
    await file.keep()
    const stored = await this.#parts.blobs.open(file.hash, null)
    if (stored === null)
      throw new SyncError('database', `The file ${file.hash} is not where it was put.`)
    if (stored.body instanceof Uint8Array) return stored.body
    const chunks: Uint8Array[] = []
    for await (const chunk of stored.body as AsyncIterable<Uint8Array>) chunks.push(chunk)
    return Buffer.concat(chunks)
  }
}

function newer({ id, pointers }: Entity): string {
  return `There is a newer entity pointed by one or more of the pointers you provided (entityId=${id} pointers=${pointers.join(',')}).`
}
