import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { HealthReport } from '../../src/http/health.ts'
import { isInstalled } from '../servers/installed.ts'
import { Roundelay, until } from './roundelay.ts'
import { tinyFlac } from './tiny-flac.ts'

const run = promisify(execFile)
const files = 1_500
let music: string
let roundelay: Roundelay

/** A limit on the size of files is a full disk that everybody may have: the system refuses what goes beyond. In 512 bytes. */
function withLimit(blocks: number): { readonly under: readonly string[] } {
  return { under: ['sh', '-c', `ulimit -S -f ${blocks} && exec "$0" "$@"`] }
}

beforeEach(async () => {
  roundelay = await Roundelay.create()
  music = await mkdtemp(join(tmpdir(), 'roundelay-music-'))
  for (let n = 0; n < files; n++) {
    await writeFile(join(music, `${n}.flac`), tinyFlac({ TITLE: `Song ${n}`, ALBUM: `${n % 50}` }))
  }
})

afterEach(async () => {
  await roundelay[Symbol.asyncDispose]()
  await rm(music, { recursive: true })
})

test('a sync that finds the disk full says so, loses nothing and goes on when there is space', async () => {
  // So little that there is no database at all, then some for its tables, then for a part of the library.
  for (const blocks of [8, 700, 1_500]) {
    const { status, stderr, ms } = await roundelay.run(['sync', music], withLimit(blocks))
    expect(status).toBe(1)
    expect(stderr).toMatch(/^roundelay: .*(?:written|used): .*\[disk-full\]\n {2}Free some space/)
    expect(ms).toBeLessThan(30_000)
  }
  expect(await roundelay.ask(['sync', music])).toContain(`me: ${files} tracks, 50 albums`)
  expect(new Set((await roundelay.tracks()).map(({ path }) => path)).size).toBe(files)
  expect(await roundelay.ask(['doctor'])).toContain('the database is sound')
})

test.skipIf(!isInstalled('prlimit'))(
  'a server whose disk is full says so, and goes on by itself when there is space',
  async () => {
    await roundelay.ask(['user', 'add', 'anna'])
    const { command, url } = await roundelay.serve([], withLimit(1_500))
    await roundelay.ask(['source', 'add', music, '--name', 'disk'])
    const health = async (): Promise<HealthReport> =>
      (await (await fetch(`${url}/health`)).json()) as HealthReport
    const ill = await until(health, ({ status }) => status !== 'ok')
    expect(JSON.stringify(ill)).toMatch(/could not be written/)
    expect((await roundelay.tracks()).length).toBeLessThan(files)

    await run('prlimit', ['--pid', String(command.pid), '--fsize=unlimited'])
    await until(health, ({ status }) => status === 'ok')
    await until(
      () => roundelay.tracks(),
      (tracks) => tracks.length === files,
    )
    expect(await roundelay.ask(['doctor'])).toContain('the database is sound')
    command.kill('SIGTERM')
    expect((await command.ended).status).toBe(0)
  },
)
