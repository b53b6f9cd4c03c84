import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { SourceStatus } from '../../src/engine/registry.ts'
import { startApache } from '../servers/apache.ts'
import { freePort, sharedDir } from '../servers/process.ts'
import { AccessLog } from './access-log.ts'
import { isInstalled } from '../servers/installed.ts'
import { golden, Roundelay } from './roundelay.ts'
import { ScriptedDrive } from './scripted-drive.ts'
import { tinyFlac } from './tiny-flac.ts'

const collection = fileURLToPath(new URL('../../collection', import.meta.url))

describe('a folder', () => {
  test('becomes a library that every command speaks of', async () => {
    await using roundelay = await Roundelay.create()
    const report = await roundelay.ask(['sync', join(collection, 'anna')])
    const tracks = await roundelay.tracks()
    expect(tracks.length).toBeGreaterThanOrEqual(10)
    expect(report).toContain(`me: ${tracks.length} tracks, `)
    expect(tracks).toContainEqual(
      expect.objectContaining({
        path: 'The Wren Quartet/Small Hours/02 Moth Waltz.mp3',
        title: 'Moth Waltz',
        artist: 'The Wren Quartet',
        album: 'Small Hours',
        track: 2,
        coverId: expect.any(Number),
      }),
    )
    expect(await roundelay.ask(['search', 'moth', 'walt'])).toMatch(/Moth Waltz .*mp3/)
    expect(await roundelay.ask(['search', 'LAGRIMA', 'descal'])).toContain('La Mañana Descalza')
    expect(await roundelay.ask(['search', 'nosuchword'])).toBe('Nothing found.\n')
    expect(await roundelay.ask(['status'])).toMatch(
      new RegExp(`me \\(free\\): ${tracks.length} tracks.*\n.*\nanna +waiting`, 's'),
    )
    const doctor = await roundelay.ask(['doctor'])
    expect(doctor).toContain('the database is sound')
    expect(doctor).toContain('source anna of me answers')
  })

  test('is followed: what changed is read again, what went away is not shown any more', async () => {
    await using roundelay = await Roundelay.create()
    const folder = await mkdtemp(join(tmpdir(), 'roundelay-music-'))
    try {
      await writeFile(join(folder, 'one.flac'), tinyFlac({ TITLE: 'One' }))
      await writeFile(join(folder, 'two.flac'), tinyFlac({ TITLE: 'Two' }))
      await writeFile(join(folder, 'three.flac'), tinyFlac({ TITLE: 'Three' }))
      await roundelay.ask(['sync', folder])
      const before = await roundelay.tracks()
      await writeFile(join(folder, 'two.flac'), tinyFlac({ TITLE: 'Zwei' }))
      await rm(join(folder, 'three.flac'))
      // Without an address: all drives of the only user there is.
      await roundelay.ask(['sync'])
      const after = await roundelay.tracks()
      expect(after.map(({ title }) => title).toSorted()).toEqual(['One', 'Zwei'])
      const idOf = (path: string, tracks: typeof before): number | undefined =>
        tracks.find((track) => track.path === path)?.id
      expect(idOf('two.flac', after)).toBe(idOf('two.flac', before))
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe.skipIf(!isInstalled('apache2'))('a WebDAV drive behind a login', () => {
  const account = { user: 'anna', password: 'pässword:1 %' }

  test('is opened once: a second sync reads nothing, a changed file alone is read again', async () => {
    await using roundelay = await Roundelay.create()
    const root = await sharedDir('music')
    await cp(join(collection, 'anna'), root, { recursive: true })
    await writeFile(join(root, 'changing.flac'), tinyFlac({ TITLE: 'Before' }))
    const apache = await startApache({ root, ...account })
    try {
      const log = new AccessLog(apache)
      const passwordFile = join(root, '..', `${Math.random()}.password`)
      await writeFile(passwordFile, `${account.password}\nnot this line\n`)
      const login = ['--user', account.user, '--password-file', passwordFile]
      await roundelay.ask(['sync', apache.url, ...login])
      await rm(passwordFile)
      const first = await log.news()
      const tracks = await roundelay.tracks()
      expect(new Set(first.filter((line) => line.startsWith('GET'))).size).toBe(tracks.length)

      await roundelay.ask(['sync', apache.url, '--user', account.user])
      expect((await log.news()).filter((line) => line.startsWith('GET'))).toEqual([])

      await writeFile(join(root, 'changing.flac'), tinyFlac({ TITLE: 'And after' }))
      await roundelay.ask(['sync'])
      const third = (await log.news()).filter((line) => line.startsWith('GET'))
      expect(third).toEqual(['GET /dav/changing.flac'])
      const titles = (await roundelay.tracks()).map(({ title }) => title)
      expect(titles).toContain('And after')
      expect(titles).not.toContain('Before')
    } finally {
      await apache.stop()
      await rm(root, { recursive: true })
    }
  })

  test('takes the password from the standard input, and keeps a good one when a wrong one is typed', async () => {
    await using roundelay = await Roundelay.create()
    const root = await sharedDir('music')
    await writeFile(join(root, 'one.flac'), tinyFlac({ TITLE: 'One' }))
    const apache = await startApache({ root, ...account })
    try {
      const typed = ['sync', apache.url, '--user', account.user, '--password-stdin']
      const refused = await roundelay.run(typed, { input: 'wrong\n' })
      expect(refused).toMatchObject({ status: 1, stdout: '' })
      expect(refused.stderr).toMatch(/127\.0\.0\.1.*401.*\[auth\]\n.*user name and password/)
      // What did not answer well is not kept, nor is anybody for whom it would have been.
      expect((await roundelay.run(['source', 'list'])).stderr).toContain('no library yet')

      await roundelay.ask(typed, { input: `${account.password}\r\n` })
      expect(await roundelay.tracks()).toMatchObject([{ title: 'One' }])

      const later = await roundelay.run(typed, { input: 'wrong again\n' })
      expect(later.status).toBe(1)
      expect(later.stderr).toContain('[auth]')
      expect(await roundelay.ask(['source', 'list'])).toContain('waiting')
      await roundelay.ask(['sync'])
      expect(await roundelay.tracks()).toHaveLength(1)
    } finally {
      await apache.stop()
      await rm(root, { recursive: true })
    }
  })
})

test.skipIf(process.platform !== 'linux')(
  'a data folder that cannot be is refused at once',
  async () => {
    await using roundelay = await Roundelay.create()
    const { status, stderr } = await roundelay.run(['--data', '/proc/nowhere/data', 'status'])
    expect(status).toBe(1)
    expect(stderr).toMatch(/data folder \/proc\/nowhere\/data cannot be used.*\[database\]/)
  },
)

describe.concurrent('a drive that is none', () => {
  test.each([
    ['http://anna:secret@127.0.0.1:1/', 'bad-address', /User name and password.*--user/],
    ['http://127.0.0.1:1/?a=b', 'bad-address', /no \?/],
    ['ftp://127.0.0.1/', 'bad-address', /folder.*https/],
    ['http://', 'bad-address', /no valid URL/],
    ['http://nowhere.invalid/', 'unknown-host', /nowhere\.invalid.*\n.*host name/],
    ['/no/such/folder', 'root-missing', /folder \/no\/such\/folder failed.*\n.*mount it/],
    ['', 'bad-address', /empty/],
  ])('"%s" is refused with %s', async (address, code, text) => {
    await using roundelay = await Roundelay.create()
    const { status, stdout, stderr, ms } = await roundelay.run(['sync', address])
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain(`[${code}]`)
    expect(stderr).toMatch(text)
    expect(stderr).not.toContain('secret')
    expect(ms).toBeLessThan(15_000)
  })

  test('where nobody listens, is unreachable', async () => {
    await using roundelay = await Roundelay.create()
    const { status, stderr } = await roundelay.run([
      'sync',
      `http://127.0.0.1:${await freePort()}/`,
    ])
    expect(status).toBe(1)
    expect(stderr).toMatch(/127\.0\.0\.1.*ECONNREFUSED.*\[unreachable\]\n.*switched on/)
  })

  test('that accepts and never answers, is given up in ten seconds', async () => {
    await using roundelay = await Roundelay.create()
    const server = createServer(() => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' ? address?.port : 0
    const { status, stderr, ms } = await roundelay.run(['sync', `http://127.0.0.1:${port}/`])
    server.close()
    expect(status).toBe(1)
    expect(stderr).toMatch(/127\.0\.0\.1.*in time.*\[timeout\]/)
    expect(ms).toBeLessThan(20_000)
  })

  test.each([
    ['a page', 200, 'not-a-drive'],
    ['no such method', 405, 'not-a-drive'],
    ['forbidden', 403, 'forbidden'],
    ['nothing there', 404, 'root-missing'],
    ['an error', 500, 'unavailable'],
  ])('that answers with %s (%i), says %s', async (_what, answered, code) => {
    await using roundelay = await Roundelay.create()
    await using drive = await ScriptedDrive.start()
    drive.mischief = (_request, response) => {
      response.writeHead(answered, { 'content-type': 'text/html' }).end('<p>Welcome!</p>')
      return true
    }
    const { status, stderr } = await roundelay.run(['sync', drive.url])
    expect(status).toBe(1)
    expect(stderr).toMatch(new RegExp(`127\\.0\\.0\\.1.*${answered}.*\\[${code}\\]\n  \\S`))
  })
})

describe('users and their sources', () => {
  test('are added, listed, changed and removed', async () => {
    await using roundelay = await Roundelay.create()
    const folder = join(collection, 'bob')
    await roundelay.ask(['user', 'add', 'anna'])
    await roundelay.ask(['user', 'add', 'böb', '--plan', 'premium'])
    await roundelay.ask(['user', 'plan', 'anna', 'premium'])
    await roundelay.ask(['user', 'plan', 'böb', 'free'])
    const users = await roundelay.ask(['user', 'list'])
    expect(users).toMatch(/^anna +premium/m)
    expect(users).toMatch(/^böb +free/m)

    const forBob = ['--for', 'böb']
    expect(await roundelay.run(['source', 'add', folder])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('--for NAME'),
    })
    await roundelay.ask(['source', 'add', folder, ...forBob, '--name', 'disk', '--interval', '6h'])
    expect(await roundelay.ask(['source', 'list', ...forBob])).toMatch(/^disk +new.*bob$/m)
    expect(await roundelay.ask(['source', 'check', 'disk', ...forBob])).toBe('disk answers.\n')
    expect(await roundelay.ask(['source', 'sync', 'disk', ...forBob, '--full'])).toContain('disk')
    await roundelay.ask(['sync', ...forBob])
    const tracks = await roundelay.tracks(...forBob)
    expect(tracks.length).toBeGreaterThanOrEqual(8)
    expect(await roundelay.tracks('--for', 'anna')).toEqual([])
    expect(await roundelay.ask(['source', 'list', ...forBob])).toMatch(/waiting.*in [4-7] h/)
    expect(await roundelay.ask(['source', 'confirm-deletions', 'disk', ...forBob])).toBe(
      'Nothing of disk is withheld.\n',
    )
    expect(await roundelay.ask(['source', 'remove', 'disk', ...forBob])).toBe(
      'disk is forgotten.\n',
    )
    expect(await roundelay.tracks(...forBob)).toEqual([])
    expect(await roundelay.ask(['doctor'])).toContain('the database is sound')
  })

  test('say of themselves in JSON what they are', async () => {
    await using roundelay = await Roundelay.create()
    const folder = join(collection, 'bob')
    const report = JSON.parse(await roundelay.ask(['sync', folder, '--json'])) as {
      user: string
      sources: SourceStatus[]
      library: { tracks: number }
    }
    const tracks = await roundelay.tracks()
    expect(report).toMatchObject({
      user: 'me',
      sources: [{ name: 'bob', address: folder, state: 'waiting', withheld: 0 }],
      library: { tracks: tracks.length },
    })
    const status = JSON.parse(await roundelay.ask(['status', '--json'])) as object
    expect(status).toMatchObject({
      users: [{ user: 'me', plan: 'free', library: report.library, sources: [{ name: 'bob' }] }],
      stalls: [],
    })
    const found = JSON.parse(await roundelay.ask(['search', 'depot', '--json'])) as object
    expect(found).toMatchObject({ tracks: [{ title: 'Depot' }] })
  })

  test('have names, and flags have values, that are refused when they are odd', async () => {
    await using roundelay = await Roundelay.create()
    await roundelay.ask(['user', 'add', 'anna'])
    for (const args of oddities) {
      const { status, stdout, stderr } = await roundelay.run(args)
      expect.soft({ status, stdout }, args.join(' ')).toEqual({ status: 1, stdout: '' })
      expect.soft(stderr).not.toMatch(/\[internal\]|\[database\]|at .*\.js:/)
      expect.soft(stderr).not.toContain('\u001b')
      expect.soft(stderr).toMatch(/^(roundelay: .+\[bad-input\]|error: .+)\n|^A plan is/)
    }
    expect(await roundelay.ask(['user', 'list'])).toMatch(/^user.*\nanna .*\n$/)
    expect(await roundelay.ask(['source', 'list'])).toContain('no source yet')
  })
})

const oddities: readonly (readonly string[])[] = [
  ['user', 'add', 'a b'],
  ['user', 'add', '../anna'],
  ['user', 'add', ''],
  ['user', 'add', 'anna\nbob'],
  ['user', 'add', '\u001b[2Janna'],
  ['user', 'add', 'a'.repeat(65)],
  ['user', 'add', 'anna'],
  ['user', 'plan', 'anna', 'gold'],
  ['source', 'add', collection, '--name', 'a/b'],
  ['source', 'add', collection, '--for', 'bob'],
  ['source', 'add', collection, '--interval', '1 day'],
  ['source', 'check', "x'; drop table source; --"],
  ['search', 'x', '--limit', 'many'],
  ['--port', '65536', 'status'],
  ['status', '--frobnicate'],
]

test('what the tags of strangers say cannot move the cursor', async () => {
  await using roundelay = await Roundelay.create()
  const folder = join(roundelay.data, '..', 'music')
  await mkdir(folder)
  const title = '\u001b[2J\u001b]0;owned\u0007\r\u202etxt'
  await writeFile(join(folder, 'one.flac'), tinyFlac({ TITLE: title, ARTIST: '\u009b31m' }))
  await writeFile(join(folder, 'bad\u001b[31m.flac'), 'no music')
  const outputs = [
    await roundelay.ask(['sync', folder]),
    await roundelay.ask(['tracks']),
    await roundelay.ask(['search', 'owned']),
    await roundelay.ask(['status']),
  ]
  // oxlint-disable-next-line no-control-regex
  expect(outputs.join('')).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  expect(outputs[2]).toContain('owned')
})

test('the help of every command is the one in test/golden/help.txt (UPDATE_GOLDEN=1 writes it)', async () => {
  await using roundelay = await Roundelay.create()
  const commands = helped.split('\n').map((line) => line.trim())
  const texts: string[] = []
  for (const command of commands) {
    const args = command.split(' ').slice(1)
    texts.push(`$ ${command} --help\n${await roundelay.ask([...args, '--help'])}`)
  }
  const text = texts.join('\n')
  const file = golden('help.txt')
  if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(file.path, text)
  expect(text).toBe(await file.read())
  // A command that is added is added here as well.
  const listed = [...text.matchAll(/^Commands:\n((?: +.*\n)+)/gm)].map(([, lines]) => lines ?? '')
  const told = listed.flatMap((lines) =>
    [...lines.matchAll(/^ {2}([a-z-]+)/gm)].map((each) => each[1]),
  )
  expect(new Set(told)).toEqual(
    new Set(['help', ...commands.slice(1).map((command) => command.split(' ').at(-1))]),
  )
})

const helped = `roundelay
  roundelay sync
  roundelay serve
  roundelay user
  roundelay user add
  roundelay user list
  roundelay user plan
  roundelay source
  roundelay source add
  roundelay source list
  roundelay source check
  roundelay source sync
  roundelay source pause
  roundelay source resume
  roundelay source restart
  roundelay source remove
  roundelay source confirm-deletions
  roundelay status
  roundelay task
  roundelay task list
  roundelay task retry
  roundelay task drop
  roundelay restart-stuck
  roundelay process
  roundelay process list
  roundelay process pause
  roundelay process resume
  roundelay node
  roundelay node status
  roundelay node verify
  roundelay node snapshot
  roundelay search
  roundelay tracks
  roundelay doctor
  roundelay key
  roundelay key adopt`
