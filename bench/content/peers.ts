/** A node that follows one peer, or many that all have the same to offer: what each new entity costs it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild, type Child } from '../child.ts'
import type { Counters } from './crossing.ts'
import { since } from './crossing.ts'
import { type Form, Deployments } from './deploying.ts'
import {
  deployedCount,
  isCaughtUp,
  openFolder,
  snapshotsReady,
  startNode,
  until,
  type Node,
} from './node.ts'

/** For each new entity, on the side of the node that follows. */
export interface Following {
  readonly peers: number
  readonly cpuMs: number
  /** Bytes of content, and of everything else that was answered. */
  readonly contentBytes: number
  readonly feedBytes: number
}

interface CrossingState {
  readonly ports: readonly number[]
  readonly traffic: Counters
}

/**
 * The peers are one node behind many addresses: it is the one that follows whose work is looked at, and to it they are
 * strangers to each other. What they offer they offer at the same moment, the worst there is.
 */
export async function follow(peers: number, forms: readonly Form[]): Promise<Following> {
  await using folder = await openFolder()
  await using other = await openFolder()
  await using source = await startNode(folder.path)
  await snapshotsReady(source.base)
  const { port, pathname } = new URL(source.base)
  await using crossing = await startChild<CrossingState>('content/crossing-process.ts', {
    target: Number(port),
    count: peers,
  })
  const { ports } = await crossing.counters()
  const bases = ports.map((each) => `http://127.0.0.1:${each}${pathname}`)
  await using node = await startNode(other.path, { peers: bases })
  await until('Catching up', () => isCaughtUp(node.base))
  await sleep(settleMs)
  return await measured({ source, node, crossing, peers }, forms)
}

interface Network {
  readonly source: Node
  readonly node: Node
  readonly crossing: Child<CrossingState>
  readonly peers: number
}

async function measured(
  { source, node, crossing, peers }: Network,
  forms: readonly Form[],
): Promise<Following> {
  await using deployments = new Deployments(source.base, inFlight)
  const [used, { traffic }] = await Promise.all([node.usage(), crossing.counters()])
  await deployments.all(forms)
  const arrived = async (): Promise<boolean> => (await deployedCount(node.base)) >= forms.length
  await until('Following', arrived, { everyMs: 50 })
  // Peers that have been heard of are still read to the end.
  await sleep(settleMs)
  const [now, { traffic: then }] = await Promise.all([node.usage(), crossing.counters()])
  const { content, feed, other } = since(traffic, then)
  return {
    peers,
    cpuMs: (now.cpuMs - used.cpuMs) / forms.length,
    contentBytes: content.bytes / forms.length,
    feedBytes: (feed.bytes + other.bytes) / forms.length,
  }
}

const inFlight = 4
/** Until everybody has read what there was. */
const settleMs = 2_000
