import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Status } from '../../src/http/status.ts'
import { freshDatabase, type TestDatabase } from '../servers/postgres-database.ts'
import { Roundelay, until, type HowToRun, type Serving } from './roundelay.ts'
import { ScriptedDrive } from './scripted-drive.ts'
import { tinyFlac } from './tiny-flac.ts'

const collection = fileURLToPath(new URL('../../collection', import.meta.url))
const key = 'ab'.repeat(32)
const password = 'open%20sesame'

let database: TestDatabase
/** Each has a data folder of its own, as on a machine of its own. */
let machines: Roundelay[]
let operator: Client

beforeEach(async () => {
  database = await freshDatabase()
  machines = []
  operator = new Client(database.url)
  // The database goes with the test, and whoever is connected to it.
  operator.on('error', () => undefined)
  await operator.connect()
})

afterEach(async () => {
  await Promise.all(machines.map((machine) => machine[Symbol.asyncDispose]()))
  await operator.end()
  await database.drop()
})

async function machine(): Promise<Roundelay> {
  const made = await Roundelay.create()
  machines.push(made)
  return made
}

function shared(env: Readonly<Record<string, string>> = {}): HowToRun {
  return { env: { DATABASE_URL: database.url, ROUNDELAY_KEY: key, ...env } }
}

/** Busy slots by the number of the process, those of reading. */
async function busy(): Promise<Record<string, number>> {
  const { rows } = await operator.query<{ pid: string; busy: string }>(
    `select split_part(node.name, ':', 2) as pid, count(slot.fence) as busy
     from node join slot on slot.node_id = node.id where slot.pool = 'read' group by 1`,
  )
  return Object.fromEntries(rows.map(({ pid, busy }) => [pid, Number(busy)]))
}

async function statusOf(url: string): Promise<Status> {
  const answer = await fetch(`${url}/api/status`)
  return (await answer.json()) as Status
}

/** Starts a process that does the work and does not answer. */
async function startWorker(slots: number): Promise<Serving['command']> {
  const command = (await machine()).start(
    ['--roles', 'sync', '--slots-read', String(slots), 'serve'],
    shared(),
  )
  await command.says(/Roundelay works/)
  return command
}

/** What an event stream tells, until it is called off. */
async function counted(url: string, signal: AbortSignal): Promise<Set<number>> {
  const seen = new Set<number>()
  const events = await fetch(`${url}/api/events`, { signal })
  const read = async (): Promise<void> => {
    for await (const chunk of events.body ?? []) {
      for (const [, done] of Buffer.from(chunk)
        .toString()
        .matchAll(/"done":(\d+)/g)) {
        seen.add(Number(done))
      }
    }
  }
  void read().catch(() => undefined)
  return seen
}

const files = 300
const slowMs = 150

async function slowDrive(): Promise<ScriptedDrive> {
  const drive = await ScriptedDrive.start(
    Object.fromEntries(
      Array.from({ length: files }, (_, n) => [`${n}.flac`, tinyFlac({ TITLE: `Song ${n}` })]),
    ),
  )
  drive.mischief = (request, response) => {
    if (request.method !== 'GET') return false
    setTimeout(() => drive.answer(request, response), slowMs)
    return true
  }
  return drive
}

test('processes share the work; one that is told to stop gives back what it has, one that is killed loses nothing', async () => {
  await using drive = await slowDrive()
  const { url } = await (await machine()).serve(['--roles', 'api'], shared())
  const calledOff = new AbortController()
  const seen = await counted(url, calledOff.signal)
  const person = await machine()
  await person.ask(['user', 'add', 'anna'], shared())
  const [few, more, most] = [await startWorker(2), await startWorker(3), await startWorker(4)]
  await person.ask(['source', 'add', drive.url, '--name', 'slow'], shared())

  // Each fills its own slots, and no more than these.
  const limits = { [few.pid]: 2, [more.pid]: 3, [most.pid]: 4 }
  const highest: Record<string, number> = {}
  await until(
    async () => {
      for (const [pid, count] of Object.entries(await busy())) {
        highest[pid] = Math.max(highest[pid] ?? 0, count)
      }
      return highest
    },
    (highest) => Object.entries(limits).every(([pid, limit]) => highest[pid] === limit),
  )
  expect(highest).toEqual(limits)

  most.kill('SIGTERM')
  const stopped = await most.ended
  expect(stopped).toMatchObject({ status: 0, stderr: expect.not.stringContaining('sesame') })
  expect(await busy()).not.toHaveProperty(String(most.pid))
  expect(drive.count('GET')).toBeLessThan(files)

  more.kill('SIGKILL')
  const killedMs = performance.now()
  await more.ended
  const held = (await busy())[more.pid] ?? 0
  // Nobody holds it any more when fifteen seconds have passed since it was heard of.
  const patienceMs = 40_000
  let done = 0
  while (done < files && performance.now() - killedMs < patienceMs) {
    done = (await statusOf(url)).users[0]?.counts.done ?? 0
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  expect(done).toBe(files)
  calledOff.abort()
  expect(seen.size).toBeGreaterThan(3)

  const tracks = (await person.ask(['tracks', '--json'], shared())).trim().split('\n')
  expect(new Set(tracks).size).toBe(files)
  expect(tracks).toHaveLength(files)
  // What was read when it was killed is read once more, and nothing else.
  expect(drive.count('GET')).toBeLessThanOrEqual(files + Math.max(held, 3))
  few.kill('SIGTERM')
  expect((await few.ended).status).toBe(0)
  expect(await busy()).not.toHaveProperty(String(few.pid))
  expect((await operator.query('select from slot where fence is not null')).rowCount).toBe(0)
}, 120_000)

async function titlesOf(url: string): Promise<readonly { title: string }[]> {
  const answer = await fetch(`${url}/api/tracks?limit=500`)
  return ((await answer.json()) as { tracks: { title: string }[] }).tracks
}

test('sync works alone on a shared database, and beside a server that does the work, too', async () => {
  const music = join(collection, 'anna')
  const person = await machine()
  expect(await person.ask(['sync', music, '--name', 'disk'], shared())).toMatch(/me: \d+ tracks/)
  expect((await operator.query('select from node')).rowCount).toBe(0)
  const { url } = await (await machine()).serve([], shared())
  await using drive = await slowDrive()
  const report = await person.ask(['sync', drive.url, '--name', 'slow'], shared())
  const before = (await titlesOf(url)).length
  expect(report).toContain(`me: ${before} tracks`)
  expect(drive.count('GET')).toBe(files)
  expect((await operator.query('select from node')).rowCount).toBe(1)
})

/** What was said, without what differs from run to run: times, and numbers that were given in another order. */
function plain(text: string, data: string): string {
  return text
    .replaceAll(data, 'DATA')
    .replace(/\([\d.]+ s\)/g, '(N s)')
    .replace(/in \d+ min/g, 'in N min')
    .replace(/"(nextMs|endedMs|atMs|seconds|\w*[iI]d)":[\d.]+/g, '"$1":0')
    .replace(/(the database is sound): .*/, '$1')
}

test('every command gives on PostgreSQL what it gives on a file', async () => {
  const said: string[][] = []
  for (const how of [{}, shared()]) {
    const person = await machine()
    const music = join(person.data, '..', 'music')
    await cp(join(collection, 'bob'), music, { recursive: true })
    const other = join(collection, 'anna')
    const lines: string[] = []
    for (const args of [
      ['status'],
      ['user', 'add', 'bob'],
      ['user', 'add', 'bob'],
      ['user', 'add', 'anna', '--plan', 'premium'],
      ['source', 'add', music, '--name', 'disk', '--for', 'bob'],
      ['source', 'add', other, '--name', 'disk', '--for', 'anna'],
      ['sync', '--for', 'bob'],
      ['sync', '--for', 'anna', '--json'],
      ['user', 'list'],
      ['user', 'plan', 'bob', 'premium'],
      ['source', 'list', '--for', 'bob'],
      ['source', 'pause', 'disk', '--for', 'bob'],
      ['status'],
      ['source', 'resume', 'disk', '--for', 'bob'],
      ['source', 'check', 'disk', '--for', 'bob'],
      ['search', '--for', 'anna', 'moth', 'wal'],
      ['search', '--for', 'bob', '--json', 'a'],
      ['tracks', '--for', 'bob'],
      ['tracks', '--for', 'anna', '--json'],
      ['doctor'],
      ['source', 'remove', 'disk', '--for', 'anna'],
      ['tracks', '--for', 'anna'],
      ['source', 'remove', 'none', '--for', 'anna'],
    ]) {
      const { status, stdout, stderr } = await person.run(args, how)
      lines.push(plain(`${args.join(' ')} ${status}\n${stdout}${stderr}`, join(person.data, '..')))
    }
    said.push(lines)
  }
  expect(said[1]).toEqual(said[0])
}, 180_000)

test('a database that cannot be used is refused at the start, with what is wrong and without a password', async () => {
  const person = await machine()
  await person.ask(['status'], shared())
  const address = new URL(database.url)
  const begin = async (env: Readonly<Record<string, string>>, ...flags: string[]) => {
    const { status, stdout, stderr } = await person.run(
      [...flags, '--port', '0', 'serve'],
      shared(env),
    )
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).not.toContain(address.password)
    expect(stderr).not.toMatch(/sesame/)
    return stderr
  }
  expect(await begin({ ROUNDELAY_KEY: 'cd'.repeat(32) })).toMatch(
    /The database was begun with another master key: .* \[bad-key\]/,
  )
  const wrong = new URL(database.url)
  wrong.password = password
  expect(await begin({ DATABASE_URL: wrong.href })).toMatch(
    new RegExp(
      `The database ${address.host}/\\w+ does not let us in: .*password.* \\[database-login\\]\n.*user and password`,
    ),
  )
  const missing = new URL(database.url)
  missing.pathname = '/nowhere'
  expect(await begin({ DATABASE_URL: missing.href })).toMatch(
    /\/nowhere is not there: .* \[database-missing\]\n.*createdb/,
  )
  expect(await begin({ DATABASE_URL: `${database.url}?sslmode=bogus` })).toMatch(
    /sslmode is one of disable, .*verify-full\. \[bad-input\]/,
  )
  const closed = new URL(database.url)
  closed.password = password
  closed.port = '1'
  expect(await begin({ DATABASE_URL: closed.href })).toMatch(
    /The database 127\.0\.0\.1:1\/\w+ cannot be reached: .*ECONNREFUSED.* \[database-away\]/,
  )
  const unescaped = `postgres://anna:open@sesame@127.0.0.1/music?x=@`
  expect(await begin({ DATABASE_URL: unescaped })).toMatch(/address of the database.*\[bad-input\]/)
  expect(await begin({}, '--connections', '98')).toMatch(
    /allows 100 connections in all \(max_connections\), 3 of them reserved, and others hold \d+: there is no room for the 99 .*\[database-unfit\]/,
  )
  // A command needs fewer than those that serve.
  const asked = await person.run(['--connections', '98', 'status'], shared({}))
  expect(asked).toMatchObject({ status: 0, stderr: '' })
  await operator.query('update schema_version set version = version + 1')
  expect(await begin({})).toMatch(/The database has version \d+ of the tables.*\[newer-schema\]/)
})
