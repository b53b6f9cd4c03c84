import type { SqlValue, Transaction, Write } from '../sql/sql.ts'
import { channel } from './notices.ts'
import type { Connection } from './connection.ts'
import type { Rows } from './prepared-query.ts'
import type { Statements } from './statements.ts'
import { databaseTrouble, isAfterFailure, isConflict } from './trouble.ts'

export interface TransactionParts {
  readonly connection: Connection
  readonly statements: Statements
  readonly nowMs: number
  /** Of each statement, in milliseconds. */
  readonly limitMs: number
  /** Its beginning, which may be under way: statements are answered after it. */
  readonly begun: Promise<unknown>
}

/** One transaction, from its beginning, which may be under way, until before its end; then it is of no use any more. */
export class PostgresTransaction implements Transaction {
  readonly nowMs: number
  readonly #parts: TransactionParts
  #conflict: unknown = null
  #failure: unknown = null
  /** It has not begun: what was asked for stands alone. */
  #unbegun: { readonly error: unknown } | null = null
  #isNotified = false
  #isOver = false
  readonly #later: Promise<unknown>[] = []

  constructor(parts: TransactionParts) {
    this.#parts = parts
    this.nowMs = parts.nowMs
    this.later(parts.begun)
    parts.begun.catch((error: unknown) => {
      this.#unbegun = { error }
    })
  }

  async all<Row>(text: string, ...values: readonly SqlValue[]): Promise<Row[]> {
    const { rows } = await this.#query(text, values)
    // A row has the shape its SQL text gives it; the text stands beside the type.
    return rows as Row[]
  }

  async get<Row>(text: string, ...values: readonly SqlValue[]): Promise<Row | undefined> {
    const [row] = await this.all<Row>(text, ...values)
    return row
  }

  async run(text: string, ...values: readonly SqlValue[]): Promise<number> {
    const { rowCount } = await this.#query(text, values)
    return rowCount
  }

  async each<Row>(
    text: string,
    rows: readonly object[],
    ...values: readonly SqlValue[]
  ): Promise<Row[]> {
    if (rows.length === 0) return []
    const { connection, statements, limitMs } = this.#parts
    const statement = statements.each(text, rows, values)
    const result = await this.#noted(() => connection.query(statement, limitMs))
    // The same.
    return result.rows as Row[]
  }

  async together(writes: readonly Write[]): Promise<void> {
    const { connection, statements, limitMs } = this.#parts
    const statement = statements.together(writes)
    if (statement !== null) await this.#noted(() => connection.query(statement, limitMs))
  }

  later(statement: Promise<unknown>): void {
    // Whoever commits is told of it.
    statement.catch(() => undefined)
    this.#later.push(statement)
  }

  /** Several statements in one text, as PostgreSQL reads them, without values. */
  async script(text: string): Promise<void> {
    const { connection, limitMs } = this.#parts
    await this.#noted(() => connection.script(text, limitMs))
  }

  async savepoint<T>(work: () => Promise<T>): Promise<T> {
    await this.script('savepoint part')
    try {
      const result = await work()
      await this.script('release part')
      return result
    } catch (error) {
      if (!this.#parts.connection.isLost) await this.script('rollback to part; release part')
      throw error
    }
  }

  async notify(): Promise<void> {
    if (this.#isNotified) return
    this.#isNotified = true
    await this.run('select pg_notify(?, ?)', channel, '')
  }

  /** Nothing more is taken. */
  end(): void {
    this.#isOver = true
  }

  /** Why all of it is to begin anew, if it is: even if whoever asked for it went on. Null: it is not. */
  get conflict(): unknown {
    return this.#conflict
  }

  /** Throws if one of the statements failed that nobody waited for. */
  async settled(): Promise<void> {
    await Promise.all(this.#later)
  }

  #query(text: string, values: readonly SqlValue[]): Promise<Rows> {
    const { connection, statements, limitMs } = this.#parts
    return this.#noted(() => connection.query(statements.query(text, values), limitMs))
  }

  #checkBegun(): void {
    if (this.#unbegun !== null) throw this.#unbegun.error
  }

  async #noted<T>(query: () => Promise<T>): Promise<T> {
    // The connection is somebody else's by now.
    if (this.#isOver) throw new Error('a statement came after the end of its transaction')
    this.#checkBegun()
    try {
      const result = await query()
      this.#checkBegun()
      return result
    } catch (error) {
      if (isConflict(error)) this.#conflict ??= error
      this.#failure ??= error
      // What was sent behind the statement that failed is told only that one did.
      throw databaseTrouble(isAfterFailure(error) ? this.#failure : error)
    }
  }
}
