import { SyncError } from '../../base/errors.ts'
import type { Sql } from '../sql/sql.ts'

/** The connections of this process: how many it may open, and how many of these are open now. */
export interface ConnectionCount {
  readonly size: number
  readonly open: () => number
}

/** Throws `database-unfit` if the server is too old, or cannot bear as many connections more as this process may open. */
export async function checkServer(sql: Sql, { size, open }: ConnectionCount): Promise<void> {
  const server = await sql.get<Server>(serverText)
  if (server === undefined) return
  if (server.version < oldestVersion) {
    throw unfit(
      `The database server is PostgreSQL ${server.name}; Roundelay needs ${oldestVersion / 10_000} or newer.`,
    )
  }
  const wanted = size + noticeConnections
  for (const { what, allowed, reserved, used } of await sql.all<Limit>(limitsText)) {
    const others = Math.max(0, used - open())
    if (others + wanted <= allowed - reserved) continue
    throw unfit(
      `The database server allows ${allowed} connections ${what}, ${reserved} of them reserved, and others hold ` +
        `${others}: there is no room for the ${wanted} of this process. Raise the limit, or give each process fewer (--connections).`,
    )
  }
}

/** 15.0, as PostgreSQL counts. */
const oldestVersion = 150_000

/** Besides those of the pool. */
const noticeConnections = 1

interface Server {
  readonly version: number
  readonly name: string
}

const serverText = `select current_setting('server_version_num')::integer as version,
  current_setting('server_version') as name`

interface Limit {
  readonly what: string
  readonly allowed: number
  readonly reserved: number
  readonly used: number
}

/** Everybody may count the connections to databases; of other people's roles only an operator sees more. */
const limitsText = `select 'in all (max_connections)' as what,
    current_setting('max_connections')::integer as allowed,
    current_setting('superuser_reserved_connections')::integer
      + coalesce(current_setting('reserved_connections', true)::integer, 0) as reserved,
    (select sum(numbackends) from pg_stat_database) as used
  union all
  select 'to this database', datconnlimit, 0, numbackends
  from pg_database join pg_stat_database on pg_stat_database.datid = pg_database.oid
  where pg_database.datname = current_database() and datconnlimit >= 0
  union all
  select 'to this user', rolconnlimit, 0,
    (select count(*) from pg_stat_activity where usename = current_user)
  from pg_roles where rolname = current_user and rolconnlimit >= 0`

function unfit(message: string): SyncError {
  return new SyncError('database-unfit', message)
}
