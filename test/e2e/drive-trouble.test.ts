import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { SourceStatus } from '../../src/engine/registry.ts'
import { FaultyProxy } from '../faults/proxy.ts'
import { send207 } from '../servers/scripted.ts'
import { Roundelay, until } from './roundelay.ts'
import { type Mischief, pathOf, ScriptedDrive, sendRange } from './scripted-drive.ts'
import { tinyFlac } from './tiny-flac.ts'

/** Breakers rest for some fifteen seconds and retries wait for some five: all of these wait at the same time. */
describe.concurrent('a drive', { timeout: 100_000 }, () => {
  test('that is switched off in the middle of a sync and comes back, is read to its end', async () => {
    await using roundelay = await Roundelay.create()
    await using drive = await ScriptedDrive.start(songs(120))
    const proxy = new FaultyProxy(drive.url)
    const url = await proxy.start()
    proxy.faults.delayMs = 40
    const command = roundelay.start(['sync', url, '--name', 'nas'])
    await until(
      async () => drive.count('GET'),
      (count) => count >= 20,
    )
    proxy.switchOff()
    await until(
      () => statusOf(roundelay),
      ({ state }) => state === 'resting',
    )
    const whileOff = await roundelay.tracks()
    expect(whileOff.length).toBeGreaterThan(0)
    expect(whileOff.length).toBeLessThan(120)
    expect((await statusOf(roundelay)).lastError?.code).toMatch(/^(unreachable|interrupted)$/)
    proxy.switchOn()
    proxy.faults.delayMs = 0
    const { status, stdout, stderr } = await command.ended
    await proxy.stop()
    expect(status).toBe(0)
    expect(stderr).toMatch(/^nas: .*127\.0\.0\.1.* waited for, 300 s at most .*\n$/)
    expect(stdout).toContain('120 tracks')
    await expectSound(roundelay, 120)
  })

  test('that is slow may be left with Ctrl-C, which says that nothing is lost', async () => {
    await using roundelay = await Roundelay.create()
    await using drive = await ScriptedDrive.start(songs(120))
    const proxy = new FaultyProxy(drive.url)
    const url = await proxy.start()
    proxy.faults.delayMs = 40
    const command = roundelay.start(['sync', url, '--name', 'nas'])
    await until(
      async () => drive.count('GET'),
      (count) => count >= 20,
    )
    command.kill('SIGINT')
    const { status, stderr } = await command.ended
    expect({ status, stderr }).toEqual({
      status: null,
      stderr: 'Stopped. What has been read is kept; the next sync goes on from there.\n',
    })
    proxy.faults.delayMs = 0
    await roundelay.ask(['sync'])
    await proxy.stop()
    await expectSound(roundelay, 120)
  })

  test('that stays switched off is given up, and nothing of its library is hidden', async () => {
    await using roundelay = await Roundelay.create()
    await using drive = await ScriptedDrive.start(songs(30))
    const proxy = new FaultyProxy(drive.url)
    const url = await proxy.start()
    await roundelay.ask(['sync', url, '--name', 'nas'])
    proxy.switchOff()
    const { status, stderr, ms } = await roundelay.run(['sync', '--patience', '10s'])
    await proxy.stop()
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^nas: .* waited for, 10 s .*\nroundelay: nas: .*127\.0\.0\.1.*\[(unreachable|interrupted)\]\n {2}\S/,
    )
    expect(ms).toBeLessThan(30_000)
    expect(await roundelay.tracks()).toHaveLength(30)
  })

  test.each<[string, (drive: ScriptedDrive) => Mischief]>([
    ['breaks off its listing', (drive) => truncatedListing(drive, 'in the middle of a word')],
    ['ends its listing early, and says that it was whole', (drive) => truncatedListing(drive, '')],
    ['answers a listing with an error', () => broken],
  ])('that %s once, loses nothing', async (_what, mischief) => {
    await using roundelay = await Roundelay.create()
    await using drive = await ScriptedDrive.start(songs(30))
    await roundelay.ask(['sync', drive.url, '--name', 'nas'])
    drive.mischief = times(1, mischief(drive))
    await roundelay.ask(['sync'])
    await expectSound(roundelay, 30)
    drive.mischief = times(1_000, mischief(drive))
    const { status, stderr } = await roundelay.run(['sync', '--patience', '10s'])
    expect(status).toBe(1)
    expect(stderr).toMatch(
      /^nas: .* waited for, 10 s .*\nroundelay: nas: .*\[(protocol|interrupted|unavailable)\]\n {2}\S/,
    )
    await expectSound(roundelay, 30)
  })

  test('that sends whole files when asked for a part, is read all the same', async () => {
    await using roundelay = await Roundelay.create()
    await using drive = await ScriptedDrive.start(songs(5, 200_000))
    drive.mischief = (request, response) => {
      delete request.headers.range
      if (request.method !== 'GET') return false
      sendRange(request, response, drive.files.get(pathOf(request)) ?? Buffer.alloc(0))
      return true
    }
    await roundelay.ask(['sync', drive.url])
    await expectSound(roundelay, 5)
  })

  test('that lies about a size once, or changes a file twice while it is read, ends up read', async () => {
    await using roundelay = await Roundelay.create()
    await using drive = await ScriptedDrive.start(songs(10))
    drive.files.set('changing.flac', tinyFlac({ TITLE: 'First' }))
    drive.toldSizes.set('song-3.flac', 77)
    const versions = ['Second version', 'The third version']
    drive.mischief = ({ method, url }) => {
      if (method !== 'GET') return false
      if (url === '/song-3.flac') drive.toldSizes.clear()
      const next = url === '/changing.flac' ? versions.shift() : undefined
      if (next !== undefined) drive.files.set('changing.flac', tinyFlac({ TITLE: next }))
      return false
    }
    await roundelay.ask(['sync', drive.url])
    await expectSound(roundelay, 11)
    expect(versions).toEqual([])
    const titles = (await roundelay.tracks()).map(({ title }) => title)
    expect(titles).toEqual(expect.arrayContaining(['The third version', 'Song 3']))
  })

  test('that lies about the size of one file for ever, does not keep the others waiting', async () => {
    await using roundelay = await Roundelay.create()
    await using drive = await ScriptedDrive.start(songs(40))
    drive.toldSizes.set('song-3.flac', 7)
    await roundelay.ask(['user', 'add', 'anna'])
    const command = roundelay.start(['sync', drive.url])
    const tracks = await until(
      () => roundelay.tracks(),
      (all) => all.length === 39,
    )
    expect(tracks.map(({ path }) => path)).not.toContain('song-3.flac')
    command.kill('SIGTERM')
    await command.ended
    await expectSound(roundelay, 39)
  })

  test('that is empty all at once keeps its library, until a person confirms', async () => {
    await using roundelay = await Roundelay.create()
    await using drive = await ScriptedDrive.start(songs(30))
    await roundelay.ask(['sync', drive.url, '--name', 'nas'])
    const before = await roundelay.tracks()
    const files = [...drive.files]
    drive.files.clear()
    for (let times = 0; times < 2; times++) {
      const { stdout } = await roundelay.run(['sync'])
      expect(stdout).toMatch(/nas: 30 files are not there.*source confirm-deletions nas/)
      expect(await roundelay.tracks()).toEqual(before)
      expect(await roundelay.ask(['status'])).toContain('30 files withheld')
    }
    for (const [path, bytes] of files) drive.files.set(path, bytes)
    await roundelay.ask(['sync'])
    expect(await roundelay.ask(['status'])).not.toContain('withheld')
    expect(await roundelay.tracks()).toEqual(before)

    drive.files.clear()
    await roundelay.run(['sync'])
    expect(await roundelay.ask(['source', 'confirm-deletions', 'nas'])).toContain('30 files of nas')
    await roundelay.ask(['sync'])
    await expectSound(roundelay, 0)
    // Even so they are not forgotten: whoever mounts the disk after all has his library back.
    for (const [path, bytes] of files) drive.files.set(path, bytes)
    await roundelay.ask(['sync'])
    expect(await roundelay.tracks()).toEqual(before)
  })

  test('whose folder is renamed keeps the identity of its tracks', async () => {
    await using roundelay = await Roundelay.create()
    await using drive = await ScriptedDrive.start({
      ...songs(3, 0, 'Old Name/'),
      ...songs(3, 0, 'Another/'),
    })
    await roundelay.ask(['sync', drive.url])
    const before = new Map((await roundelay.tracks()).map(({ id, path }) => [path, id]))
    for (const [path, bytes] of drive.files) {
      if (!path.startsWith('Old')) continue
      drive.files.delete(path)
      drive.files.set(path.replace('Old%20Name', 'New%20Name'), bytes)
    }
    await roundelay.ask(['sync'])
    const after = new Map((await roundelay.tracks()).map(({ id, path }) => [path, id]))
    expect(after).toEqual(
      new Map([...before].map(([path, id]) => [path.replace('Old', 'New'), id])),
    )
  })
})

test('a folder on disk that is renamed keeps the identity of its tracks, and opens nothing', async () => {
  await using roundelay = await Roundelay.create()
  const folder = await mkdtemp(join(tmpdir(), 'roundelay-music-'))
  await mkdir(join(folder, 'Old'))
  for (let n = 0; n < 5; n++) {
    await writeFile(join(folder, 'Old', `${n}.flac`), tinyFlac({ TITLE: `Song ${n}` }))
  }
  await roundelay.ask(['sync', folder])
  const idsOf = async (): Promise<Map<string, number>> =>
    new Map((await roundelay.tracks()).map(({ id, title }) => [title, id]))
  const before = await idsOf()
  await rename(join(folder, 'Old'), join(folder, 'New'))
  await roundelay.ask(['sync'])
  expect(await idsOf()).toEqual(before)
  expect((await roundelay.tracks()).map(({ path }) => path.slice(0, 4))).toEqual(
    Array.from({ length: 5 }, () => 'New/'),
  )
  await rm(folder, { recursive: true })
})

function songs(count: number, padding = 0, folder = ''): Record<string, Buffer> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, n) => [
      `${encodeURI(folder)}song-${n}.flac`,
      tinyFlac({ TITLE: `Song ${n}`, ALBUM: `${folder}Album` }, { padding }),
    ]),
  )
}

/** Does it so often, and is good afterwards. Only what is about listings counts. */
function times(count: number, mischief: Mischief): Mischief {
  let left = count
  return (request, response) => {
    if (request.method !== 'PROPFIND' || left <= 0) return false
    left--
    return mischief(request, response)
  }
}

const broken: Mischief = (_request, response) => {
  response.writeHead(500).end('<h1>Oops</h1>')
  return true
}

/** Half of a listing; `ending` stands where the rest should be. */
function truncatedListing(drive: ScriptedDrive, ending: string): Mischief {
  return (_request, response) => {
    const whole = drive.listing('')
    const half = whole.slice(0, whole.indexOf('</d:response>', whole.length / 2) + 13)
    send207(response, half + ending)
    return true
  }
}

async function expectSound(roundelay: Roundelay, tracks: number): Promise<void> {
  expect(await roundelay.tracks()).toHaveLength(tracks)
  expect(await roundelay.run(['doctor'])).toMatchObject({
    stdout: expect.stringContaining('the database is sound'),
  })
}

async function statusOf(roundelay: Roundelay): Promise<SourceStatus> {
  const text = await roundelay.ask(['status', '--json'])
  const { users } = JSON.parse(text) as { users: { sources: SourceStatus[] }[] }
  const source = users[0]?.sources[0]
  if (source === undefined) throw new Error(`no source in ${text}`)
  return source
}
