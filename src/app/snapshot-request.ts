import { randomUUID } from 'node:crypto'
import { SyncError } from '../base/errors.ts'
import { answeredFact, askedFact } from '../content/snapshots/snapshots.ts'
import { SqlLeases } from '../store/sql/content/leases.ts'
import type { ContentNode } from './content-node.ts'
import { upkeepLease } from './content-upkeep.ts'
import type { Core } from './core.ts'

/** What is asked for is waited for so long, and looked for so often, in milliseconds. */
const patienceMs = 600_000
const lookMs = 200

/** Has snapshots written now: by the process that works on the database, or by this one where none does. */
export async function requestSnapshots(node: ContentNode, core: Core): Promise<void> {
  const { database } = core
  const right = await database.tryTakeWork()
  try {
    // On a server there is work for everybody: whether somebody is a node there, the lease alone tells.
    const isOthers = right === null || database.sql.isShared
    if (isOthers && (await isAnswered(node, core))) return
    if (right !== null) return await node.snapshots.writeNow()
  } finally {
    right?.release()
  }
  throw new SyncError(
    'bad-input',
    'The process that works on this database is no content node: start it with --content.',
  )
}

/** False: there is no node, or none any more. */
async function isAnswered({ store }: ContentNode, { database, clock }: Core): Promise<boolean> {
  const leases = new SqlLeases({ db: database.sql })
  const token = randomUUID()
  const endMs = clock.elapsed() + patienceMs
  await store.setFact(askedFact, token)
  while (await leases.isHeld(upkeepLease)) {
    if ((await store.fact(answeredFact)) === token) return true
    if (clock.elapsed() > endMs) {
      const message =
        'The node that works on this database has not written snapshots in ten minutes.'
      throw new SyncError('timeout', `${message} Its log says why.`)
    }
    await clock.sleep(lookMs)
  }
  return false
}
