/** The servers that peers stand on: fresh for every heat, on the loopback, in folders that are thrown away. */
import { startProcess } from '../../test/servers/process.ts'
import { startPostgres } from '../../test/servers/postgres.ts'
import { findPrograms } from '../../test/servers/postgres-programs.ts'
import { findProgram } from '../tools.ts'

export interface ServerKind {
  /** Why there can be none, or null. */
  readonly missing: () => Promise<string | null>
  readonly start: () => Promise<FreshServer>
}

export interface FreshServer extends AsyncDisposable {
  readonly url: string
}

/** Redis that loses a second at most (appendfsync everysec), and writes no snapshots. */
const redis: ServerKind = {
  missing: async () =>
    findProgram('redis-server') === null
      ? 'redis-server is not installed (Debian: redis-server)'
      : null,
  start: async () => {
    const server = await startProcess(async (port, dir) => ({
      command: findProgram('redis-server') ?? 'redis-server',
      args: `--bind 127.0.0.1 --port ${port} --appendonly yes --appendfsync everysec`
        .split(' ')
        .concat('--save', '', '--dir', dir),
    }))
    const url = server.url.replace('http:', 'redis:')
    return { url, [Symbol.asyncDispose]: () => server.stop() }
  },
}

/** PostgreSQL that loses nothing. */
const postgres: ServerKind = {
  missing: () =>
    findPrograms().then(
      () => null,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    ),
  start: async () => {
    const server = await startPostgres({ fsync: true, sharedBuffers: '512MB' })
    return { url: server.url, [Symbol.asyncDispose]: () => server.stop() }
  },
}

export const servers = { redis, postgres } as const
