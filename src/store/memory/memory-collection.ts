import type { Collected, CollectLimits, SweepLimits, Swept } from '../../content/content-store.ts'
import type { ContentRows, KeptDeployment } from './content-rows.ts'
import { SeenEntities } from './seen-entities.ts'

/** Whether somebody needs these bytes, who is active or died later than `sinceMs`. */
export function isNeeded(rows: ContentRows, hash: string, sinceMs: number): boolean {
  return (
    rows.snapshots.some((snapshot) => snapshot.hash === hash) ||
    rows.deployments.some(({ deployment, death }) => {
      if (deployment.entityId === hash) return true
      const isRecent = death === null || death.diedMs > sinceMs
      return isRecent && deployment.content.some((file) => file.hash === hash)
    })
  )
}

export function collectInMemory(
  rows: ContentRows,
  { graceMs, keepDeadMs, limit }: CollectLimits,
  nowMs: number,
): Collected {
  const candidates = new Set<string>()
  const swept = diedBy(rows.deployments, nowMs - graceMs, limit, false)
  for (const row of swept) {
    row.isSwept = true
    for (const { hash } of row.deployment.content) candidates.add(hash)
  }
  const holders = holdersIn(rows)
  const contents = new Set(
    rows.deployments.flatMap(({ deployment }) => deployment.content.map(({ hash }) => hash)),
  )
  const forgotten = diedBy(
    rows.deployments.filter(
      ({ deployment }) => !holders.has(deployment.entityId) && !contents.has(deployment.entityId),
    ),
    nowMs - Math.max(keepDeadMs, graceMs),
    limit,
    true,
  )
  rows.deployments = rows.deployments.filter((row) => !forgotten.includes(row))
  for (const { deployment } of forgotten) candidates.add(deployment.entityId)
  const [hashes, removed]: [string[], string[]] = [[], []]
  for (const hash of candidates) {
    if (isNeeded(rows, hash, nowMs - graceMs)) continue
    const blob = rows.blobs.get(hash)
    if (blob === undefined) hashes.push(hash)
    else if (blob.storedMs <= nowMs - graceMs) removed.push(hash)
  }
  for (const hash of removed) rows.blobs.delete(hash)
  return {
    hashes,
    blobs: removed.length,
    deployments: forgotten.length,
    isDone: swept.length < limit && forgotten.length < limit,
  }
}

export function sweepInMemory(
  rows: ContentRows,
  after: string | null,
  { graceMs, limit }: SweepLimits,
  nowMs: number,
): Swept {
  const hashes = [...rows.blobs.keys()].toSorted().filter((hash) => hash > (after ?? ''))
  const page = hashes.slice(0, limit)
  let blobs = 0
  for (const hash of page) {
    const isYoung = (rows.blobs.get(hash)?.storedMs ?? 0) > nowMs - graceMs
    if (isYoung || isNeeded(rows, hash, nowMs - graceMs)) continue
    rows.blobs.delete(hash)
    blobs++
  }
  return { blobs, last: page.length < limit ? null : (page.at(-1) ?? null) }
}

/** Whoever is the greatest of a pointer, dead or alive. */
function holdersIn({ seen }: ContentRows): ReadonlySet<string> {
  const marks = new SeenEntities([...seen])
  return new Set(seen.flatMap((entity) => marks.marks(entity).map((mark) => mark?.entityId ?? '')))
}

function diedBy(
  deployments: readonly KeptDeployment[],
  beforeMs: number,
  limit: number,
  isSwept: boolean,
): KeptDeployment[] {
  const diedMs = (row: KeptDeployment): number => row.death?.diedMs ?? Infinity
  return deployments
    .filter((row) => row.isSwept === isSwept && diedMs(row) <= beforeMs)
    .sort((a, b) => diedMs(a) - diedMs(b) || a.id - b.id)
    .slice(0, limit)
}
