import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'
import { addressPolicy } from '../base/remote/address-policy.ts'
import { systemRandom } from '../base/random.ts'
import { defaultPolicy, type Policy } from '../engine/policy.ts'
import type { SourceEntry } from '../engine/registry.ts'
import type { Source } from '../engine/source.ts'
import { maxCoverBytes } from '../library/tags/cover.ts'
import { DiskBlobs } from '../store/blobs/disk-blobs.ts'
import { loadKeyFile, masterKeyFrom } from '../store/key-file.ts'
import { SqliteCatalogue } from '../store/sqlite/catalogue.ts'
import { Database, storageTrouble } from '../store/sqlite/database.ts'
import { LibraryWriter } from '../store/sqlite/library-writer.ts'
import { migrate } from '../store/sqlite/migrations.ts'
import { SqliteRegistry } from '../store/sqlite/registry.ts'
import { SqliteTaskStore } from '../store/sqlite/task-store.ts'
import { Vault } from '../store/vault.ts'
import { Changes } from './changes.ts'
import type { Config } from './config.ts'
import { OpenSources } from './open-sources.ts'

/** What every command needs: the stores, and a way to open sources. Does no work by itself. */
export interface Core {
  readonly config: Config
  readonly policy: Policy
  readonly clock: Clock
  readonly db: Database
  readonly registry: SqliteRegistry
  readonly catalogue: SqliteCatalogue
  readonly tasks: SqliteTaskStore
  readonly library: LibraryWriter
  readonly blobs: DiskBlobs
  readonly sources: OpenSources
  readonly changes: Changes
  /** Beside the database: who holds it does the work. */
  readonly lockPath: string
  /** Opens what is not (yet) registered. */
  readonly openSource: (entry: SourceEntry, password: string | null) => Promise<Source>
  close(): Promise<void>
}

/** Opens the stores in the data folder, made if it is not there. `policy` changes numbers of the engine. */
export async function openCore(config: Config, policy: Partial<Policy> = {}): Promise<Core> {
  const clock = systemClock
  const folder = config.dataFolder
  const path = join(folder, 'roundelay.db')
  const db = openDatabase(folder, path)
  const rules: Policy = { ...defaultPolicy, charge: config.charge, slots: config.slots, ...policy }
  const key = config.key === null ? loadKeyFile(join(folder, 'key')) : masterKeyFrom(config.key)
  const vault = new Vault({ keys: [await key] })
  const library = new LibraryWriter({ database: db, clock })
  const changes = new Changes(db, clock)
  const registry = new SqliteRegistry({
    db,
    clock,
    secrets: vault,
    effects: library,
    onChange: () => changes.stir(),
  })
  const tasks = new SqliteTaskStore({
    db,
    clock,
    random: systemRandom,
    policy: rules,
    effects: library,
  })
  const openSource = sourceOpener(config, clock)
  const sources = new OpenSources({ registry, open: openSource })
  const blobs = new DiskBlobs({ root: join(folder, 'covers'), maxBytes: maxCoverBytes })
  return {
    config,
    policy: rules,
    clock,
    db,
    registry,
    catalogue: new SqliteCatalogue(db),
    tasks,
    library,
    blobs,
    sources,
    changes,
    lockPath: `${path}-lock`,
    openSource,
    close: async () => {
      changes.stop()
      await sources.close()
      db.close()
    },
  }
}

function openDatabase(folder: string, path: string): Database {
  try {
    makeFolder(folder)
    const db = new Database(path)
    chmodSync(path, 0o600)
    migrate(db)
    return db
  } catch (error) {
    if (error instanceof SyncError) throw error
    const why = error instanceof Error ? error.message : String(error)
    const trouble = storageTrouble(error)?.code ?? 'database'
    throw new SyncError(trouble, `The data folder ${folder} cannot be used: ${why}.`, {
      cause: error,
    })
  }
}

/** By steps: asked for all at once, Node tries for ever where a file system says that its own root is not there (/proc). */
function makeFolder(folder: string): void {
  const missing: string[] = []
  for (let at = resolve(folder); !existsSync(at); at = dirname(at)) missing.unshift(at)
  for (const each of missing) {
    try {
      mkdirSync(each, { mode: 0o700 })
    } catch (error) {
      // Another process was quicker.
      if (!existsSync(each)) throw error
    }
  }
  if (!statSync(folder).isDirectory()) throw new Error('it is no folder')
}

/** Opens drives; private hosts only where an operator typed the address or allowed them. */
function sourceOpener(config: Config, clock: Clock): Core['openSource'] {
  const policy = addressPolicy(config.allowHosts)
  return async ({ kind, address, settings }, password) => {
    // The HTTP client takes longer to load than most commands to run.
    const { openDrive } = await import('../drives/drives.ts')
    return openDrive(
      { kind, address, user: settings.user, password, isOperators: settings.isOperators === true },
      { clock, policy },
    )
  }
}
