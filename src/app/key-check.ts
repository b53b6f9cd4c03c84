import { SyncError } from '../base/errors.ts'
import type { SqlDatabase } from '../store/sql/sql.ts'
import type { Vault } from '../store/vault.ts'

/** Nobody's secret: it only shows which master key a database was begun with. */
const context = { ownerId: 0, sourceId: 0, field: 'key check' } as const

/**
 * Several machines that share a database need the same master key: one with another would fail at every password. The
 * first one leaves a sealed word behind. Throws `bad-key` where it does not open.
 */
export async function checkKey(db: SqlDatabase, vault: Vault): Promise<void> {
  await db.run(
    `insert into setting (name, value) values ('key', ?) on conflict do nothing`,
    vault.seal('roundelay', context),
  )
  const kept = await db.get<{ value: Uint8Array }>(`select value from setting where name = 'key'`)
  try {
    if (kept !== undefined) vault.open(kept.value, context)
  } catch (cause) {
    throw new SyncError(
      'bad-key',
      'The database was begun with another master key: give every machine the same one, as ROUNDELAY_KEY or as the file "key" in its data folder.',
      { cause },
    )
  }
}
