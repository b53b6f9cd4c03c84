import { planWeights } from '../../engine/policy.ts'
import type { NewPeer } from '../../engine/registry.ts'
import type { Transaction } from './sql.ts'

/** A peer as a source that is its own owner, made or changed; returns the numbers of both. */
export async function putPeer(
  tx: Transaction,
  { name, kind, address, settings, intervalMs }: NewPeer,
): Promise<{ readonly id: number; readonly ownerId: number }> {
  // One that was removed leaves its owner behind.
  await tx.run(
    `insert into owner (name, plan, weight, is_peer) values (?, 'free', ?, 1) on conflict do nothing`,
    name,
    planWeights.free,
  )
  const added = await tx.get<{ id: number; owner_id: number }>(
    `insert into source (owner_id, name, kind, address, settings, interval_ms, due_ms, list_pool)
     select id, ?1, ?2, ?3, ?4, ?5, ?6, 'peer' from owner where name = ?1 and is_peer = 1
     on conflict (owner_id, name) do update set address = excluded.address, settings = excluded.settings,
       interval_ms = excluded.interval_ms
     returning id, owner_id`,
    name,
    kind,
    address,
    JSON.stringify(settings),
    intervalMs,
    tx.nowMs,
  )
  if (added === undefined) throw new Error('assertion failed: what was inserted is there')
  return { id: added.id, ownerId: added.owner_id }
}
