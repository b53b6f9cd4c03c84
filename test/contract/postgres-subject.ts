import { systemClock } from '../../src/base/clock.ts'
import { systemRandom } from '../../src/base/random.ts'
import { readAddress } from '../../src/store/postgres/address.ts'
import { Connector } from '../../src/store/postgres/connector.ts'
import { postgresSchema } from '../../src/store/postgres/postgres-schema.ts'
import { PostgresSql } from '../../src/store/postgres/postgres-sql.ts'
import { migrate } from '../../src/store/sql/migrate.ts'
import { migrations } from '../../src/store/sql/migrations/migrations.ts'
import { freshDatabase, type Template, type TestDatabase } from '../servers/postgres-database.ts'
import { sqlSubject, type Subject, type SubjectParts } from './bench.ts'

/** Opens a database; `time` moves it, where a test does. */
export function openPostgres(url: string, time?: SubjectParts['clock']): PostgresSql {
  const parts = { clock: systemClock, random: systemRandom }
  const connector = new Connector({ address: readAddress(url), ...parts })
  return new PostgresSql({ connector, ...parts, ...(time === undefined ? {} : { time }) })
}

/** A database with all tables and nothing in them. */
export const emptyTables: Template = {
  name: 'empty_tables',
  fill: async (url) => {
    const db = openPostgres(url)
    await migrate(postgresSchema(db), migrations)
    await db.close()
  },
}

/** Databases that a test has done with: to empty one is quicker than to make one. */
const spare: TestDatabase[] = []

export async function postgresSubject({ policy, clock }: SubjectParts): Promise<Subject> {
  const database = spare.pop() ?? (await freshDatabase(emptyTables))
  const db = openPostgres(database.url, clock)
  return sqlSubject(db, policy, async () => {
    await empty(db)
    await db.close()
    spare.push(database)
  })
}

/** As the tables were when they were made. */
async function empty(db: PostgresSql): Promise<void> {
  await db.run(
    'truncate owner, source, lane, queue, task, slot, node, stirred, shown restart identity cascade',
  )
  await db.run('truncate clockwork')
  await db.run('update counter set value = 0')
}
