import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import { SqlRegistry } from '../../src/store/sql/registry.ts'
import { SqlTaskStore } from '../../src/store/sql/task-store.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { faultsIn, plainSecrets } from '../contract/bench.ts'
import { FaultyDatabase, type Rewrite } from './faulty-database.ts'
import type { Keeping, Kept, ProcessParts } from './keeping.ts'
import { ShownFiles, shownTable } from './shown-files.ts'

export interface KeptInSqliteParts {
  /** A file that every process opens anew; in memory by default, on one connection for all of them. */
  readonly path?: string
  /** A planted fault. */
  readonly rewrite?: Rewrite | null
}

/** Statements within which a doomed process dies: a few turns. */
const maxStatementsLeft = 250

/** A world's rows in SQLite: what was committed when a process dies is what the next one finds. */
export class KeptInSqlite implements Keeping {
  readonly #parts: KeptInSqliteParts
  #db: FaultyDatabase | null = null

  constructor(parts: KeptInSqliteParts = {}) {
    this.#parts = parts
  }

  open(parts: ProcessParts): Kept {
    const db = this.#connected()
    const isFile = this.#parts.path !== undefined
    const end = { die: isFile ? () => db.die() : () => db.doze(), close: () => db.close() }
    return Object.assign(keptIn(db, parts), end)
  }

  /** Forgets all rows: for the next world, which need not prepare its statements again. */
  clear(): void {
    const db = this.#connected()
    db.exec('pragma foreign_keys = off')
    for (const name of tables.split(' ')) db.exec(`delete from ${name}`)
    db.exec('update counter set value = 0')
    db.exec('pragma foreign_keys = on')
  }

  #connected(): FaultyDatabase {
    const { path, rewrite = null } = this.#parts
    if (path === undefined && this.#db !== null) {
      this.#db.revive()
      return this.#db
    }
    this.#db = new FaultyDatabase(path ?? ':memory:', rewrite)
    prepare(this.#db)
    return this.#db
  }
}

/** Whatever a world writes to, children first; the counters stay, at their beginning. */
const tables =
  'shown stirred slot node task queue lane item place round source owner clockwork sqlite_sequence'

function prepare(db: FaultyDatabase): void {
  const isNew = db.prepare(`select 1 from sqlite_schema where name = 'owner'`).get() === undefined
  if (isNew) for (const { sqlite } of migrations) db.exec(sqlite)
  // Processes are killed here, machines are not: nothing has to wait for the disk.
  db.exec('pragma synchronous = off')
  if (isNew) db.exec(shownTable)
}

function keptIn(
  db: FaultyDatabase,
  { clock, policy, random, onChange }: ProcessParts,
): Omit<Kept, 'die' | 'close'> {
  const sql = new SqliteSql(db, clock)
  const shown = new ShownFiles(sql)
  return {
    registry: new SqlRegistry({ db: sql, secrets: plainSecrets, effects: shown, onChange }),
    store: new SqlTaskStore({ db: sql, policy, random, effects: shown, nodeName: 'sim' }),
    shown,
    db,
    get isFull() {
      return db.isFull
    },
    set isFull(isFull) {
      db.isFull = isFull
    },
    get isDead() {
      return db.statements >= db.killAt
    },
    get isHalfWritten() {
      return db.isTransaction
    },
    doom: (chance) => {
      db.killAt = db.statements + 1 + Math.floor(chance() * maxStatementsLeft)
    },
    isBusy: (nowMs) => db.prepare<{ busy: number }>(busy).get(nowMs)?.busy !== 0,
    faults: () => faultsIn(db),
    waitingOwners: () =>
      db
        .prepare<{ owner_id: number }>(waiting)
        .all()
        .map((lane) => lane.owner_id),
    describe: () => ({
      tasks: db.prepare('select * from task limit 5').all(),
      sources: db.prepare('select * from source').all(),
    }),
  }
}

const busy = `select exists (select 1 from task where state <> 3)
  or exists (select 1 from round where ended_ms is null)
  or exists (select 1 from item where state = 1)
  or exists (select 1 from slot where item_id is not null)
  or exists (select 1 from source where due_ms <= ? and health = 0)
  or exists (select 1 from source where health = 1) as busy`

const waiting = `select owner_id from lane where pool = 'read' and class = 1 and is_active = 1`
