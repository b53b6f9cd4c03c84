import { maxSmallBytes, type Received } from '../blobs.ts'
import { Refused } from '../deploying.ts'
import type { Deployment } from '../entity.ts'
import { mostContentBytes } from '../rules/content-rules.ts'
import type { Fetcher } from './fetcher.ts'

export interface WantedContents {
  readonly deployment: Deployment
  /** What of its content is not here. */
  readonly hashes: readonly string[]
  /** The source that offered it; null: nobody in particular. */
  readonly offeredBy: number | null
}

/** Content of one entity that is fetched at the same time. */
const atOnce = 16
/** Bytes of one file of content. */
const maxFileBytes = 104_857_600
/** Bytes of one entity's small content that are kept in memory, about; what comes behind them goes to files. */
const maxInMemory = 8_388_608

/** Bytes of memory that so much content may need. */
export function memoryFor(count: number): number {
  return Math.min(count * maxSmallBytes, maxInMemory + atOnce * maxSmallBytes)
}

/**
 * Fetches content of an entity, all of it or none: to be kept or dropped. Breaks off as soon as it is more than any rule
 * allows. Throws what the first of it failed with, or `Refused`.
 */
export async function fetchContents(
  fetcher: Pick<Fetcher, 'fetch'>,
  { deployment, hashes, offeredBy }: WantedContents,
  signal: AbortSignal,
): Promise<readonly Received[]> {
  const most = mostContentBytes(deployment)
  const maxBytes = Math.min(maxFileBytes, most)
  const fetched: Received[] = []
  const left = hashes.values()
  let total = 0
  let inMemory = 0
  const failures: unknown[] = []
  const fetchOnes = async (): Promise<void> => {
    for (const hash of left) {
      // Of what is not to be had nothing more is begun.
      if (failures.length > 0) return
      const isFile = inMemory >= maxInMemory
      const received = await fetcher.fetch({ hash, maxBytes, offeredBy, isFile }, signal)
      fetched.push(received)
      total += received.size
      inMemory += received.bytes?.length ?? 0
      if (total > most) throw new Refused([`The deployment is too big: more than ${most} bytes.`])
    }
  }
  const workers = Array.from({ length: Math.min(atOnce, hashes.length) }, fetchOnes)
  await Promise.all(workers.map((each) => each.catch((error: unknown) => failures.push(error))))
  if (failures.length === 0) return fetched
  await Promise.all(fetched.map((each) => each.drop()))
  throw failures[0]
}
