import { isThere } from './removal.ts'
import { never } from './rounds.ts'
import type { Sql, Transaction } from './sql.ts'

/**
 * A person asks for a round: it is due when the present one has ended. The source is well until it fails again; what was
 * under way when somebody looked after it has no say any more: call it with the lanes of its owner locked, or a claim that is
 * just being written has a newer fence. `isFull`: the round trusts nothing.
 */
export async function askForRound(
  tx: Transaction,
  sourceId: number,
  isFull: boolean,
): Promise<void> {
  await tx.run(
    `update source set is_asked = greatest(is_asked, ?1), health = 0, rest_until_ms = null, trips = 0,
       failures = 0, recent = 0, fence_floor = (select value from counter where name = 'fence'),
       due_ms = case when due_ms = ?2 then due_ms else ?3 end,
       cursor = case when ?1 = 2 then null else cursor end where id = ?4 and ${isThere}`,
    isFull ? 2 : 1,
    never,
    tx.nowMs,
    sourceId,
  )
}

/** What a change of a source means for its queues is found out at the next turn. */
export async function stir(tx: Sql, sourceId: number): Promise<void> {
  await tx.run(
    `insert into stirred (source_id) select id from source where id = ? and ${isThere} on conflict do nothing`,
    sourceId,
  )
}
