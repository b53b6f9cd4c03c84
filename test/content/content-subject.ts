import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '../../src/base/clock.ts'
import { systemClock } from '../../src/base/clock.ts'
import type { ContentStore } from '../../src/content/content-store.ts'
import { contentRows } from '../../src/store/memory/content-rows.ts'
import { MemoryContentStore } from '../../src/store/memory/memory-content-store.ts'
import type { PostgresSql } from '../../src/store/postgres/postgres-sql.ts'
import { SqlContentStore } from '../../src/store/sql/content/content-store.ts'
import { SmallBlobs } from '../../src/store/sql/content/small-blobs.ts'
import { migrate } from '../../src/store/sql/migrate.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import type { SqlDatabase } from '../../src/store/sql/sql.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { sqliteSchema } from '../../src/store/sqlite/sqlite-schema.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { emptyTables, openPostgres } from '../contract/postgres-subject.ts'
import { freshDatabase, type TestDatabase } from '../servers/postgres-database.ts'

/** Stands still until it is moved. */
export interface Hands {
  nowMs: number
}

export function clockOf(hands: Hands): Clock {
  return { ...systemClock, now: () => hands.nowMs }
}

/** A content store under test. */
export interface ContentSubject {
  readonly hands: Hands
  readonly store: ContentStore
  /** Small content, or the file of an entity. */
  read(hash: string): Promise<Uint8Array | null>
  /** The process is gone without a word, and another one opens what it left. */
  reopen(): Promise<void>
  /** Back to nothing. */
  empty(): Promise<void>
  close(): Promise<void>
}

export type OpenContent = () => Promise<ContentSubject>

export async function contentInMemory(): Promise<ContentSubject> {
  const hands = { nowMs: 0 }
  let rows = contentRows()
  let store: ContentStore
  const reopen = async (): Promise<void> => {
    store = new MemoryContentStore({ rows, clock: clockOf(hands) })
  }
  await reopen()
  return {
    hands,
    get store() {
      return store
    },
    read: async (hash) => {
      const row = rows.deployments.find(({ deployment }) => deployment.entityId === hash)
      return row?.deployment.file ?? rows.blobs.get(hash)?.bytes ?? null
    },
    reopen,
    empty: async () => {
      rows = contentRows()
      await reopen()
    },
    close: async () => undefined,
  }
}

export async function contentInSqlite(): Promise<ContentSubject> {
  const folder = await mkdtemp(join(tmpdir(), 'content-'))
  const path = join(folder, 'node.db')
  const hands = { nowMs: 0 }
  const open = (): Database => new Database(path)
  let database = open()
  await migrate(sqliteSchema(database), migrations)
  const subject = sqlSubject(hands, new SqliteSql(database, clockOf(hands)))
  return Object.assign(subject, {
    reopen: async () => {
      database.close()
      database = open()
      subject.use(new SqliteSql(database, clockOf(hands)))
    },
    close: async () => {
      database.close()
      await rm(folder, { recursive: true })
    },
  })
}

const spare: TestDatabase[] = []

export async function contentInPostgres(): Promise<ContentSubject> {
  const place = spare.pop() ?? (await freshDatabase(emptyTables))
  const hands = { nowMs: 0 }
  const open = (): PostgresSql => openPostgres(place.url, clockOf(hands))
  let database = open()
  const subject = sqlSubject(hands, database)
  return Object.assign(subject, {
    reopen: async () => {
      await database.close()
      database = open()
      subject.use(database)
    },
    close: async () => {
      await subject.empty()
      await database.close()
      spare.push(place)
    },
  })
}

class SqlSubject {
  readonly hands: Hands
  #db: SqlDatabase

  constructor(hands: Hands, db: SqlDatabase) {
    this.hands = hands
    this.#db = db
  }

  get store(): ContentStore {
    return new SqlContentStore({ db: this.#db })
  }

  use(db: SqlDatabase): void {
    this.#db = db
  }

  async read(hash: string): Promise<Uint8Array | null> {
    return new SmallBlobs({ sql: this.#db }).read(hash)
  }

  async empty(): Promise<void> {
    await this.#db.transaction(async (tx) => {
      for (const table of tables) await tx.run(`delete from ${table}`)
      await tx.run('update content_clock set last_ms = 0, last_id = 0')
    })
  }
}

function sqlSubject(hands: Hands, db: SqlDatabase): SqlSubject {
  return new SqlSubject(hands, db)
}

const tables = [
  'deployment',
  'entity_file',
  'content_file',
  'mark',
  'small_blob',
  'failed_deployment',
  'snapshot',
  'processed_snapshot',
  'snapshot_work',
  'snapshot_part',
  'content_fact',
]
