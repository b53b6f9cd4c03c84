import type { Sql } from '../sql/sql.ts'

/** What makes a claim slower the longer it lasts: rows that are dead, and a transaction that keeps them from being removed. */
export interface DatabaseAges {
  /** Of the oldest transaction that this user may see, in milliseconds; 0: there is none. */
  readonly oldestMs: number
  /** As autovacuum counts them. */
  readonly dead: readonly { readonly name: string; readonly rows: number }[]
}

/** Tables whose rows are written at every turn. */
const busyTables = ['counter', 'clockwork', 'item', 'lane', 'queue', 'slot', 'source', 'task']

/** Of a PostgreSQL database; cheap. */
export async function databaseAges(sql: Sql): Promise<DatabaseAges> {
  const oldest = await sql.get<{ ms: number }>(
    `select cast(coalesce(max(extract(epoch from clock_timestamp() - xact_start)) * 1000, 0) as bigint) as ms
     from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  const dead = await sql.all<{ name: string; rows: number }>(
    `select cast(relname as text) as name, n_dead_tup as rows from pg_stat_user_tables
     where schemaname = current_schema() and relname = any(?) order by relname`,
    busyTables,
  )
  return { oldestMs: oldest?.ms ?? 0, dead }
}
