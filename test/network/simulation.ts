import { makeIdentity, signedProfile, signedScene, type SignedEntity } from '../content/signer.ts'
import { pick } from '../sim/trouble.ts'
import { Network, type NetworkParts } from './network.ts'
import type { SimNode } from './sim-node.ts'

/** Things that happen in one simulated life, one after the other. */
const events = 16

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const people = Array.from({ length: 4 }, (_, n) => makeIdentity(n))
/** Of one of them a file is too big for the database. */
const models = Array.from({ length: 4 }, (_, n) =>
  Buffer.alloc(n === 0 ? 70_000 : 300, `model ${n}`),
)

export interface SimulationParts extends NetworkParts {
  /** Dead deployments are forgotten, and not only their content. */
  readonly isForgetful?: boolean
}

/**
 * Lives one seeded life of five nodes: deployments, links that are cut or slow or break off, processes that are killed,
 * clocks that are wrong, garbage that is collected, nodes that come late. Then everything is well again, and all nodes
 * must be the same. Returns what is not; nothing if all is well.
 */
export async function simulate(parts: SimulationParts): Promise<readonly string[]> {
  const life = new SimulatedNetwork(parts)
  try {
    await life.live()
    return await life.recover()
  } catch (error) {
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)]
  } finally {
    await life.network.close().catch(() => undefined)
  }
}

class SimulatedNetwork {
  readonly network: Network
  readonly #parts: SimulationParts
  readonly #late: string[]

  constructor(parts: SimulationParts) {
    this.#parts = parts
    this.network = new Network({ isLine: parts.seed % 2 === 0, ...parts })
    const names = ['anna', 'bob', 'charlie', 'dora', 'emil']
    this.#late = names.splice(pick(this.network.random, [2, 3, 5]))
    this.#first = names
  }

  readonly #first: readonly string[]

  async live(): Promise<void> {
    const { network } = this
    for (const name of this.#first) await network.join(name)
    await network.pass(minute)
    for (let n = 0; n < events; n++) {
      await this.#revive()
      await this.#happen()
      await network.pass(
        pick(network.random, [50, 300, 2 * second, minute, 20 * minute, 2 * hour, 5 * hour, day]),
      )
    }
  }

  /** Everything is well from now on. Returns what is wrong in the end. */
  async recover(): Promise<readonly string[]> {
    const { network } = this
    for (const name of this.#late.splice(0)) await network.join(name)
    await network.heal()
    const { isPlain } = this.#parts
    const differences = await network.settle(async () => [
      ...(await network.activeFaults()),
      // Of a plain peer nobody can ask for all the dead that hold marks.
      ...(isPlain === undefined ? await network.markFaults() : []),
      ...(await network.owedFaults()),
    ])
    return differences.length > 0 ? differences : network.snapshotFaults()
  }

  get #up(): SimNode[] {
    return [...this.network.nodes.values()].filter(({ isUp }) => isUp)
  }

  /** Whoever died between two of its statements is gone; some come back at once. */
  async #revive(): Promise<void> {
    const { network } = this
    for (const node of network.nodes.values()) {
      if (!node.isUp && network.random() < 0.6) await network.restart(node.name)
    }
  }

  async #happen(): Promise<void> {
    const { network } = this
    const { random } = network
    const chance = random()
    const node = pick(random, [...network.nodes.values()])
    if (chance < 0.45) await this.#deploySome()
    else if (chance < 0.55) this.#harm()
    else if (chance < 0.6) network.isolate(node.name, random() < 0.6)
    else if (chance < 0.72) this.#kill(node)
    else if (chance < 0.82) await this.#collect()
    else if (chance < 0.86) node.skewMs = pick(random, [-40 * minute, -5 * second, 0, 10 * minute])
    else if (chance < 0.9 && node.isUp) await network.during(node.snapshots.writeNow())
    else if (chance < 0.94 && node.isUp) await network.during(node.hasten())
    else {
      const name = this.#late.shift()
      if (name !== undefined) await network.join(name)
    }
  }

  async #deploySome(): Promise<void> {
    const { network } = this
    const { random } = network
    for (let n = pick(random, [1, 3, 6]); n > 0; n--) {
      const ready = this.#up.filter(({ hasCaughtUp }) => hasCaughtUp)
      if (ready.length > 0) await network.deploy(pick(random, ready).name, this.#entity())
    }
  }

  /** Of a small world, so that most of it has to do with each other; often of one and the same moment. */
  #entity(): SignedEntity {
    const { random, clock } = this.network
    const aboutMs = clock.now() + pick(random, [-15, -5, -1, 0, 3, 10]) * minute
    const timestamp = random() < 0.5 ? aboutMs - (aboutMs % minute) : aboutMs
    const identity = pick(random, people)
    if (random() < 0.25) return signedProfile({ identity, timestamp, name: `${random()}` })
    const count = pick(random, [1, 2, 2, 3])
    const at = Math.floor(random() * 6)
    const pointers = Array.from({ length: count }, (_, n) => `${(at + n) % 6},0`)
    const files = random() < 0.6 ? { 'model.glb': pick(random, models) } : {}
    return signedScene({ identity, timestamp, pointers, files })
  }

  #harm(): void {
    const { network } = this
    const { random } = network
    const [from, to] = [0, 1].map(() => pick(random, [...network.nodes.keys()]))
    const weather = network.weather(from ?? '', to ?? '')
    weather.isCut = random() < 0.4
    weather.delayMs = pick(random, [20, 500, 30 * second])
    weather.trouble = pick(random, [0, 0.1, 0.4])
  }

  #kill(node: SimNode): void {
    const { random } = this.network
    if (random() < 0.4) node.kill()
    else node.doom(Math.floor(random() * 400))
  }

  async #collect(): Promise<void> {
    const { network } = this
    const node = pick(network.random, this.#up.length > 0 ? this.#up : [...network.nodes.values()])
    if (!node.isUp) return
    const keepDeadMs =
      this.#parts.isForgetful === false ? 1_000 * day : pick(network.random, [hour, day])
    const collected = node.collect({ graceMs: hour, keepDeadMs }).catch((error: unknown) => {
      if (node.isUp) throw error
    })
    await Promise.race([network.during(collected), collected])
  }
}
