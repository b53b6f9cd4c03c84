import type { Schema } from '../sql/migrate.ts'
import type { Database } from './database.ts'

/** The tables of a file; it keeps their version in its head. */
export function sqliteSchema(database: Database): Schema {
  return {
    alone: (work) =>
      database.transactionOf(() =>
        work({
          async version() {
            const row = database.prepare<{ user_version: number }>('pragma user_version').get()
            return row?.user_version ?? 0
          },
          apply: async ({ sqlite }) => database.exec(sqlite),
          setVersion: async (version) => database.exec(`pragma user_version = ${version}`),
        }),
      ),
  }
}
