import { hasNodes } from '../store/sql/nodes.ts'
import type { SearchIndex } from '../store/sql/search-index.ts'
import type { SqlDatabase } from '../store/sql/sql.ts'

/** The database of the stores, opened and with its tables: a file of this machine, or a server that several share. */
export interface StoreDatabase {
  readonly sql: SqlDatabase
  readonly search: SearchIndex
  /** How it is called where a person asks; never with a password in it. */
  readonly title: string
  /** The right to do the work. Throws `busy` when another process has it and there is one only. */
  takeWork(): Promise<WorkRight>
  /** The same; null when another process does the work that need not be done twice. */
  tryTakeWork(): Promise<WorkRight | null>
  /** Calls back whenever another process may have changed something; the function that comes back ends that. */
  listen(onChange: () => void): () => Promise<void>
  /** What is broken in the files themselves, as far as that can be told; empty when all is well. */
  damage(): readonly string[]
  close(): Promise<void>
}

/** The right to do the work on a database. */
export interface WorkRight {
  release(): void
}

/** Whether some process does the work now, as far as can be told. */
export async function isWorked(database: StoreDatabase): Promise<boolean> {
  if (database.sql.isShared) return hasNodes(database.sql)
  const right = await database.tryTakeWork()
  right?.release()
  return right === null
}
