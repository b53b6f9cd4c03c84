import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { asSyncError, SyncError } from '../base/errors.ts'
import { hasKeyFile, loadKeyFile, masterKeyFrom, type KeyFile } from '../store/key-file.ts'
import type { SqlDatabase } from '../store/sql/sql.ts'
import { Vault } from '../store/vault.ts'
import type { Config } from './config.ts'

/** What opens the stored passwords. */
export interface MasterKey {
  readonly vault: Vault
  /** The key file that a shared database was bound to just now; null: it was bound before, or needs not be. */
  readonly firstFile: string | null
}

/**
 * The master key of this process: ROUNDELAY_KEY, or the file in the data folder, which is made if there is none.
 *
 * Several machines that share a database need the same one: one with another would fail at every password. So the first
 * leaves a sealed word behind, and the database is bound to its key. Throws `bad-key` where that word does not open, and
 * leaves no key file that was not there: a key that opens nothing would be taken for one that does.
 */
export async function openMasterKey(db: SqlDatabase, config: KeyConfig): Promise<MasterKey> {
  if (!db.isShared) return { vault: vaultOf(await keyOf(config)), firstFile: null }
  const path = keyPath(config)
  const bound = await boundWord(db)
  if (bound !== null && config.key === null && !(await hasKeyFile(path))) throw noKey(path)
  const file = await keyOf(config)
  const vault = vaultOf(file)
  try {
    vault.open(bound ?? (await bind(db, vault)), context)
  } catch (error) {
    if (asSyncError(error).code !== 'bad-key') throw error
    // Another machine was quicker.
    if (file.isNew) await rm(path, { force: true })
    throw otherKey(config, error)
  }
  return { vault, firstFile: bound === null && config.key === null ? path : null }
}

/**
 * Binds a shared database to the key of this process, whatever it was bound to. Passwords that it does not open stay as
 * they are: they open again if the key that they were sealed with is adopted again.
 */
export async function adoptMasterKey(db: SqlDatabase, config: KeyConfig): Promise<MasterKey> {
  const vault = vaultOf(await keyOf(config))
  if (db.isShared) {
    await db.run(
      `insert into setting (name, value) values ('key', ?)
       on conflict (name) do update set value = excluded.value`,
      vault.seal('roundelay', context),
    )
  }
  return { vault, firstFile: null }
}

type KeyConfig = Pick<Config, 'key' | 'dataFolder'>

/** Nobody's secret: it only shows which master key a database is bound to. */
const context = { ownerId: 0, sourceId: 0, field: 'key check' } as const

/** The key file of a data folder. */
export function keyPath({ dataFolder }: KeyConfig): string {
  return join(dataFolder, 'key')
}

async function keyOf(config: KeyConfig): Promise<KeyFile> {
  if (config.key === null) return loadKeyFile(keyPath(config))
  try {
    return { key: masterKeyFrom(config.key), isNew: false }
  } catch (error) {
    const what = config.key.trim() === '' ? 'is empty' : 'holds no key'
    throw new SyncError('bad-key', `ROUNDELAY_KEY ${what}. ${asSyncError(error).message}`)
  }
}

function vaultOf({ key }: KeyFile): Vault {
  return new Vault({ keys: [key] })
}

async function boundWord(db: SqlDatabase): Promise<Uint8Array | null> {
  const row = await db.get<{ value: Uint8Array }>(`select value from setting where name = 'key'`)
  return row?.value ?? null
}

/** Gives the word of whoever was first. */
async function bind(db: SqlDatabase, vault: Vault): Promise<Uint8Array> {
  const word = vault.seal('roundelay', context)
  await db.run(`insert into setting (name, value) values ('key', ?) on conflict do nothing`, word)
  return (await boundWord(db)) ?? word
}

function noKey(path: string): SyncError {
  return new SyncError(
    'bad-key',
    `The database is bound to a master key, and this machine has none: ${howToGive(path)}`,
  )
}

function otherKey(config: KeyConfig, cause: unknown): SyncError {
  const path = keyPath(config)
  const place = config.key === null ? path : 'ROUNDELAY_KEY'
  return new SyncError(
    'bad-key',
    `The database was begun with another master key: not with the one in ${place}: ${howToGive(path)}`,
    { cause },
  )
}

function howToGive(path: string): string {
  return `copy the file "key" of a machine that works to ${path}, or give what it holds as ROUNDELAY_KEY.`
}
