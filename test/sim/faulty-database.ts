import { Database, type Statement, type SqlValue } from '../../src/store/sqlite/database.ts'

/** What a process that is killed throws from where it was: nobody lives to catch it. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

/** Gives another text for a statement, as a planted fault; null where it has nothing to say. */
export type Rewrite = (sql: string) => string | null

/** A database that is killed between two statements, is full for a while, or does not do what it was told. */
export class FaultyDatabase extends Database {
  /** Statements run so far. */
  statements = 0
  /** Before this statement the process dies; nothing runs after it. */
  killAt = Number.POSITIVE_INFINITY
  /** Whether the disk is full: whoever wants to write is refused. */
  isFull = false
  /** Whether the fault that was planted has come to bear at all. */
  isRewritten = false
  readonly rewrite: Rewrite | null
  readonly #prepared = new Map<string, Statement<unknown>>()
  /** What being killed is; a real process has a harder way. */
  kill = (sql: string): void => {
    throw new Killed(`killed before: ${sql}`)
  }

  constructor(path: string, rewrite: Rewrite | null = null) {
    super(path)
    this.rewrite = rewrite
  }

  override prepare<Row = Record<string, SqlValue>>(sql: string): Statement<Row> {
    let statement = this.#prepared.get(sql)
    if (statement === undefined) {
      statement = this.#watched(this.#rewritten(sql))
      this.#prepared.set(sql, statement)
    }
    return statement as Statement<Row>
  }

  #watched(sql: string): Statement<unknown> {
    const statement = super.prepare<unknown>(sql)
    return {
      run: (...values) => this.#ran(sql, () => statement.run(...values)),
      get: (...values) => this.#ran(sql, () => statement.get(...values)),
      all: (...values) => this.#ran(sql, () => statement.all(...values)),
      columns: statement.columns,
    }
  }

  override exec(sql: string): void {
    // The parent's constructor calls this before there is anything of our own.
    if (this.statements === undefined) super.exec(sql)
    else this.#ran(sql, () => super.exec(sql))
  }

  /** What the operating system does for a process that is gone: its lock falls, what it had not committed is nothing. */
  die(): void {
    this.killAt = 0
    try {
      super.exec('rollback')
    } catch {
      // It was killed between two transactions.
    }
    this.close()
  }

  /** The same where the next process goes on with this very connection: nothing runs until it begins. */
  doze(): void {
    this.killAt = 0
  }

  revive(): void {
    if (this.isTransaction) super.exec('rollback')
    this.statements = 0
    this.killAt = Number.POSITIVE_INFINITY
    this.isFull = false
  }

  #rewritten(sql: string): string {
    const text = this.rewrite?.(sql) ?? null
    if (text === null) return sql
    this.isRewritten = true
    return text
  }

  #ran<T>(sql: string, run: () => T): T {
    this.statements++
    if (this.statements >= this.killAt) this.kill(sql)
    // A real disk is full in the middle of things: reading and beginning still work.
    if (this.isFull && /^\s*(?:insert|update|delete|commit)/.test(sql)) throw fullDisk()
    return run()
  }
}

function fullDisk(): Error {
  return Object.assign(new Error('database or disk is full'), { errcode: 13 })
}
