import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freshDatabase, type TestDatabase } from '../servers/postgres-database.ts'
import { Roundelay } from './roundelay.ts'
import { ScriptedDrive } from './scripted-drive.ts'
import { tinyFlac } from './tiny-flac.ts'

let database: TestDatabase
let machines: Roundelay[]

beforeEach(async () => {
  database = await freshDatabase()
  machines = []
})

afterEach(async () => {
  await Promise.all(machines.map((machine) => machine[Symbol.asyncDispose]()))
  await database.drop()
})

async function machine(): Promise<Roundelay> {
  const made = await Roundelay.create()
  machines.push(made)
  return made
}

function shared(env: Readonly<Record<string, string>> = {}) {
  return { env: { DATABASE_URL: database.url, ...env } }
}

const keyFile = ({ data }: Roundelay): string => join(data, 'key')

test('the first machine says which key it made; others are refused, and get no key of their own, until they have it', async () => {
  const first = await machine()
  const begun = await first.run(['status'], shared())
  expect(begun.status).toBe(0)
  expect(begun.stderr).toBe(
    `The database is bound to the key in ${keyFile(first)} from now on: keep a copy, every other machine needs it (as its file "key", or as ROUNDELAY_KEY).\n`,
  )
  expect((await stat(keyFile(first))).mode & 0o777).toBe(0o600)
  expect(await first.run(['status'], shared())).toMatchObject({ status: 0, stderr: '' })

  const second = await machine()
  for (const args of [['status'], ['sync', '/nowhere'], ['serve']]) {
    const { status, stdout, stderr } = await second.run(args, shared())
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain('this machine has none')
    expect(stderr).toContain(
      `to ${keyFile(second)}, or give what it holds as ROUNDELAY_KEY. [bad-key]`,
    )
  }
  expect(await readdir(second.data)).not.toContain('key')

  // Both ways that it was told of.
  const key = (await readFile(keyFile(first), 'utf8')).trim()
  await second.ask(['status'], shared({ ROUNDELAY_KEY: key }))
  expect(await readdir(second.data)).not.toContain('key')
  await copyFile(keyFile(first), keyFile(second))
  expect(await second.run(['status'], shared())).toMatchObject({ status: 0, stderr: '' })
})

test('what is printed for a program is not told of, nor is a key that somebody gave', async () => {
  expect(await (await machine()).run(['process', 'list', '--json'], shared())).toMatchObject({
    status: 0,
    stderr: '',
  })
  const other = await freshDatabase()
  try {
    const env = { DATABASE_URL: other.url, ROUNDELAY_KEY: 'ab'.repeat(32) }
    const begun = await (await machine()).run(['status'], { env })
    expect(begun).toMatchObject({ status: 0, stderr: '' })
  } finally {
    await other.drop()
  }
})

test('a key that is another one, or none, is told as such, and a key file that was there stays', async () => {
  await (await machine()).ask(['status'], shared())
  const other = await machine()
  await mkdir(other.data)
  const text = `${Buffer.alloc(32, 7).toString('base64')}\n`
  await writeFile(keyFile(other), text, { mode: 0o600 })
  const refused = await other.run(['status'], shared())
  expect(refused.status).toBe(1)
  expect(refused.stderr).toContain(`another master key: not with the one in ${keyFile(other)}:`)
  expect(refused.stderr).toContain('roundelay key adopt')
  expect(await readFile(keyFile(other), 'utf8')).toBe(text)
  for (const [key, what] of [
    ['', 'ROUNDELAY_KEY is empty.'],
    ['xyzzy', 'ROUNDELAY_KEY holds no key.'],
  ] as const) {
    const { status, stderr } = await other.run(['status'], shared({ ROUNDELAY_KEY: key }))
    expect(status).toBe(1)
    expect(stderr).toContain(what)
    expect(stderr).not.toContain('xyzzy')
  }
})

test('where the key is lost the advice can be followed: another one is adopted and the passwords are given again', async () => {
  await using drive = await ScriptedDrive.start({ 'one.flac': tinyFlac({ TITLE: 'One' }) })
  const lost = await machine()
  const login = ['--user', 'anna', '--password-stdin']
  await lost.ask(['sync', drive.url, ...login], { ...shared(), input: 'plugh' })

  const next = await machine()
  const refused = await next.run(['tracks'], shared())
  expect(refused.stderr).toMatch(/\[bad-key\]\n.*roundelay key adopt.*roundelay sync ADDRESS/)
  const adopted = await next.run(['key', 'adopt'], shared())
  expect(adopted).toMatchObject({ status: 0, stderr: '' })
  expect(adopted.stdout).toContain(`\n  roundelay sync ${drive.url} --user anna --for me\n`)
  expect((await lost.run(['tracks'], shared())).stderr).toContain('[bad-key]')
  expect(await next.ask(['tracks'], shared())).toContain('One')

  const shut = await next.run(['sync'], shared())
  expect(shut).toMatchObject({ status: 1, stderr: expect.stringContaining('another master key') })
  await next.ask(['sync', drive.url, ...login], { ...shared(), input: 'plugh' })
  expect(await next.ask(['key', 'adopt'], shared())).toContain('It opens every stored password.')
})
