import type { Schema } from '../sql/migrate.ts'
import type { PostgresSql } from './postgres-sql.ts'

/** The tables of a database; a table of one row keeps their version. */
export function postgresSchema(sql: PostgresSql): Schema {
  return {
    alone: (work) =>
      sql.transaction(
        async (tx) => {
          // Held until the transaction ends. Each statement after it sees what those who had it before have done.
          await tx.run('select pg_advisory_xact_lock(?)', lock)
          await work({
            async version() {
              const table = await tx.get<{ is_there: number }>(
                `select to_regclass('schema_version') is not null as is_there`,
              )
              if (table?.is_there !== 1) return 0
              const row = await tx.get<{ version: number }>('select version from schema_version')
              return row?.version ?? 0
            },
            apply: ({ postgres }) => tx.script(postgres),
            async setVersion(version) {
              await tx.script(
                `create table if not exists schema_version (version integer not null)`,
              )
              const changed = await tx.run('update schema_version set version = ?', version)
              if (changed === 0) await tx.run('insert into schema_version values (?)', version)
            },
          })
        },
        { isLong: true },
      ),
  }
}

/** A number of our own among the locks of a database: "roundela" in ASCII would be beyond 2^53, so "round". */
const lock = 0x72_6f_75_6e_64
