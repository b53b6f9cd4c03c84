import { seededRandom, type Random } from '../../src/base/random.ts'
import { compareEntities } from '../../src/content/entity.ts'
import type { SeenEntity } from '../../src/store/memory/content-rows.ts'
import type { SignedEntity } from '../content/signer.ts'
import { deploymentOf } from '../http/content-node.ts'
import { Killed } from '../sim/faulty-database.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { marksOf, type ContentKeeping } from './content-keeping.ts'
import type { Told, Weather } from './link.ts'
import type { Spoiling } from './peer-sources.ts'
import { pollMs, SimNode } from './sim-node.ts'

export interface NetworkParts {
  readonly seed: number
  readonly keeping: ContentKeeping
  readonly spoiling?: Spoiling
  /** By the name of a node; none unless told otherwise. */
  readonly isPlain?: (name: string) => boolean
  /** Each follows the one before it and the one behind it alone: nothing comes by two ways. */
  readonly isLine?: boolean
  /** What becomes of an answer of a node on its way: a node that lies. */
  readonly tamper?: (name: string, path: string, told: Told) => Told
}

/** A Tuesday: snapshots of whole days lie behind it. */
const beginMs = Date.UTC(2023, 10, 14, 22, 13)
const dayMs = 86_400_000
const everMs = { init: 0, end: Number.MAX_SAFE_INTEGER }

/** Nodes, the links between each two of them, and one clock that moves when everybody waits. */
export class Network {
  readonly clock = new VirtualClock(beginMs)
  readonly nodes = new Map<string, SimNode>()
  /** What a node has taken from a client: never to be lost. */
  readonly accepted: SignedEntity[] = []
  readonly random: Random
  readonly #parts: NetworkParts
  readonly #weathers = new Map<string, Weather>()

  constructor(parts: NetworkParts) {
    this.#parts = parts
    this.random = seededRandom(parts.seed)
  }

  /** A node more, which follows all others as they follow it. The first one has nobody to catch up with. */
  async join(name: string): Promise<SimNode> {
    const { keeping, spoiling, tamper, isPlain = () => false } = this.#parts
    const { clock, random, nodes } = this
    const node = new SimNode({
      name,
      clock,
      random,
      keeping,
      isPlain: isPlain(name),
      isFirst: nodes.size === 0,
      others: nodes,
      weather: (from, to) => this.weather(from, to),
      ...(spoiling === undefined ? {} : { spoiling }),
      ...(tamper === undefined ? {} : { tamper: (path, told) => tamper(name, path, told) }),
    })
    nodes.set(name, node)
    await this.during(node.begin())
    await this.#befriend(node)
    return node
  }

  /** Follows those next to it, as they follow it: in a line the one before and the one behind, otherwise all. */
  async #befriend(node: SimNode): Promise<void> {
    const all = [...this.nodes.values()]
    const at = all.indexOf(node)
    for (const [index, other] of all.entries()) {
      if (other === node || (this.#parts.isLine === true && Math.abs(index - at) > 1)) continue
      await this.during(node.follow(other.name))
      if (other.isUp) await this.during(other.follow(node.name))
    }
  }

  weather(from: string, to: string): Weather {
    const link = `${from} ${to}`
    let weather = this.#weathers.get(link)
    if (weather === undefined) {
      weather = { isCut: false, delayMs: 20, trouble: 0 }
      this.#weathers.set(link, weather)
    }
    return weather
  }

  /** Cuts a node off from all others, or joins it to them again. */
  isolate(name: string, isCut: boolean): void {
    for (const other of this.nodes.keys()) {
      this.weather(name, other).isCut = isCut
      this.weather(other, name).isCut = isCut
    }
  }

  node(name: string): SimNode {
    const node = this.nodes.get(name)
    if (node === undefined) throw new Error(`there is no node ${name}`)
    return node
  }

  /** Deploys on a node as a client does; a refusal is the client's trouble. */
  async deploy(name: string, signed: SignedEntity): Promise<boolean> {
    const node = this.node(name)
    if (!node.isUp) return false
    let isTaken = false
    const deployed = node.deploy(signed).then(
      () => (isTaken = true),
      () => undefined,
    )
    await this.clock.runUntil(() => isTaken || !node.isUp, 60_000)
    if (node.isUp) await deployed
    if (isTaken) this.accepted.push(signed)
    return isTaken
  }

  /** Lets time pass until it is done, or its process is dead. */
  async during(work: Promise<unknown>): Promise<void> {
    let isDone = false
    let failure: unknown = null
    const ended = work.then(
      () => (isDone = true),
      (error: unknown) => {
        failure = error
        isDone = true
      },
    )
    await this.clock.runUntil(() => isDone, 3_600_000)
    if (isDone) await ended
    // Whoever died over it is looked after by whoever watches him.
    if (failure !== null && !(failure instanceof Killed)) throw failure
  }

  async pass(ms: number): Promise<void> {
    await this.clock.runUntil(() => false, ms)
  }

  async restart(name: string): Promise<void> {
    const node = this.node(name)
    node.kill()
    await this.during(node.begin())
    await this.#befriend(node)
  }

  /** All is well from now on. */
  async heal(): Promise<void> {
    for (const weather of this.#weathers.values()) {
      Object.assign(weather, { isCut: false, delayMs: 20, trouble: 0 })
    }
    for (const node of this.nodes.values()) {
      node.skewMs = 0
      node.spare()
      if (!node.isUp) await this.restart(node.name)
    }
  }

  /** Waits until nodes agree, or for so many polls. Gives what they do not agree on. */
  async settle(look: () => Promise<readonly string[]>, polls = 16): Promise<readonly string[]> {
    let differences: readonly string[] = []
    for (let n = 0; n < polls; n++) {
      await this.pass(pollMs + 60_000)
      differences = await look()
      if (differences.length === 0) return []
    }
    return differences
  }

  /** Where active sets are not what everything that was ever seen makes of them, or lack content. */
  async activeFaults(): Promise<readonly string[]> {
    const seen = await this.#seen()
    const expected = seen
      .filter((entity) => !seen.some((other) => isKilledBy(entity, other)))
      .map(({ entityId }) => entityId)
      .sort()
    const faults: string[] = []
    for (const node of this.nodes.values()) {
      const active = await node.store.activeIn(everMs, null, 10_000)
      const ids = active.map(({ entityId }) => entityId).sort()
      const lost = expected.filter((id) => !ids.includes(id))
      const wrong = ids.filter((id) => !expected.includes(id))
      if (lost.length > 0) faults.push(`${node.name} lacks ${lost.join()}`)
      if (wrong.length > 0) faults.push(`${node.name} takes ${wrong.join()} for active`)
      faults.push(...(await this.#missingContent(node, ids)))
    }
    return faults
  }

  async #missingContent(node: SimNode, ids: readonly string[]): Promise<string[]> {
    const files = await node.store.activeByIds(ids)
    const hashes = files.flatMap(({ bytes }) => hashesIn(bytes))
    const sizes = await node.blobs.sizes(hashes)
    return hashes
      .filter((hash) => !sizes.has(hash))
      .map((hash) => `${node.name} lacks the content ${hash}`)
  }

  /** Where marks are not the greatest of everything that was ever seen. */
  async markFaults(): Promise<readonly string[]> {
    const expected = marksOf(await this.#seen()).join('\n')
    const faults: string[] = []
    for (const node of this.nodes.values()) {
      const marks = (await node.marks()).join('\n')
      if (marks !== expected) faults.push(`${node.name} marks\n${marks}\nand not\n${expected}`)
    }
    return faults
  }

  /** Failed deployments and troubles that are left. */
  async owedFaults(): Promise<readonly string[]> {
    const faults: string[] = []
    for (const node of this.nodes.values()) {
      const failures = await node.store.failures({ offset: 0, limit: 10 })
      for (const { entityId, description } of failures) {
        faults.push(`${node.name} has not deployed ${entityId}: ${description}`)
      }
      if (!node.hasCaughtUp) faults.push(`${node.name} has not caught up`)
    }
    return faults
  }

  /** Writes snapshots on all nodes: equal sets have to give equal files. */
  async snapshotFaults(): Promise<readonly string[]> {
    // At one and the same day.
    const lists = new Map<string, string[]>()
    await this.pass(dayMs - (this.clock.now() % dayMs) + 1)
    for (const node of this.nodes.values()) {
      await this.during(node.snapshots.writeNow())
      const list = node.snapshots.offered?.list ?? []
      const text = list.map(({ hash, range }) => `${range.init} ${hash}`).join('\n')
      lists.set(text, [...(lists.get(text) ?? []), node.name])
    }
    return lists.size === 1 ? [] : [`snapshots differ: ${JSON.stringify([...lists])}`]
  }

  async close(): Promise<void> {
    for (const node of this.nodes.values()) await node.close()
  }

  /** What clients were told is deployed, and whatever else came in before a process died. */
  async #seen(): Promise<readonly SeenEntity[]> {
    const seen = new Map<string, SeenEntity>()
    for (const signed of this.accepted) {
      const { entityId, type, pointers, timestamp } = deploymentOf(signed)
      seen.set(entityId, { entityId, type, pointers, timestamp })
    }
    for (const node of this.nodes.values()) {
      const { rows: changes } = await node.store.changes({
        types: [],
        sortBy: 'local',
        order: 'asc',
        offset: 0,
        limit: 10_000,
      })
      for (const { entityId, type, pointers, timestamp } of changes) {
        seen.set(entityId, { entityId, type, pointers, timestamp })
      }
    }
    return [...seen.values()]
  }
}

function isKilledBy(entity: SeenEntity, other: SeenEntity): boolean {
  return (
    other.type === entity.type &&
    compareEntities(other, entity) > 0 &&
    other.pointers.some((pointer) => entity.pointers.includes(pointer))
  )
}

function hashesIn(file: Uint8Array): string[] {
  const { content } = JSON.parse(Buffer.from(file).toString()) as { content: { hash: string }[] }
  return content.map(({ hash }) => hash)
}
