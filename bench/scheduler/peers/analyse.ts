/** Statistics after a bulk load: without them PostgreSQL plans for empty tables, and some queues are 60 times slower. */
import { Client } from 'pg'

export async function analyse(connectionString: string): Promise<void> {
  const client = new Client({ connectionString })
  await client.connect()
  await client.query('VACUUM ANALYZE')
  await client.end()
}
