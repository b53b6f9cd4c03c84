import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Certificate, selfSigned } from '../../../test/servers/certificate.ts'
import { type PostgresServer, startPostgres } from '../../../test/servers/postgres.ts'
import { systemClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import { readAddress } from './address.ts'
import { Connector } from './connector.ts'
import { PostgresSql } from './postgres-sql.ts'

let folder: string
let server: PostgresServer
const opened: PostgresSql[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'encrypted-'))
  // What is connected to by its number alone the driver takes for localhost.
  const certificate = selfSigned(['localhost'], systemClock.now())
  server = await startPostgres({ certificate })
  await keep('own.pem', certificate)
  await keep('other.pem', selfSigned(['localhost'], systemClock.now()))
})

afterEach(async () => {
  await Promise.all(opened.splice(0).map((sql) => sql.close()))
})

afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

async function keep(name: string, { certificate }: Certificate): Promise<void> {
  await writeFile(join(folder, name), certificate)
}

/** Over a connection as the query of the address asks for it; `file` is the certificate that is trusted. */
async function isEncrypted(sslmode: string, file?: string): Promise<boolean> {
  const address = new URL(server.url)
  address.searchParams.set('sslmode', sslmode)
  if (file !== undefined) address.searchParams.set('sslrootcert', join(folder, file))
  const parts = { clock: systemClock, random: seededRandom(1) }
  const connector = new Connector({ ...parts, address: readAddress(address.href) })
  const sql = new PostgresSql({ ...parts, connector, size: 1 })
  opened.push(sql)
  const text = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()'
  const row = await sql.get<{ ssl: number }>(text)
  return row?.ssl === 1
}

test('a server whose certificate is vouched for is spoken to over TLS', async () => {
  expect(await isEncrypted('verify-full', 'own.pem')).toBe(true)
})

test.each([undefined, 'other.pem'])(
  'one that nobody vouches for is refused at once, with what to do (trusted: %s)',
  async (file) => {
    const startMs = performance.now()
    await expect(isEncrypted('verify-full', file)).rejects.toMatchObject({
      code: 'database-certificate',
      remedy: 'retry',
      message: expect.stringMatching(
        /^The database 127\.0\.0\.1:\d+\/postgres cannot be trusted: /,
      ),
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    })
    expect(performance.now() - startMs).toBeLessThan(4_000)
  },
)

test('whoever asks for it is encrypted without a check, or not at all', async () => {
  expect(await isEncrypted('no-verify')).toBe(true)
  expect(await isEncrypted('disable')).toBe(false)
})
