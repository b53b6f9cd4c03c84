import { SyncError } from '../../base/errors.ts'
import type { Database } from './database.ts'
import { engineTables } from './tables-engine.ts'
import { libraryTables } from './tables-library.ts'

/** In order; a number is never used again, and what has been released is never changed. */
const migrations: readonly string[] = [engineTables, libraryTables]

/** Brings the tables to the present version, or refuses a database that a newer Roundelay wrote. */
export function migrate(database: Database): void {
  database.transaction(() => {
    const version =
      database.prepare<{ user_version: number }>('pragma user_version').get()?.user_version ?? 0
    if (version > migrations.length) {
      throw new SyncError(
        'newer-schema',
        `The database has version ${version} of the tables, this Roundelay knows ${migrations.length}.`,
      )
    }
    for (const sql of migrations.slice(version)) database.exec(sql)
    database.exec(`pragma user_version = ${migrations.length}`)
  })
}
