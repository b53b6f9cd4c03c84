import { caughtUpFact } from '../content/catching-up.ts'
import type { NodeState } from '../content/deploying.ts'
import type { NodeTotals, PeerStanding } from '../content/node-facts.ts'
import { isLegacyRange } from '../content/snapshots/legacy.ts'
import { writtenFact } from '../content/snapshots/snapshots.ts'
import { attendance, type Attendance } from './attendance.ts'
import { typesFact, type ContentNode } from './content-node.ts'
import type { Core } from './core.ts'

/** A peer, with how far this node is behind it. */
export interface PeerReport extends PeerStanding {
  /** Milliseconds since all that it had was read to its end; null: it has not been yet. */
  readonly lagMs: number | null
}

/** What an operator sees of a node. Times in milliseconds since 1970. */
export interface NodeReport extends NodeTotals {
  /** False: no process has been a content node on this database yet. */
  readonly isNode: boolean
  readonly state: NodeState
  /** Those that are offered; `writtenMs`: when they were last written, null: not yet. */
  readonly snapshots: {
    readonly count: number
    readonly entities: number
    readonly writtenMs: number | null
  }
  readonly peers: readonly PeerReport[]
  readonly attendance: Pick<Attendance, 'state' | 'text'>
}

export async function nodeReport({ facts, store }: ContentNode, core: Core): Promise<NodeReport> {
  const nowMs = await core.database.sql.now()
  const snapshots = (await store.snapshots()).filter(({ range }) => !isLegacyRange(range))
  const written = await store.fact(writtenFact)
  const peers = await facts.peers()
  const { state, text } = await attendance(core)
  return {
    isNode: (await store.fact(typesFact)) !== null,
    state: (await store.fact(caughtUpFact)) === null ? 'Bootstrapping' : 'Syncing',
    ...(await facts.totals()),
    snapshots: {
      count: snapshots.length,
      entities: snapshots.reduce((sum, { count }) => sum + count, 0),
      writtenMs: written === null ? null : Number(written),
    },
    peers: peers.map((peer) => withLag(peer, nowMs)),
    attendance: { state, text },
  }
}

function withLag(peer: PeerStanding, nowMs: number): PeerReport {
  const { levelMs } = peer
  return { ...peer, lagMs: levelMs === null ? null : Math.max(0, nowMs - levelMs) }
}
