import { SyncError } from '../../base/errors.ts'
import type { Migration } from './migrations/migration.ts'

/** The tables of a database, for whoever brings them up to date. */
export interface Schema {
  /** All of `work` or nothing of it; nobody else is at it meanwhile. */
  alone(work: (tables: Tables) => Promise<void>): Promise<void>
}

export interface Tables {
  /** How many migrations the database has seen; 0 if it is new. */
  version(): Promise<number>
  apply(migration: Migration): Promise<void>
  setVersion(version: number): Promise<void>
}

/**
 * Brings the tables to the present version. `migrations` are in order; a place among them is never used again. Throws
 * `newer-schema` for a database that a newer Roundelay wrote. Several processes may do so at once: one of them does it.
 */
export async function migrate(schema: Schema, migrations: readonly Migration[]): Promise<void> {
  await schema.alone(async (tables) => {
    const version = await tables.version()
    if (version > migrations.length) {
      throw new SyncError(
        'newer-schema',
        `The database has version ${version} of the tables, this Roundelay knows ${migrations.length}.`,
      )
    }
    if (version === migrations.length) return
    for (const migration of migrations.slice(version)) await tables.apply(migration)
    await tables.setVersion(migrations.length)
  })
}
