import type { Clock } from '../base/clock.ts'
import { Semaphore } from '../base/semaphore.ts'
import type { ContentBlobs, Received } from './blobs.ts'
import type { ContentStore } from './content-store.ts'
import { Refused, type Deploying, type Upload } from './deploying.ts'
import type { Deployment, Entity, EntityType } from './entity.ts'
import type { Examined, Examiner } from './examiner.ts'
import { type Comer, GroupCommit } from './group-commit.ts'
import type { News } from './news.ts'
import { readEntity, tooBigErrors } from './rules/entity-file.ts'
import type { RateLimit } from './rules/rate-limit.ts'
import { type DeploymentWindow, windowErrors } from './rules/window.ts'

export interface DeployerParts {
  readonly store: Pick<ContentStore, 'known' | 'pointless' | 'overtaken' | 'deploy'>
  readonly blobs: Pick<ContentBlobs, 'hold'>
  readonly examiner: Examiner
  readonly rateLimit: RateLimit
  readonly window: DeploymentWindow
  /** Kinds that this node holds. */
  readonly types: ReadonlySet<EntityType>
  readonly clock: Clock
  readonly news: News
}

/** Entity files too big for a row that are in memory at the same time; more wait. */
const maxBigFiles = 4

/** What clients of this node deploy (ADR-51): the rules that hold for them alone, then those that hold everywhere. */
export class Deployer implements Deploying {
  readonly #parts: DeployerParts
  readonly #commit: GroupCommit
  readonly #bigFiles = new Semaphore(maxBigFiles)
  /** Pointers, with their type, of what is being deployed. */
  readonly #busy = new Set<string>()

  constructor(parts: DeployerParts) {
    this.#parts = parts
    this.#commit = new GroupCommit(parts)
  }

  async deploy(upload: Upload, signal: AbortSignal): Promise<number> {
    try {
      return (await this.#deployedMs(upload)) ?? (await this.#read(upload, signal))
    } catch (error) {
      await Promise.all(upload.files.map((file) => file.drop()))
      throw error
    }
  }

  /** When it was deployed, if it was; then its files are not needed. */
  async #deployedMs({ entityId, files }: Upload): Promise<number | undefined> {
    const localMs = (await this.#parts.store.known([entityId])).get(entityId)
    if (localMs !== undefined) await Promise.all(files.map((file) => file.drop()))
    return localMs
  }

  /** Nothing is published before all was looked at. */
  async #read(upload: Upload, signal: AbortSignal): Promise<number> {
    const own = upload.files.find(({ hash }) => hash === upload.entityId)
    if (own === undefined) throw new Refused(['Failed to find the entity file.'])
    const errors = tooBigErrors(own.size)
    if (errors.length > 0) throw new Refused(errors)
    if (own.bytes !== null) return this.#deploy(own.bytes, upload, signal)
    const leave = await this.#bigFiles.enter(signal, `Reading ${own.hash}`)
    try {
      return await this.#deploy(await own.read(), upload, signal)
    } finally {
      leave()
    }
  }

  async #deploy(file: Uint8Array, upload: Upload, signal: AbortSignal): Promise<number> {
    const { examiner } = this.#parts
    const { entityId, authChain } = upload
    const reading = readEntity(entityId, file)
    if ('errors' in reading) throw new Refused(reading.errors)
    const { entity } = reading
    this.#checkLocal(entity)
    const comer = this.#commit.announce()
    try {
      const examined = await examiner.examine({ entityId, file, authChain }, signal)
      // Only who has signed keeps others from a pointer.
      return await this.#alone(entity, () => this.#finish(examined, { upload, comer }, signal))
    } finally {
      comer.leave()
    }
  }

  /** What can be told without a question to anybody. */
  #checkLocal({ id: entityId, type, pointers, timestamp }: Entity): void {
    const { clock, window, types } = this.#parts
    if (!types.has(type)) throw new Refused([notHeld(type, types)])
    const late = windowErrors({ entityId, pointers, timestamp }, clock.now(), window)
    if (late.length > 0) throw new Refused(late)
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

  async #finish(
    { deployment, check }: Examined,
    { upload, comer }: { readonly upload: Upload; readonly comer: Comer },
    signal: AbortSignal,
  ): Promise<number> {
    if (await this.#isOld(deployment, upload)) {
      // A peer may have brought it while it was examined.
      const localMs = await this.#deployedMs(upload)
      if (localMs !== undefined) return localMs
      throw new Refused([newer(deployment)])
    }
    const limited = this.#parts.rateLimit.errors(deployment)
    if (limited.length > 0) throw new Refused(limited)
    const sizes = await this.#sizes(deployment, upload.files)
    await check({ sizes, received: upload.files }, signal)
    return this.#store(deployment, upload.files, comer)
  }

  /** Something greater was seen at all of its pointers, or at some. */
  async #isOld(deployment: Deployment, { authChain }: Upload): Promise<boolean> {
    const { store } = this.#parts
    const { entityId, type: entityType, pointers, timestamp: entityTimestamp } = deployment
    const offer = { entityId, entityType, pointers, entityTimestamp, authChain }
    const isPointless = (await store.pointless([offer])).has(entityId)
    return isPointless || (await store.overtaken([offer])).has(entityId)
  }

  /** Of all of its content that is here or came with it, in bytes. */
  async #sizes(
    { content }: Deployment,
    files: readonly Received[],
  ): Promise<ReadonlyMap<string, number>> {
    const { blobs, clock } = this.#parts
    const sizes = new Map(files.map(({ hash, size }) => [hash, size]))
    const others = content.map(({ hash }) => hash).filter((hash) => !sizes.has(hash))
    if (others.length > 0)
      for (const [hash, size] of await blobs.hold(others, clock.now())) sizes.set(hash, size)
    return sizes
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
}

function newer({ entityId, pointers }: Deployment): string {
  return `There is a newer entity pointed by one or more of the pointers you provided (entityId=${entityId} pointers=${pointers.join(',')}).`
}

function notHeld(type: EntityType, types: ReadonlySet<EntityType>): string {
  return `This node holds no entities of the type ${type}, only ${[...types].join(',')}. Please deploy it on another one.`
}
