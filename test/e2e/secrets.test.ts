import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startApache } from '../servers/apache.ts'
import { type RunningServer, sharedDir } from '../servers/process.ts'
import { isInstalled } from '../servers/installed.ts'
import { type Command, Roundelay, until } from './roundelay.ts'
import { tinyFlac } from './tiny-flac.ts'
import { rm } from 'node:fs/promises'

const user = 'winifred'
const password = 'Xyzzy plugh:4711%&ü'
const wrongPassword = 'Frotz-gnusto:1814#'
const token = 'Rezrov+Nitfol/Bozbar=0815'

describe.skipIf(!isInstalled('apache2'))('passwords and tokens', () => {
  let roundelay: Roundelay
  let root: string
  let apache: RunningServer

  beforeEach(async () => {
    roundelay = await Roundelay.create()
    root = await sharedDir('secrets')
    for (let n = 0; n < 20; n++) {
      await writeFile(join(root, `${n}.flac`), tinyFlac({ TITLE: `Song ${n}` }))
    }
    apache = await startApache({ root, user, password })
  })

  afterEach(async () => {
    await roundelay[Symbol.asyncDispose]()
    await apache.stop()
    await rm(root, { recursive: true })
  })

  test('are in nothing that a run writes, prints, logs or answers, in no spelling', async () => {
    const traces = new Map<string, string>()
    const login = ['--user', user, '--password-stdin']
    const synced = await roundelay.run(['sync', apache.url, '--name', 'dav', ...login], {
      input: `${password}\n`,
    })
    expect(synced.status).toBe(0)
    const refused = await roundelay.run(['sync', apache.url, ...login], { input: wrongPassword })
    expect(refused.status).toBe(1)
    const inAddress = apache.url.replace('//', `//${user}:${encodeURIComponent(password)}@`)
    const typed = await roundelay.run(['sync', inAddress])
    expect(typed.status).toBe(1)

    const { command, url } = await roundelay.serve(['--log-level', 'debug'], {
      env: { ROUNDELAY_TOKEN: token },
    })
    // The server finds the wrong password and stops the source; then it gets the right one.
    await roundelay.run(['sync'])
    const healed = await roundelay.run(['sync', apache.url, ...login], { input: password })
    expect(healed.status).toBe(0)
    await keepAnswers(url, traces)
    await keepFiles(roundelay.data, traces)
    await keepCommandLine(command, traces)
    const doctor = await roundelay.run(['doctor'])
    const status = await roundelay.run(['status', '--json'])
    command.kill('SIGTERM')
    const served = await command.ended
    await keepFiles(roundelay.data, traces)
    for (const [name, { stdout, stderr }] of Object.entries({
      synced,
      refused,
      typed,
      healed,
      doctor,
      status,
      served,
    })) {
      traces.set(`${name} stdout`, stdout).set(`${name} stderr`, stderr)
    }
    // What was looked through is what there is: the search would find the user's name, which is no secret.
    expect(traces.get('status stdout')).toContain(user)
    expect(traces.get('served stderr')).toContain('a task is done')
    expect([...traces.keys()]).toEqual(expect.arrayContaining(['file roundelay.db', 'file key']))
    expect(findings(traces, spellings(password))).toEqual([])
    expect(findings(traces, spellings(wrongPassword))).toEqual([])
    expect(findings(traces, spellings(token))).toEqual([])
  })

  test('are kept where nobody else can read them', async () => {
    await roundelay.ask(['sync', apache.url, '--user', user, '--password-stdin'], {
      input: password,
    })
    const { command } = await roundelay.serve()
    const modes = await until(
      () => modesOf(roundelay.data),
      (all) => all.has('roundelay.db-wal'),
    )
    command.kill('SIGTERM')
    await command.ended
    expect(modes.get('')).toBe(0o700)
    for (const name of ['key', 'roundelay.db', 'roundelay.db-wal', 'roundelay.db-shm']) {
      expect.soft(modes.get(name), name).toBe(0o600)
    }
  })
})

/** Every answer of every route, with the token. */
async function keepAnswers(url: string, traces: Map<string, string>): Promise<void> {
  const headers = { authorization: `Bearer ${token}` }
  const sources = '/api/users/me/sources/dav'
  const routes = ['/health', '/metrics', '/api/status', '/api/tracks', '/api/search?q=song']
  routes.push('/api/openapi.json', `${sources}/troubles`, '/api/covers/1', '/nothing')
  for (const route of routes) traces.set(route, await wholeAnswer(`${url}${route}`, { headers }))
  for (const act of ['sync', 'confirm-deletions']) {
    const post = { method: 'POST', headers }
    traces.set(`POST ${act}`, await wholeAnswer(`${url}${sources}/${act}`, post))
  }
  traces.set('no token', await wholeAnswer(`${url}/api/status`, {}))
  const calledOff = new AbortController()
  const events = await fetch(`${url}/api/events`, { headers, signal: calledOff.signal })
  const first = await events.body?.getReader().read()
  traces.set('events', Buffer.from(first?.value ?? []).toString('latin1'))
  calledOff.abort()
}

async function wholeAnswer(url: string, how: RequestInit): Promise<string> {
  const answer = await fetch(url, how)
  const body = Buffer.from(await answer.arrayBuffer()).toString('latin1')
  return `${answer.status} ${JSON.stringify([...answer.headers])}\n${body}`
}

async function keepFiles(folder: string, traces: Map<string, string>): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const bytes = await readFile(join(entry.parentPath, entry.name))
    const name = `file ${entry.name}`
    traces.set(name, (traces.get(name) ?? '') + bytes.toString('latin1'))
  }
}

/** What others on this machine can see of a process. */
async function keepCommandLine({ pid }: Command, traces: Map<string, string>): Promise<void> {
  traces.set('command line', await readFile(`/proc/${pid}/cmdline`, 'latin1'))
}

/** A secret as it might stand somewhere. Texts are looked through as Latin-1, so what is written in UTF-8 is put so, too. */
function spellings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret)
  const pair = Buffer.from(`${user}:${secret}`)
  const latin1 = Buffer.from(secret, 'latin1')
  return [
    secret,
    bytes.toString('latin1'),
    bytes.toString('base64').replace(/.{1,3}={0,2}$/, ''),
    bytes.toString('base64url').replace(/.{1,2}$/, ''),
    pair.toString('base64').slice(-12).replace(/=+$/, ''),
    pair.toString('base64').replace(/=+$/, ''),
    latin1.toString('base64').replace(/.{1,3}={0,2}$/, ''),
    bytes.toString('hex'),
    bytes.toString('utf16le'),
    Buffer.from(secret, 'utf16le').toString('latin1'),
    encodeURIComponent(secret),
    encodeURI(secret),
    JSON.stringify(secret).slice(1, -1),
  ]
}

function findings(traces: ReadonlyMap<string, string>, forms: readonly string[]): string[] {
  return [...traces].flatMap(([name, text]) => {
    const lower = text.toLowerCase()
    return forms
      .filter((form) => lower.includes(form.toLowerCase()))
      .map((form) => `${name}: ${form}`)
  })
}

async function modesOf(folder: string): Promise<Map<string, number>> {
  const names = ['', ...(await readdir(folder))]
  const modes = new Map<string, number>()
  for (const name of names) modes.set(name, (await stat(join(folder, name))).mode & 0o777)
  return modes
}
