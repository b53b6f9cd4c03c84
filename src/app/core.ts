import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { systemClock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'
import { type Log, silentLog } from '../base/log.ts'
import { addressPolicy } from '../base/remote/address-policy.ts'
import { systemRandom } from '../base/random.ts'
import type { Operations } from '../engine/operations.ts'
import { defaultPolicy, type Policy } from '../engine/policy.ts'
import type { Registry, SourceEntry } from '../engine/registry.ts'
import type { Source } from '../engine/source.ts'
import type { TaskStore } from '../engine/task-store.ts'
import type { Catalogue } from '../library/catalogue.ts'
import { maxCoverBytes } from '../library/tags/cover.ts'
import { DiskBlobs } from '../store/blobs/disk-blobs.ts'
import { SqlCatalogue } from '../store/sql/catalogue.ts'
import { LibraryWriter } from '../store/sql/library-writer.ts'
import { SqlOperations } from '../store/sql/operations.ts'
import { SqlRegistry } from '../store/sql/registry.ts'
import { SqlTaskStore } from '../store/sql/task-store.ts'
import type { Vault } from '../store/vault.ts'
import { storageTrouble } from '../store/sqlite/database.ts'
import { Changes } from './changes.ts'
import type { Config } from './config.ts'
import type { ContentNode, ContentNodeParts } from './content-node.ts'
import { openDatabaseFile } from './database-file.ts'
import { Effects } from './effects.ts'
import { adoptMasterKey, openMasterKey } from './master-key.ts'
import { OpenSources } from './open-sources.ts'
import { isWorked, type StoreDatabase } from './store-database.ts'

/** A notice of another process may be lost: it is looked for changes all the same, this often, in milliseconds. */
const lookMs = 1_000

/** What every command needs: the stores, and a way to open sources. Does no work by itself. */
export interface Core {
  readonly config: Config
  readonly policy: Policy
  readonly clock: Clock
  readonly database: StoreDatabase
  readonly registry: Registry
  readonly operations: Operations
  readonly catalogue: Catalogue
  readonly tasks: TaskStore
  readonly library: LibraryWriter
  readonly blobs: DiskBlobs
  readonly sources: OpenSources
  readonly changes: Changes
  /** Null where this is no content node. */
  readonly content: ContentNode | null
  /** The key file that the database was bound to just now: nobody had a key before. */
  readonly firstKeyFile: string | null
  /** Opens what is not (yet) registered. */
  readonly openSource: (entry: SourceEntry, password: string | null) => Promise<Source>
  close(): Promise<void>
}

export interface CoreOptions {
  /** Changes numbers of the engine. */
  readonly policy?: Partial<Policy>
  readonly log?: Log
  /** The database is bound to the key of this process even if it was begun with another one. */
  readonly isAdopting?: boolean
}

/** Opens the stores: the data folder, made if it is not there, and its database or the one that is named. */
export async function openCore(config: Config, options: CoreOptions = {}): Promise<Core> {
  const clock = systemClock
  const database = await openDatabase(config, { clock, log: options.log ?? silentLog })
  try {
    return await coreOn(database, config, { ...options, clock })
  } catch (error) {
    await database.close()
    throw error
  }
}

async function coreOn(
  database: StoreDatabase,
  config: Config,
  extra: CoreOptions & { readonly clock: Clock },
): Promise<Core> {
  const { clock } = extra
  const { sql: db, search } = database
  const { dataFolder: folder } = config
  const policy: Policy = {
    ...defaultPolicy,
    charge: config.charge,
    slots: { ...config.slots, peer: config.content?.slots ?? 0 },
    ...extra.policy,
  }
  const openKey = extra.isAdopting === true ? adoptMasterKey : openMasterKey
  const { vault, firstFile } = await openKey(db, config)
  const library = new LibraryWriter({ db, search })
  const changes = new Changes(database, clock)
  const work = workOn(database, config, { policy, vault, library, changes })
  const openSource = sourceOpener(config, clock)
  const { registry } = work
  const content = await openContent(config, { db, registry, clock, log: extra.log ?? silentLog })
  const sources = new OpenSources({
    registry,
    open: async (entry, password) => content?.open(entry) ?? openSource(entry, password),
  })
  const blobs = new DiskBlobs({ root: join(folder, 'covers'), maxBytes: maxCoverBytes })
  return {
    config,
    policy,
    clock,
    database,
    ...work,
    catalogue: new SqlCatalogue({ db, search }),
    library,
    blobs,
    sources,
    changes,
    content,
    firstKeyFile: firstFile,
    openSource,
    close: async () => {
      await changes.stop()
      await sources.close()
      await content?.stop()
      await database.close()
    },
  }
}

interface WorkParts {
  readonly policy: Policy
  readonly vault: Vault
  readonly library: LibraryWriter
  readonly changes: Changes
}

/** Who owns what, what is to be done, and what an operator sees of it. */
function workOn(
  database: StoreDatabase,
  config: Config,
  { policy, vault, library, changes }: WorkParts,
): Pick<Core, 'registry' | 'operations' | 'tasks'> {
  const { sql: db } = database
  const together = { db, effects: new Effects(library) }
  const onChange = (): void => changes.stir()
  const nodes = { isWorked: () => isWorked(database), policy, random: systemRandom }
  return {
    registry: new SqlRegistry({ ...together, secrets: vault, onChange }),
    operations: new SqlOperations({ ...together, ...nodes, onChange }),
    tasks: new SqlTaskStore({
      ...together,
      ...nodes,
      nodeName: config.nodeName,
      ...(db.isShared ? { lookMs } : {}),
    }),
  }
}

/** What makes a content node is loaded only where there is one. */
async function openContent(
  { content, dataFolder, allowHosts }: Config,
  parts: Pick<ContentNodeParts, 'db' | 'registry' | 'clock' | 'log'>,
): Promise<ContentNode | null> {
  if (content === null) return null
  const { ContentNode } = await import('./content-node.ts')
  return new ContentNode({ ...parts, config: content, dataFolder, allowHosts })
}

async function openDatabase(
  config: Config,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<StoreDatabase> {
  const { dataFolder: folder, databaseUrl: url, connections } = config
  try {
    makeFolder(folder)
    if (url === null) return await openDatabaseFile(folder, clock)
  } catch (error) {
    if (error instanceof SyncError) throw error
    const why = error instanceof Error ? error.message : String(error)
    const trouble = storageTrouble(error)?.code ?? 'database'
    throw new SyncError(trouble, `The data folder ${folder} cannot be used: ${why}.`, {
      cause: error,
    })
  }
  // Its driver is loaded only where it is wanted.
  const { openDatabaseServer } = await import('./database-server.ts')
  return openDatabaseServer({ url, connections, clock, random: systemRandom, log })
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
