import type { Registry } from '../../engine/registry.ts'
import type { PeerProgress } from '../catching-up.ts'
import type { ContentStore } from '../content-store.ts'
import { peerKind } from './kinds.ts'

export interface PeerProgressParts {
  readonly registry: Pick<Registry, 'peers' | 'sourceStatus'>
  readonly store: Pick<ContentStore, 'openSnapshots'>
}

/**
 * A snapshot that nobody goes through just now is waited for so long, in milliseconds, since it moved or failed last. By
 * then whoever else offers it has taken it up (after a minute or two), and one that failed has been tried again several
 * times: nobody waits for ever for what a peer that is down has, or for what is no good.
 */
export const abandonedMs = 300_000

/**
 * How far each peer is. A round of a peer ends well also where a snapshot of it is left to another one, or could not be
 * gone through: as long as there is such a snapshot, nobody is caught up with.
 */
export async function peerProgress(parts: PeerProgressParts): Promise<readonly PeerProgress[]> {
  const { registry, store } = parts
  const entries = (await registry.peers()).filter(({ kind }) => kind === peerKind)
  const statuses = await Promise.all(entries.map(({ id }) => registry.sourceStatus(id)))
  const listing = new Set(
    statuses.flatMap((status) => (status?.state === 'listing' ? [status.id] : [])),
  )
  // Behind the rounds: a snapshot that a round has left was taken up before that ended.
  const isLeft = (await store.openSnapshots()).some(
    ({ sourceId, idleMs }) => idleMs < abandonedMs || (sourceId !== null && listing.has(sourceId)),
  )
  return statuses.map((status) => ({
    isCaughtUp: !isLeft && status?.lastRound?.outcome === 'clean',
    isUnwell: status === null || ['resting', 'stopped', 'paused'].includes(status.state),
  }))
}
