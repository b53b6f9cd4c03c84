import { systemClock, type Clock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { readAddress } from '../../src/store/postgres/address.ts'
import { Connector } from '../../src/store/postgres/connector.ts'
import { postgresSchema } from '../../src/store/postgres/postgres-schema.ts'
import { PostgresSql } from '../../src/store/postgres/postgres-sql.ts'
import { TsvectorSearch } from '../../src/store/postgres/tsvector-search.ts'
import { migrate } from '../../src/store/sql/migrate.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import type { SearchIndex } from '../../src/store/sql/search-index.ts'
import type { SqlDatabase } from '../../src/store/sql/sql.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { Fts5Search } from '../../src/store/sqlite/fts5-search.ts'
import { sqliteSchema } from '../../src/store/sqlite/sqlite-schema.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { freshDatabase, type TestDatabase } from '../servers/postgres-database.ts'

export const kinds = ['SQLite', 'PostgreSQL'] as const
export type Kind = (typeof kinds)[number]

/** An empty database with its search, and a time that stands still until it is moved. */
export interface LibraryBase {
  readonly db: SqlDatabase
  readonly search: SearchIndex
  readonly time: { nowMs: number }
  close(): Promise<void>
}

export function libraryBase(kind: Kind): Promise<LibraryBase> {
  return kind === 'SQLite' ? inMemory() : onServer()
}

async function inMemory(): Promise<LibraryBase> {
  const database = new Database(':memory:')
  await migrate(sqliteSchema(database), migrations)
  const time = { nowMs: 0 }
  const db = new SqliteSql(database, clockOf(time))
  return { db, search: new Fts5Search(), time, close: async () => database.close() }
}

/** Those that nobody uses: emptying one is quicker than making one. */
const idle: Emptied[] = []
const made: Emptied[] = []

interface Emptied {
  readonly db: PostgresSql
  readonly time: { nowMs: number }
  readonly database: TestDatabase
}

async function onServer(): Promise<LibraryBase> {
  const base = idle.pop() ?? (await make())
  const close = async (): Promise<void> => {
    await base.db.transaction((tx) => tx.script(emptying))
    idle.push(base)
  }
  return { db: base.db, search: new TsvectorSearch(), time: base.time, close }
}

async function make(): Promise<Emptied> {
  const database = await freshDatabase({ name: 'library', fill })
  const time = { nowMs: 0 }
  const base = { db: open(database.url, time), time, database }
  made.push(base)
  return base
}

/** Removes the databases of this file's tests from the server. */
export async function dropBases(): Promise<void> {
  for (const { db, database } of made.splice(0)) {
    await db.close()
    await database.drop()
  }
  idle.length = 0
}

async function fill(url: string): Promise<void> {
  const db = open(url, { nowMs: 0 })
  await migrate(postgresSchema(db), migrations)
  await db.close()
}

function open(url: string, time: { nowMs: number }): PostgresSql {
  const together = { clock: systemClock, random: seededRandom(1) }
  const connector = new Connector({ address: readAddress(url), ...together })
  return new PostgresSql({ connector, ...together, time: clockOf(time), size: 3 })
}

function clockOf(time: { nowMs: number }): Clock {
  return { ...systemClock, now: () => time.nowMs }
}

const tables =
  'track_search album_search artist_search track_artist track album artist cover item source owner'
const emptying = tables
  .split(' ')
  .map((table) => `delete from ${table};`)
  .join('\n')
