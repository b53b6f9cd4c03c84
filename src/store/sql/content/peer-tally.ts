import type { Deployed } from '../../../content/content-store.ts'
import type { Transaction } from '../sql.ts'

/** Counts what a source brought that was new; in the transaction that writes it, so that nothing is counted twice. */
export async function tallyTaken(
  tx: Transaction,
  sourceId: number,
  deployed: readonly Deployed[],
): Promise<void> {
  const taken = deployed.filter(({ isNew }) => isNew).length
  if (taken === 0) return
  await tx.run(
    `insert into peer_tally (source_id, taken) values (?, ?)
     on conflict (source_id) do update set taken = peer_tally.taken + excluded.taken`,
    sourceId,
    taken,
  )
}

export async function forgetTally(tx: Transaction, sourceId: number): Promise<void> {
  await tx.run('delete from peer_tally where source_id = ?', sourceId)
}
