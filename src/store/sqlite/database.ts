import {
  DatabaseSync,
  type DatabaseSyncInstance,
  type StatementSyncInstance,
} from '@photostructure/sqlite'
import { SyncError, type ErrorCode } from '../../base/errors.ts'

/** What SQLite takes and gives. Integers beyond 2^53 never occur here. */
export type SqlValue = string | number | null | Uint8Array

export interface Statement<Row> {
  run(...values: readonly SqlValue[]): { changes: number; lastId: number }
  get(...values: readonly SqlValue[]): Row | undefined
  all(...values: readonly SqlValue[]): Row[]
  /** What its rows hold, in order; `type` as the table declares it, null of what is computed. Nothing: it gives no rows. */
  readonly columns: readonly Column[]
}

export interface Column {
  readonly name: string
  readonly type: string | null
}

/**
 * The driver behind a few lines: prepared statements kept by their text, transactions, savepoints.
 * WAL and synchronous=FULL: what was committed survives a loss of power.
 */
export class Database {
  readonly #driver: DatabaseSyncInstance
  readonly #statements = new Map<string, Statement<unknown>>()

  constructor(path: string) {
    this.#driver = new DatabaseSync(path)
    // First, or two who open a new file at the same time meet a locked one.
    this.exec('pragma busy_timeout = 10000')
    this.exec('pragma journal_mode = wal')
    this.exec('pragma synchronous = full')
    this.exec('pragma foreign_keys = on')
    // KiB; what is asked for again and again fits in, and a large library costs no more memory than a small one.
    this.exec('pragma cache_size = -16384')
    this.exec('pragma temp_store = memory')
    // Pages; each checkpoint waits for the disk twice more, so they come once in 16 MiB.
    this.exec('pragma wal_autocheckpoint = 4096')
  }

  /** Only for texts that the code itself holds: each one is prepared once and kept. */
  prepare<Row = Record<string, SqlValue>>(sql: string): Statement<Row> {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = wrapped(this.#driver.prepare(sql))
      this.#statements.set(sql, statement)
    }
    // A row has the shape its SQL text gives it; the text stands beside the type.
    return statement as Statement<Row>
  }

  exec(sql: string): void {
    this.#driver.exec(sql)
  }

  /** All of `work` or nothing of it. Takes the one write lock of the file at once, so nothing read inside can be stale. */
  transaction<T>(work: () => T): T {
    this.prepare('begin immediate').run()
    try {
      const result = work()
      this.prepare('commit').run()
      return result
    } catch (error) {
      throw this.#undone(error)
    }
  }

  /** The same of work that waits: nobody else may use this connection until it ends. */
  async transactionOf<T>(work: () => Promise<T>): Promise<T> {
    this.prepare('begin immediate').run()
    try {
      const result = await work()
      this.prepare('commit').run()
      return result
    } catch (error) {
      throw this.#undone(error)
    }
  }

  #undone(error: unknown): unknown {
    if (this.#driver.isTransaction) this.exec('rollback')
    return storageTrouble(error) ?? error
  }

  /** All of `work` or nothing of it, inside a transaction that goes on either way. */
  async savepointOf<T>(work: () => Promise<T>): Promise<T> {
    this.prepare('savepoint part').run()
    try {
      const result = await work()
      this.prepare('release part').run()
      return result
    } catch (error) {
      // Some errors (disk full) have ended the whole transaction already.
      if (!this.#driver.isTransaction) throw error
      this.exec('rollback to part')
      this.exec('release part')
      throw error
    }
  }

  /** A transaction is under way: what is read now may never have been. */
  get isTransaction(): boolean {
    return this.#driver.isTransaction
  }

  /** Grows whenever another connection commits. */
  get dataVersion(): number {
    return this.prepare<{ data_version: number }>('pragma data_version').get()?.data_version ?? 0
  }

  close(): void {
    this.#statements.clear()
    this.#driver.close()
  }
}

function wrapped(statement: StatementSyncInstance): Statement<unknown> {
  return {
    run: (...values) => {
      const { changes, lastInsertRowid } = statement.run(...values)
      return { changes, lastId: Number(lastInsertRowid) }
    },
    get: (...values) => statement.get(...values),
    all: (...values) => statement.all(...values),
    get columns() {
      return statement.columns().map(({ name, type }) => ({ name, type }))
    },
  }
}

/** Result codes of SQLite that speak of the disk and the file, not of a statement (https://sqlite.org/rescode.html). */
const troubles: ReadonlyMap<number, ErrorCode> = new Map([
  [5, 'database'],
  [8, 'database'],
  [10, 'database'],
  [11, 'database'],
  [13, 'disk-full'],
  [14, 'database'],
  [26, 'database'],
])

/**
 * SQLITE_IOERR_WRITE and SQLITE_IOERR_SHMSIZE: what SQLite makes of every refusal to write but the plainest one. A
 * quota that is used up, a limit on the size of files and no room for its shared memory say it, and a disk in trouble.
 */
const refusedWrites: ReadonlySet<number> = new Set([778, 4874])

/** What is wrong with the place where the database is, if that is what an error says; null for all others. */
export function storageTrouble(error: unknown): SyncError | null {
  if (!(error instanceof Error) || !('errcode' in error)) return null
  const errcode = Number(error.errcode)
  const code = refusedWrites.has(errcode) ? 'disk-full' : troubles.get(errcode & 0xff)
  if (code === undefined) return null
  return new SyncError(code, `The database could not be written: ${error.message}.`, {
    cause: error,
  })
}
