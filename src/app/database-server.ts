import type { Clock } from '../base/clock.ts'
import { type Log, silentLog } from '../base/log.ts'
import type { Random } from '../base/random.ts'
import { readAddress } from '../store/postgres/address.ts'
import { Connector } from '../store/postgres/connector.ts'
import { Notices } from '../store/postgres/notices.ts'
import { postgresSchema } from '../store/postgres/postgres-schema.ts'
import { PostgresSql } from '../store/postgres/postgres-sql.ts'
import { TsvectorSearch } from '../store/postgres/tsvector-search.ts'
import { migrate } from '../store/sql/migrate.ts'
import { migrations } from '../store/sql/migrations/migrations.ts'
import type { StoreDatabase } from './store-database.ts'

export interface DatabaseServerParts {
  /** `postgres://user:password@host/name` */
  readonly url: string
  /** Connections at most. */
  readonly connections: number
  readonly clock: Clock
  readonly random: Random
  /** Told when the server goes away and when it comes back. */
  readonly log?: Log
}

/**
 * Opens a database of PostgreSQL and brings its tables up to date. Throws `database-away` when nobody answers,
 * `database-login` or `database-missing` when the address is wrong, and `database-unfit` when the server is too old or bears too few connections.
 */
export async function openDatabaseServer(parts: DatabaseServerParts): Promise<StoreDatabase> {
  const { url, connections: size, clock, random, log = silentLog } = parts
  const address = readAddress(url)
  const connector = new Connector({ address, clock, random, log })
  const sql = new PostgresSql({ connector, clock, random, size })
  try {
    await sql.checkConnections()
    await migrate(postgresSchema(sql), migrations)
  } catch (error) {
    await sql.close()
    throw error
  }
  const right = { release: () => undefined }
  return {
    sql,
    search: new TsvectorSearch(),
    title: address.title,
    // There is work for everybody who comes.
    takeWork: async () => right,
    tryTakeWork: async () => right,
    listen: (onChange) => {
      const notices = new Notices({ connector, clock, random })
      notices.listen(onChange)
      return () => notices.close()
    },
    // That is the server's own business.
    damage: () => [],
    close: () => sql.close(),
  }
}
