import { afterEach, beforeEach, expect, test } from 'vitest'
import { FaultyProxy } from '../faults/proxy.ts'
import { freshDatabase, type TestDatabase } from '../servers/postgres-database.ts'
import { Roundelay, until } from './roundelay.ts'

let database: TestDatabase
let proxy: FaultyProxy
let env: Record<string, string>

beforeEach(async () => {
  database = await freshDatabase()
  proxy = new FaultyProxy(database.url)
  env = { DATABASE_URL: await proxy.start(), ROUNDELAY_KEY: 'ab'.repeat(32) }
})

afterEach(async () => {
  await proxy.stop()
  await database.drop()
})

/** The figures of a process, by their names and labels. */
async function figures(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ')
      return [line.slice(0, end), Number(line.slice(end + 1))]
    }),
  )
}

/** Status, and milliseconds that the answer took. */
async function timed(url: string): Promise<{ status: number; ms: number }> {
  const startMs = performance.now()
  const { status } = await fetch(url)
  return { status, ms: performance.now() - startMs }
}

test('while the database is away everybody is told so soon; when it is back the log says for how long it was gone', async () => {
  await using roundelay = await Roundelay.create()
  const { url, command } = await roundelay.serve(['--roles', 'api'], { env })
  expect((await figures(url)).get('sync_database_up')).toBe(1)
  proxy.switchOff()
  // The first one may wait: an outage shorter than that costs nobody an error.
  const first = await timed(`${url}/api/status`)
  expect(first.status).toBe(503)
  expect(first.ms).toBeLessThan(5_000)
  const [scraped, status] = await Promise.all([timed(`${url}/metrics`), timed(`${url}/api/status`)])
  expect(scraped.status).toBe(200)
  expect(scraped.ms).toBeLessThan(2_000)
  expect(status.status).toBe(503)
  expect(status.ms).toBeLessThan(2_000)
  const away = await figures(url)
  expect(away.get('sync_database_up')).toBe(0)
  expect(away.get('sync_slots_busy{pool="read"}')).toBe(0)
  expect(away.has('sync_tasks_parked')).toBe(false)

  proxy.switchOn()
  await until(
    () => figures(url),
    (back) => back.get('sync_database_up') === 1 && back.get('sync_tasks_parked') === 0,
  )
  command.kill('SIGTERM')
  const { stderr } = await command.ended
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'))
  const told = lines.map((line) => JSON.parse(line) as { msg: string; awayMs?: number })
  expect(told.filter(({ msg }) => msg === 'the database went away')).toHaveLength(1)
  const back = told.filter(({ msg }) => msg === 'the database is back')
  expect(back).toEqual([expect.objectContaining({ awayMs: expect.any(Number) })])
  expect(back[0]?.awayMs).toBeGreaterThan(3_000)
}, 60_000)

test('a process that only does the work can be scraped where a port is given; one that only answers has no slots', async () => {
  await using answering = await Roundelay.create()
  await using working = await Roundelay.create()
  const { url } = await answering.serve(['--roles', 'api'], { env })
  const none = await figures(url)
  expect(none.get('sync_slots_free{pool="list"}')).toBe(0)
  expect(none.get('sync_slots_free{pool="read"}')).toBe(0)

  const roles = ['--roles', 'sync', '--slots-read', '5']
  const command = working.start(['--port', '0', ...roles, 'serve'], { env })
  const said = await command.says(/works, and tells \/health and \/metrics on (\S+)\/ /)
  const worker = said[1] ?? ''
  expect((await figures(worker)).get('sync_slots_free{pool="read"}')).toBe(5)
  expect((await fetch(`${worker}/health`)).status).toBe(200)
  expect((await fetch(`${worker}/api/status`)).status).toBe(404)

  // The environment gives one, too; and where none is given, none is taken.
  const named = working.start([...roles, 'serve'], { env: { ...env, ROUNDELAY_PORT: '0' } })
  await named.says(/tells \/health and \/metrics/)
  const silent = working.start([...roles, 'serve'], { env })
  expect((await silent.says(/Roundelay works.*/))[0]).toBe('Roundelay works (Ctrl-C stops it).')
  const open = ['--host', '0.0.0.0', '--port', '0', ...roles, 'serve']
  const refused = await working.run(open, { env })
  expect(refused).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('needs an administrator token'),
  })
}, 60_000)
