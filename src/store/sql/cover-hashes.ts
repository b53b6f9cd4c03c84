import type { Sql } from './sql.ts'

/** Those of the hashes that no cover has: nobody can ask for these pictures any more. */
export async function withoutCover(
  sql: Sql,
  hashes: readonly string[],
): Promise<readonly string[]> {
  const rows = await sql.all<{ hash: string }>(
    'select distinct hash from cover where hash = any(?)',
    hashes,
  )
  const known = new Set(rows.map(({ hash }) => hash))
  return hashes.filter((hash) => !known.has(hash))
}
