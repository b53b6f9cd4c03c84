import type { Database } from './database.ts'

/** What SQLite itself says of the file; empty when all is well. */
export function damage(db: Database): string[] {
  return db
    .prepare<{ quick_check: string }>('pragma quick_check(10)')
    .all()
    .map((row) => row.quick_check)
    .filter((line) => line !== 'ok')
}
