import type { Clock } from '../../base/clock.ts'
import type { SqlDatabase, SqlValue, Transaction } from '../sql/sql.ts'
import { sqliteText } from '../sql/dialect.ts'
import type { Database, Statement } from './database.ts'

/**
 * SQLite as a store sees it. The statements of a transaction run one after the other on the one connection; whoever
 * asks for something meanwhile waits until it is over.
 */
export class SqliteSql implements SqlDatabase {
  readonly isShared = false
  readonly #db: Database
  readonly #clock: Clock
  readonly #statements = new Map<string, Statement<unknown>>()
  /** Ends with the transaction that is under way. */
  #busy: Promise<void> | null = null

  constructor(db: Database, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  async now(): Promise<number> {
    return this.#clock.now()
  }

  async all<Row>(text: string, ...values: readonly SqlValue[]): Promise<Row[]> {
    while (this.#busy !== null) await this.#busy
    return this.#all(text, values)
  }

  async get<Row>(text: string, ...values: readonly SqlValue[]): Promise<Row | undefined> {
    while (this.#busy !== null) await this.#busy
    return this.#get(text, values)
  }

  async run(text: string, ...values: readonly SqlValue[]): Promise<number> {
    while (this.#busy !== null) await this.#busy
    return this.#run(text, values)
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    while (this.#busy !== null) await this.#busy
    let done = (): void => undefined
    this.#busy = new Promise((resolve) => {
      done = resolve
    })
    try {
      return await this.#db.transactionOf(() => work(this.#inside()))
    } finally {
      this.#busy = null
      done()
    }
  }

  #inside(): Transaction {
    return {
      nowMs: this.#clock.now(),
      all: async (text, ...values) => this.#all(text, values),
      get: async (text, ...values) => this.#get(text, values),
      run: async (text, ...values) => this.#run(text, values),
      savepoint: (work) => this.#db.savepointOf(work),
      // Whoever opens the file beside this process looks at its number of changes.
      notify: async () => undefined,
    }
  }

  #all<Row>(text: string, values: readonly SqlValue[]): Row[] {
    return this.#prepared(text).all(...values.map(bound)) as Row[]
  }

  #get<Row>(text: string, values: readonly SqlValue[]): Row | undefined {
    return this.#prepared(text).get(...values.map(bound)) as Row | undefined
  }

  #run(text: string, values: readonly SqlValue[]): number {
    return this.#prepared(text).run(...values.map(bound)).changes
  }

  #prepared(text: string): Statement<unknown> {
    let statement = this.#statements.get(text)
    if (statement === undefined) {
      statement = this.#db.prepare<unknown>(sqliteText(text))
      this.#statements.set(text, statement)
    }
    return statement
  }
}

type Bound = string | number | null | Uint8Array

function bound(value: SqlValue): Bound {
  return isList(value) ? JSON.stringify(value) : value
}

function isList(value: SqlValue): value is readonly number[] | readonly string[] {
  return Array.isArray(value)
}
