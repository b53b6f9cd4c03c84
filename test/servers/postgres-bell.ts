/**
 * One PostgreSQL for a whole run of tests, started when the first of them rings: a run that needs none starts none.
 * Named in vitest.config.ts as `globalSetup`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestProject } from 'vitest/node'
import { type PostgresServer, startPostgres } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The socket that says where the PostgreSQL of this run is. */
    readonly postgresBell: string
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The address holds a password: the folder is for ourselves alone.
  const dir = await mkdtemp(join(tmpdir(), 'roundelay-bell-'))
  const path = join(dir, 'bell')
  let starting: Promise<PostgresServer> | null = null
  const bell = createServer((asker) => {
    asker.on('error', () => undefined)
    starting ??= startPostgres()
    void starting
      .then(({ url }): Answer => ({ url }))
      .catch((error: unknown): Answer => ({ error: String(error) }))
      .then((answer) => asker.end(JSON.stringify(answer)))
  })
  await new Promise<void>((resolve) => bell.listen(path, resolve))
  project.provide('postgresBell', path)
  return async () => {
    bell.close()
    await starting?.then((server) => server.stop()).catch(() => undefined)
    await rm(dir, { recursive: true, force: true })
  }
}

/** The address of the PostgreSQL of this run. */
export async function ringBell(path: string): Promise<string> {
  // What comes back is our own.
  const answer = JSON.parse(await text(connect(path))) as Answer
  if ('error' in answer) throw new Error(answer.error)
  return answer.url
}

type Answer = { readonly url: string } | { readonly error: string }
