import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import { migrate } from '../store/sql/migrate.ts'
import { migrations } from '../store/sql/migrations/migrations.ts'
import { damage } from '../store/sqlite/damage.ts'
import { Database } from '../store/sqlite/database.ts'
import { Fts5Search } from '../store/sqlite/fts5-search.ts'
import { sqliteSchema } from '../store/sqlite/sqlite-schema.ts'
import { SqliteSql } from '../store/sqlite/sqlite-sql.ts'
import { WorkLock } from '../store/sqlite/work-lock.ts'
import type { StoreDatabase } from './store-database.ts'

/** How often it is looked whether another process has changed the file, in milliseconds. */
const lookMs = 250

/** Opens the database file of a data folder, made if it is not there. */
export async function openDatabaseFile(folder: string, clock: Clock): Promise<StoreDatabase> {
  const path = join(folder, 'roundelay.db')
  const file = new Database(path)
  chmodSync(path, 0o600)
  await migrate(sqliteSchema(file), migrations)
  const lockPath = `${path}-lock`
  return {
    sql: new SqliteSql(file, clock),
    search: new Fts5Search(),
    title: path,
    takeWork: () => WorkLock.take(lockPath, clock),
    tryTakeWork: async () => WorkLock.tryTake(lockPath),
    listen: (onChange) => listen(file, clock, onChange),
    damage: () => damage(file),
    close: async () => file.close(),
  }
}

/** Beside a file nobody can be told of a change: it is looked for. */
function listen(file: Database, clock: Clock, onChange: () => void): () => Promise<void> {
  let version = file.dataVersion
  let cancel = (): void => undefined
  const look = (): void => {
    const now = file.dataVersion
    if (now !== version) {
      version = now
      onChange()
    }
    cancel = clock.after(lookMs, look)
  }
  cancel = clock.after(lookMs, look)
  return async () => cancel()
}
