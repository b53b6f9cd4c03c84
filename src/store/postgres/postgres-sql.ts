import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { backoffMs } from '../../base/retry.ts'
import type { SqlDatabase, SqlValue, TransactionOptions } from '../sql/sql.ts'
import { type Connection, longStatementMs, statementMs } from './connection.ts'
import type { Connector } from './connector.ts'
import { Pool } from './pool.ts'
import { PostgresTransaction } from './postgres-transaction.ts'
import type { Rows } from './prepared-query.ts'
import { checkServer } from './server-check.ts'
import { ServerClock } from './server-clock.ts'
import { Statements } from './statements.ts'
import { databaseTrouble, isConflict } from './trouble.ts'

export interface PostgresParts {
  readonly connector: Connector
  /** For waiting; real even where `time` is not. */
  readonly clock: Clock
  readonly random: Random
  /** Says what time it is instead of the server: for tests that move it. */
  readonly time?: Pick<Clock, 'now'>
  /** Connections at most, `poolSize` by default. */
  readonly size?: number
}

/** Connections of a process: some answer people while others write. */
export const poolSize = 8

/**
 * PostgreSQL as a store sees it. Errors are SyncErrors where the server is the trouble, those of the driver where a
 * statement is. Where a connection breaks while a transaction is committed, nobody knows whether it was. Work in a
 * transaction asks the transaction and not the database: there it would wait for a connection that others like it hold.
 */
export class PostgresSql implements SqlDatabase {
  readonly isShared = true
  readonly #parts: PostgresParts
  readonly #pool: Pool
  readonly #statements = new Statements()
  readonly #serverClock: ServerClock

  constructor(parts: PostgresParts) {
    this.#parts = parts
    const { connector, clock, size = poolSize } = parts
    this.#pool = new Pool({ connector, clock, size })
    this.#serverClock = new ServerClock(clock)
  }

  /** Throws `database-unfit` if the server is too old, or cannot bear as many connections as this process may open. */
  async checkConnections(): Promise<void> {
    const { size = poolSize } = this.#parts
    await checkServer(this, { size, open: () => this.#pool.count })
  }

  async now(): Promise<number> {
    const { time } = this.#parts
    if (time !== undefined) return time.now()
    const row = await this.get<{ now_ms: number }>(`select ${serverTime} as now_ms`)
    return row?.now_ms ?? 0
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

  each<Row>(text: string, rows: readonly object[], ...values: readonly SqlValue[]): Promise<Row[]> {
    return this.transaction((tx) => tx.each<Row>(text, rows, ...values))
  }

  transaction<T>(
    work: (tx: PostgresTransaction) => Promise<T>,
    options: TransactionOptions = {},
  ): Promise<T> {
    return this.#tried((connection) => this.#transact(connection, work, options))
  }

  close(): Promise<void> {
    return this.#pool.close()
  }

  #query(text: string, values: readonly SqlValue[]): Promise<Rows> {
    const query = this.#statements.query(text, values)
    return this.#tried((connection) => connection.query(query))
  }

  /** Again from its beginning, a few times, when it stood in the way of another one. */
  async #tried<T>(attempt: (connection: Connection) => Promise<T>): Promise<T> {
    const { clock, random } = this.#parts
    for (let tries = 1; ; tries++) {
      const connection = await this.#pool.take()
      try {
        return await attempt(connection)
      } catch (error) {
        if (!isConflict(error) || tries === maxTries) throw databaseTrouble(error)
      } finally {
        this.#pool.give(connection)
      }
      await clock.sleep(backoffMs(tries, { baseMs: 5, maxMs: 200 }, random))
    }
  }

  async #transact<T>(
    connection: Connection,
    work: (tx: PostgresTransaction) => Promise<T>,
    options: TransactionOptions,
  ): Promise<T> {
    // What is done again and again goes on without waiting for the answer.
    const knownMs = options.isRoutine === true ? this.#serverClock.now() : null
    const begun = this.#begin(connection, options, knownMs)
    const nowMs = knownMs ?? (await begun)
    const tx = new PostgresTransaction({
      connection,
      statements: this.#statements,
      nowMs: this.#parts.time?.now() ?? nowMs,
      limitMs: options.isLong === true ? longStatementMs : statementMs,
      begun,
    })
    let result: T
    try {
      result = await work(tx)
      tx.end()
      if (tx.conflict !== null) throw tx.conflict
    } catch (error) {
      tx.end()
      await rollBack(connection)
      throw tx.conflict ?? error
    }
    // Sent at once: if a statement fails that is still under way, the server undoes all of it.
    const committed = commit(connection)
    const [settled, ended] = await Promise.allSettled([tx.settled(), committed])
    for (const end of [settled, ended])
      if (end.status === 'rejected') throw tx.conflict ?? end.reason
    return result
  }

  /** Returns the server's time, which is asked for again where it is not known or was asked for a while ago. */
  async #begin(
    connection: Connection,
    options: TransactionOptions,
    knownMs: number | null,
  ): Promise<number> {
    const clock = this.#serverClock
    const { asking } = clock
    try {
      if (knownMs !== null && clock.isFresh) {
        await connection.script(beginning(options))
        return knownMs
      }
      const results = await connection.script(
        `${beginning(options)}; select ${serverTime} as now_ms`,
      )
      const row: { readonly now_ms: number } | undefined = results.at(-1)?.rows[0]
      const serverMs = row?.now_ms ?? 0
      clock.set(serverMs, asking)
      return serverMs
    } catch (error) {
      await rollBack(connection)
      throw error
    }
  }
}

/** A transaction is begun so often. */
const maxTries = 6

/** Whole milliseconds since 1970. */
const serverTime = 'floor(extract(epoch from clock_timestamp()) * 1000)::bigint'

function beginning({
  isDurable = true,
  isLong = false,
  isRoutine = false,
}: TransactionOptions): string {
  const settings = [
    ...(isDurable ? [] : ['synchronous_commit = off']),
    // Or it would plan many of them anew each time, for what their values are.
    ...(isRoutine ? ['plan_cache_mode = force_generic_plan'] : []),
    ...(isLong
      ? [`statement_timeout = ${longStatementMs}`, `lock_timeout = ${longStatementMs}`]
      : []),
  ]
  return [
    'begin isolation level read committed',
    ...settings.map((one) => `set local ${one}`),
  ].join('; ')
}

async function commit(connection: Connection): Promise<void> {
  const [result] = await connection.script('commit')
  // Where a statement has failed the server undoes all of it, and says nothing but this.
  if (result?.command !== 'COMMIT') {
    throw new SyncError(
      'internal',
      'A statement failed, and its transaction went on as if it had not.',
    )
  }
}

async function rollBack(connection: Connection): Promise<void> {
  try {
    if (!connection.isLost) await connection.script('rollback')
  } catch {
    // What is not to be had back in order is given up; the server undoes it all the same.
    connection.drop()
  }
}
