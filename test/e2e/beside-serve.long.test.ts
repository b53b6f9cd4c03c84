import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { SearchResult, Track } from '../../src/library/catalogue.ts'
import type { Status } from '../../src/http/status.ts'
import { Roundelay, until } from './roundelay.ts'
import { ScriptedDrive } from './scripted-drive.ts'
import { tinyFlac } from './tiny-flac.ts'

const collection = fileURLToPath(new URL('../../collection', import.meta.url))
const token = 'a-token-of-many-characters'
let roundelay: Roundelay

beforeEach(async () => {
  roundelay = await Roundelay.create()
})

afterEach(() => roundelay[Symbol.asyncDispose]())

test('commands work beside a server, which notices what they change', async () => {
  const { command, url } = await roundelay.serve()
  const music = join(roundelay.data, '..', 'music')
  await cp(join(collection, 'bob'), music, { recursive: true })

  await roundelay.ask(['user', 'add', 'bob'])
  await roundelay.ask(['source', 'add', music, '--name', 'disk'])
  const listed = await until(
    () => statusOf(url),
    ({ users: [bob] }) => bob?.sources[0]?.state === 'waiting' && bob.counts.waiting === 0,
  )
  expect(listed.users[0]).toMatchObject({ name: 'bob', plan: 'free' })
  const before = await roundelay.tracks()
  expect(before.length).toBeGreaterThanOrEqual(8)

  // What the server does is waited for; the command itself cannot do the work.
  await writeFile(join(music, 'new.flac'), tinyFlac({ TITLE: 'New', ARTIST: 'Somebody' }))
  expect(await roundelay.ask(['sync'])).toContain(`bob: ${before.length + 1} tracks`)
  expect(await roundelay.ask(['doctor'])).toContain('1 process does the work')

  await roundelay.ask(['user', 'plan', 'bob', 'premium'])
  expect((await statusOf(url)).users[0]?.plan).toBe('premium')
  expect(await roundelay.ask(['status'])).toContain('bob (premium)')

  await writeFile(join(music, 'newer.flac'), tinyFlac({ TITLE: 'Newer', ARTIST: 'Somebody' }))
  await roundelay.ask(['source', 'sync', 'disk'])
  const found = await until(
    () => answered<SearchResult>(`${url}/api/search?q=newer`),
    ({ tracks }) => tracks.length > 0,
  )
  expect(found.tracks).toMatchObject([{ title: 'Newer', path: 'newer.flac' }])

  await roundelay.ask(['source', 'remove', 'disk'])
  expect((await statusOf(url)).users[0]?.sources).toEqual([])

  const second = await roundelay.run(['--port', '0', 'serve'])
  expect(second).toMatchObject({ status: 1, stdout: '' })
  expect(second.stderr).toMatch(/Another process does the work on .*roundelay\.db\. \[busy\]/)
  expect((await statusOf(url)).users).toHaveLength(1)

  command.kill('SIGTERM')
  const { status, stdout } = await command.ended
  expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('Stopping') })
})

test('a server that is told to stop lets what it does end, and ends well', async () => {
  await using drive = await ScriptedDrive.start(
    Object.fromEntries(
      Array.from({ length: 200 }, (_, n) => [`${n}.flac`, tinyFlac({ TITLE: `Song ${n}` })]),
    ),
  )
  const slowMs = 150
  drive.mischief = (request, response) => {
    if (request.method !== 'GET') return false
    setTimeout(() => drive.answer(request, response), slowMs)
    return true
  }
  const { command } = await roundelay.serve()
  await roundelay.ask(['user', 'add', 'anna'])
  await roundelay.ask(['source', 'add', drive.url, '--name', 'slow'])
  await until(
    async () => drive.count('GET'),
    (count) => count > 8,
  )
  command.kill('SIGTERM')
  const { status, ms } = await command.ended
  expect(status).toBe(0)
  expect(ms).toBeLessThan(30_000)
  const asked = drive.count('GET')
  const readBefore = (await roundelay.tracks()).length
  // Each file that was begun is done: none is begun again.
  expect(readBefore).toBe(asked)
  expect(asked).toBeLessThan(200)
  drive.mischief = () => false
  await roundelay.ask(['sync'])
  expect(await roundelay.tracks()).toHaveLength(200)
  expect(drive.count('GET')).toBe(200)
})

test('everything that the server answers with is of the library', async () => {
  await roundelay.ask(['sync', join(collection, 'anna'), '--name', 'disk'])
  const tracks = await roundelay.tracks()
  const { url } = await roundelay.serve()

  expect(await answered(`${url}/health`)).toMatchObject({ status: 'ok' })
  const metrics = await (await fetch(`${url}/metrics`)).text()
  expect(metrics).toMatch(/^sync_turn_seconds_count [1-9]/m)
  expect(await statusOf(url)).toMatchObject({
    users: [{ name: 'me', sources: [{ name: 'disk', counts: { failed: 0, skipped: 0 } }] }],
  })
  expect(await answered(`${url}/api/tracks?limit=500`)).toEqual({
    tracks: tracks.map(({ ownerId: _owner, ...shown }) => shown),
  })
  const search = await answered<SearchResult>(`${url}/api/search?q=moth+waltz`)
  expect(search.tracks.map(({ title }) => title)).toEqual(['Moth Waltz'])

  const covered = tracks.filter(
    (track): track is Track & { coverId: number } => track.coverId !== null,
  )
  expect(covered.length).toBeGreaterThan(3)
  for (const { coverId } of covered.slice(0, 3)) {
    const cover = await fetch(`${url}/api/covers/${coverId}`)
    expect(cover.status).toBe(200)
    expect(cover.headers.get('content-type')).toMatch(/^image\/(jpeg|png)$/)
    const bytes = Buffer.from(await cover.arrayBuffer())
    expect(bytes.subarray(0, 2).toString('hex')).toMatch(/^(ffd8|8950)$/)
  }
  expect((await fetch(`${url}/api/covers/999999`)).status).toBe(404)

  const calledOff = new AbortController()
  const events = await fetch(`${url}/api/events`, { signal: calledOff.signal })
  const first = await events.body?.getReader().read()
  expect(Buffer.from(first?.value ?? []).toString()).toMatch(/^event: status\ndata: .*"disk"/m)
  calledOff.abort()
})

test('an address that others can reach is served with a token only', async () => {
  const refused = await roundelay.run(['--host', '0.0.0.0', '--port', '0', 'serve'])
  expect(refused).toMatchObject({ status: 1, stdout: '' })
  expect(refused.stderr).toMatch(/0\.0\.0\.0.*administrator token.*\[bad-input\]/)
  const short = await roundelay.run(['--port', '0', 'serve'], { env: { ROUNDELAY_TOKEN: 'short' } })
  expect(short.status).toBe(1)
  expect(short.stderr).not.toMatch(/short[^e]/)
})

test('who has set a token is asked for it, on a loopback address as well', async () => {
  const { command, url } = await roundelay.serve([], { env: { ROUNDELAY_TOKEN: token } })
  expect((await fetch(`${url}/api/status`)).status).toBe(401)
  const wrong = { authorization: 'Bearer another-token-of-characters' }
  expect((await fetch(`${url}/api/status`, { headers: wrong })).status).toBe(401)
  expect((await fetch(`${url}/api/status?token=${token}`)).status).toBe(401)
  const right = { authorization: `Bearer ${token}` }
  expect((await fetch(`${url}/api/status`, { headers: right })).status).toBe(200)
  expect((await fetch(`${url}/health`)).status).toBe(200)
  command.kill('SIGINT')
  expect((await command.ended).status).toBe(0)
})

function statusOf(url: string): Promise<Status> {
  return answered<Status>(`${url}/api/status`)
}

async function answered<T>(url: string): Promise<T> {
  const answer = await fetch(url)
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${url} was answered with ${answer.status}: ${text}`)
  return JSON.parse(text) as T
}
