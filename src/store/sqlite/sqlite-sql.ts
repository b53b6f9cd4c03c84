import type { Clock } from '../../base/clock.ts'
import type { SqlDatabase, SqlValue, Transaction } from '../sql/sql.ts'
import { sqliteEach, sqliteText } from '../sql/dialect.ts'
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
  readonly #readings = new Map<string, Reading>()
  readonly #eaches = new Map<string, Each>()
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
    return this.#all<Row>(text, values)[0]
  }

  async run(text: string, ...values: readonly SqlValue[]): Promise<number> {
    while (this.#busy !== null) await this.#busy
    return this.#run(text, values)
  }

  async each<Row>(
    text: string,
    rows: readonly object[],
    ...values: readonly SqlValue[]
  ): Promise<Row[]> {
    return this.transaction((tx) => tx.each<Row>(text, rows, ...values))
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    while (this.#busy !== null) await this.#busy
    let done = (): void => undefined
    this.#busy = new Promise((resolve) => {
      done = resolve
    })
    try {
      return await this.#db.transactionOf(async () => {
        const later: Promise<unknown>[] = []
        const result = await work(this.#inside(later))
        await Promise.all(later)
        return result
      })
    } finally {
      this.#busy = null
      done()
    }
  }

  #inside(later: Promise<unknown>[]): Transaction {
    return {
      nowMs: this.#clock.now(),
      all: async (text, ...values) => this.#all(text, values),
      get: async <Row>(text: string, ...values: readonly SqlValue[]) =>
        this.#all<Row>(text, values)[0],
      run: async (text, ...values) => this.#run(text, values),
      each: async (text, rows, ...values) => this.#each(text, rows, values),
      together: async (writes) => {
        for (const { text, values = [], rows } of writes) {
          if (rows === undefined) this.#run(text, values)
          else this.#each(text, rows, values)
        }
      },
      later: (statement) => {
        statement.catch(() => undefined)
        later.push(statement)
      },
      savepoint: (work) => this.#db.savepointOf(work),
      // Whoever opens the file beside this process looks at its number of changes.
      notify: async () => undefined,
    }
  }

  #all<Row>(text: string, values: readonly SqlValue[]): Row[] {
    let reading = this.#readings.get(text)
    if (reading === undefined) {
      reading = this.#reading(sqliteText(text))
      this.#readings.set(text, reading)
    }
    // A row has the shape its SQL text gives it; the text stands beside the type.
    return reading(values.map(bound)) as Row[]
  }

  /**
   * All rows come as one JSON text: the driver takes five times as long to hand them over value by value. Only numbers
   * with a fraction and bytes do not survive that, nor does a statement that writes.
   */
  #reading(text: string): Reading {
    const statement = this.#db.prepare<unknown>(text)
    const { columns } = statement
    const isPlain = columns.every(({ type }) => type !== 'REAL' && type !== 'BLOB')
    // What gathers all of its rows in one text needs no other.
    if (!isPlain || !/^\s*(?:select (?!string_agg\()|with\b)/.test(text)) {
      return (values) => statement.all(...values)
    }
    const pairs = columns.map(({ name }) => `'${name}', "${name}"`).join(', ')
    const packed = this.#db.prepare<{ rows: string }>(
      `select json_group_array(json_object(${pairs})) as rows from (select * from (${text}) limit -1)`,
    )
    // Made by SQLite of the rows that were asked for.
    return (values) => JSON.parse(packed.get(...values)?.rows ?? '[]') as unknown[]
  }

  #run(text: string, values: readonly SqlValue[]): number {
    return this.#prepared(text).run(...values.map(bound)).changes
  }

  #each<Row>(text: string, rows: readonly object[], values: readonly SqlValue[]): Row[] {
    let each = this.#eaches.get(text)
    if (each === undefined) {
      const { text: one, columns } = sqliteEach(text, values.length)
      each = { statement: this.#db.prepare(one), columns, returns: /\breturning\b/.test(one) }
      this.#eaches.set(text, each)
    }
    const { statement, columns, returns } = each
    const bounds = values.map(bound)
    const shared = bounds.length
    const given: Row[] = []
    for (const row of rows as readonly Readonly<Record<string, Bound>>[]) {
      for (const [at, name] of columns.entries()) bounds[shared + at] = row[name] ?? null
      // A row has the shape its SQL text gives it; the text stands beside the type.
      if (returns) given.push(...(statement.all(...bounds) as Row[]))
      // Cheaper than `run`, which tells how many rows it changed.
      else statement.get(...bounds)
    }
    return given
  }

  #prepared<Row>(text: string): Statement<Row> {
    let statement = this.#statements.get(text)
    if (statement === undefined) {
      statement = this.#db.prepare<unknown>(sqliteText(text))
      this.#statements.set(text, statement)
    }
    // The same.
    return statement as Statement<Row>
  }
}

type Reading = (values: readonly Bound[]) => unknown[]

/** A statement that is run for each of several rows, with the columns of a row in the order of its values. */
interface Each {
  readonly statement: Statement<unknown>
  readonly columns: readonly string[]
  readonly returns: boolean
}

type Bound = string | number | null | Uint8Array

function bound(value: SqlValue): Bound {
  return isList(value) ? JSON.stringify(value) : value
}

function isList(value: SqlValue): value is readonly (string | number | null)[] {
  return Array.isArray(value)
}
