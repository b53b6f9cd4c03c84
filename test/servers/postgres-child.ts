/** Starts a PostgreSQL, says where, and lives until it is killed: for tests of what becomes of the server then. */
import { startPostgres } from './postgres.ts'

const { url, programs } = await startPostgres()
process.stdout.write(`${JSON.stringify({ url, bin: programs.bin })}\n`)
setInterval(() => undefined, 1_000)
