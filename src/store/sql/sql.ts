/** What a statement takes. Integers beyond 2^53 never occur here; an array stands where the text says `= any(?)`. */
export type SqlValue = string | number | null | Uint8Array | readonly (string | number | null)[]

/**
 * Runs statements. They are written once, in what PostgreSQL and SQLite have in common; what they have not is
 * translated (dialect.ts). Only texts that the code itself holds are run: each is prepared once and kept.
 */
export interface Sql {
  all<Row>(text: string, ...values: readonly SqlValue[]): Promise<Row[]>
  get<Row>(text: string, ...values: readonly SqlValue[]): Promise<Row | undefined>
  /** Returns how many rows changed. */
  run(text: string, ...values: readonly SqlValue[]): Promise<number>
  /**
   * Does the same for each of `rows`: `update t set a = r.a from rows as r (id bigint, a text) where t.id = r.id`, or
   * `insert into t (a, b) select ?1, r.b from rows as r (b text)`. PostgreSQL does it in one statement, SQLite in one
   * a row. Gives what they return. Rows may hold bytes (`bytea`).
   */
  each<Row>(text: string, rows: readonly object[], ...values: readonly SqlValue[]): Promise<Row[]>
}

/** A statement that writes, and gives nothing back. */
export interface Write {
  readonly text: string
  readonly values?: readonly SqlValue[]
  /** It is done for each of these, as `Sql.each` does it; not at all if there are none. */
  readonly rows?: readonly object[]
}

/** A transaction under way. */
export interface Transaction extends Sql {
  /** The moment of it: by the clock of the database, as far as it was asked lately, where several processes share one. */
  readonly nowMs: number
  /** Writes that are nothing to each other, none to a row of another's: PostgreSQL does all of them in one statement. */
  together(writes: readonly Write[]): Promise<void>
  /**
   * A statement that nobody waits for: what is asked behind it sees it, and the transaction fails if it does. Its answer
   * is there when the transaction is committed.
   */
  later(statement: Promise<unknown>): void
  /** All of `work` or nothing of it, inside a transaction that goes on either way. */
  savepoint<T>(work: () => Promise<T>): Promise<T>
  /** Wakes all processes that share the database, once this is committed. */
  notify(): Promise<void>
}

export interface TransactionOptions {
  /** False: a loss of power may undo it. */
  readonly isDurable?: boolean
  /** It works on a great many rows: a statement may take an hour, and wait so long for others. */
  readonly isLong?: boolean
  /** The same few statements again and again, the plan of which does not depend on their values. */
  readonly isRoutine?: boolean
}

export interface SqlDatabase extends Sql {
  /** Several processes work on it at the same time. */
  readonly isShared: boolean
  /**
   * All of `work` or nothing of it. `work` may run more than once: where two transactions stood in each other's way,
   * one of them begins anew.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  now(): Promise<number>
}

/** Rows as one value of a statement: `json_to_recordset(?) as r (id bigint, name text)`. */
export function rowsOf(rows: readonly object[]): string {
  return JSON.stringify(rows)
}
