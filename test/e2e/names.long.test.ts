import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startApache } from '../servers/apache.ts'
import { sharedDir } from '../servers/process.ts'
import { multistatus, send207 } from '../servers/scripted.ts'
import { isInstalled } from '../servers/installed.ts'
import { Roundelay } from './roundelay.ts'
import { etagOf, ScriptedDrive } from './scripted-drive.ts'
import { tinyFlac } from './tiny-flac.ts'

/** Names that somebody's software once stumbled over; each is a file whose title is its place in this list. */
const odd: readonly string[] = [
  'plain.flac',
  '100%.flac',
  '%.flac',
  '%2F.flac',
  '%2e%2e.flac',
  '%25 and %2525.flac',
  'a%zz.flac',
  '#1.flac',
  'what? yes?.flac',
  'a&b;c=d+e.flac',
  '<b>"quoted" \'too\'</b>.flac',
  '&amp;.flac',
  ']]>.flac',
  'back\\slash.flac',
  'C:colon|pipe*star.flac',
  'new\nline.flac',
  'tab\there\rand back.flac',
  '\u0001\u001b[31mred.flac',
  'caf\u00e9.flac',
  'cafe\u0301.flac',
  '\u{1f3b5} \u{1d11e} \u{20bb7}.flac',
  '\u202egnol.flac',
  '\ufeffmark.flac',
  ' before.flac',
  'after .flac',
  'folder /inside.flac',
  ' /two.flac',
  '.hidden.flac',
  '...dots.flac',
  '..flac.flac',
  'a..b/..c/d...flac',
  '~user/$HOME`id`.flac',
  '-rf.flac',
  'UPPER.FLAC',
  'upper.flac',
  `${'l'.repeat(250)}.flac`,
  `${'ö'.repeat(125)}.flac`,
  `${Array.from({ length: 40 }, (_, n) => `deep ${n}`).join('/')}/song.flac`,
]

let root: string

beforeAll(async () => {
  root = await sharedDir('names')
  for (const [index, name] of odd.entries()) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), tinyFlac({ TITLE: `Title ${index}` }))
  }
  // Bytes that are no UTF-8.
  const latin1 = Buffer.concat([
    Buffer.from(`${root}/caf`),
    Buffer.from([0xe9]),
    Buffer.from('.flac'),
  ])
  await writeFile(latin1, tinyFlac({ TITLE: `Title ${odd.length}` }))
})

afterAll(() => rm(root, { recursive: true }))

test('in a folder, every name is a track, and the right file was opened', async () => {
  await using roundelay = await Roundelay.create()
  await expectAll(roundelay, root)
})

describe.skipIf(!isInstalled('apache2'))('over Apache', () => {
  test('every name is a track, and the right file was opened', async () => {
    await using roundelay = await Roundelay.create()
    const apache = await startApache({ root })
    try {
      await expectAll(roundelay, apache.url)
    } finally {
      await apache.stop()
    }
  })

  test(
    'ten thousand files in one folder are ten thousand tracks',
    { timeout: 120_000 },
    async () => {
      await using roundelay = await Roundelay.create()
      const large = await sharedDir('large')
      const count = 10_000
      const numbers = Array.from({ length: count }, (_, n) => n)
      for (const n of numbers)
        await writeFile(join(large, `${n}.flac`), tinyFlac({ TITLE: `T${n}` }))
      const apache = await startApache({ root: large })
      try {
        expect(await roundelay.ask(['sync', apache.url])).toContain(`${count} tracks`)
        const tracks = await roundelay.tracks()
        expect(new Set(tracks.map(({ path, title }) => `${path} ${title}`))).toEqual(
          new Set(numbers.map((n) => `${n}.flac T${n}`)),
        )
        expect(tracks).toHaveLength(count)
      } finally {
        await apache.stop()
        await rm(large, { recursive: true })
      }
    },
  )
})

test('a server cannot lead out of its folder by what it lists', async () => {
  await using roundelay = await Roundelay.create()
  const good = tinyFlac({ TITLE: 'Good' })
  await using drive = await ScriptedDrive.start({ 'music/good.flac': good, 'secret.flac': good })
  const asked = new Set<string>()
  drive.mischief = (request, response) => {
    asked.add(`${request.method} ${request.url}`)
    if (request.headers['depth'] !== '1') return false
    const strays = wicked.map((href) => ({ href, size: good.length, etag: etagOf(good) }))
    const folders = ['/', '/music/../', '/music/%2e%2e/', '/music/./'].map((href) => ({ href }))
    const real = { href: '/music/good.flac', size: good.length, etag: etagOf(good) }
    send207(response, multistatus([{ href: '/music/' }, ...strays, ...folders, real]))
    return true
  }
  await roundelay.ask(['sync', `${drive.url}music/`])
  expect((await roundelay.tracks()).map(({ path }) => path)).toEqual(['good.flac'])
  const allowed = ['PROPFIND /music/', 'GET /music/good.flac']
  expect([...asked].toSorted()).toEqual(allowed.toSorted())
})

const wicked: readonly string[] = [
  '/secret.flac',
  '/music/../secret.flac',
  '/music/%2e%2e/secret.flac',
  '/music/..%2Fsecret.flac',
  '/music/a%2Fb.flac',
  '/music/nul%00.flac',
  '/music//good.flac/..',
  '/music/sub/below.flac',
  '../secret.flac',
  '//127.0.0.1/music/other.flac',
  'http://127.0.0.2/music/elsewhere.flac',
  'file:///etc/passwd.flac',
  'javascript:x.flac',
]

async function expectAll(roundelay: Roundelay, address: string): Promise<void> {
  const report = await roundelay.ask(['sync', address])
  const found = new Map((await roundelay.tracks()).map(({ path, title }) => [title, path]))
  const expected = new Map(odd.map((name, index) => [`Title ${index}`, name]))
  expected.set(`Title ${odd.length}`, 'caf\ufffd.flac')
  expect(found).toEqual(expected)
  expect(report).not.toContain('skipped')
}
