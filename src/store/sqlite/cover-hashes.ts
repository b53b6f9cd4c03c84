import type { Database } from './database.ts'

/** Those of the hashes that no cover has: nobody can ask for these pictures any more. */
export function withoutCover(database: Database, hashes: readonly string[]): readonly string[] {
  return database
    .prepare<{ hash: string }>(
      `select value as hash from json_each(?)
       where not exists (select 1 from cover where cover.hash = json_each.value)`,
    )
    .all(JSON.stringify(hashes))
    .map(({ hash }) => hash)
}
