import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { program, Roundelay, until } from './roundelay.ts'
import { ScriptedDrive } from './scripted-drive.ts'
import { hasTerminal, TerminalSession } from './terminal-session.ts'
import { tinyFlac } from './tiny-flac.ts'

let roundelay: Roundelay

beforeEach(async () => {
  roundelay = await Roundelay.create()
})

afterEach(() => roundelay[Symbol.asyncDispose]())

describe('of two syncs of one library', () => {
  test('the second finishes what the first was killed over', async () => {
    await using drive = await slowDrive(200)
    const first = roundelay.start(['sync', drive.url])
    await until(
      async () => drive.count('GET'),
      (count) => count > 0,
    )
    const second = roundelay.start(['sync', drive.url])
    // By then the second has long found that there is somebody at work.
    await until(
      async () => drive.count('GET'),
      (count) => count > 100,
    )
    first.kill('SIGKILL')
    expect((await first.ended).status).toBeNull()
    expect(await second.ended).toMatchObject({ status: 0, stderr: '' })
    expect(await roundelay.tracks()).toHaveLength(200)
  })

  test('the second goes on when the first has what it came for', async () => {
    await using small = await slowDrive(90)
    await using big = await slowDrive(1)
    await roundelay.ask(['sync', big.url, '--name', 'big'])
    const first = roundelay.start(['sync', small.url, '--name', 'small'])
    await until(
      async () => small.count('GET'),
      (count) => count > 0,
    )
    for (let n = 0; n < 400; n++) big.files.set(`more-${n}.flac`, tinyFlac({ TITLE: `More ${n}` }))
    const second = roundelay.start(['sync', big.url])
    expect((await first.ended).status).toBe(0)
    expect(await second.ended).toMatchObject({ status: 0, stderr: '' })
    expect(await roundelay.tracks()).toHaveLength(491)
  })
})

describe('a sync of every drive', () => {
  test(
    'reports those that are well, complains of each that is not, and ends with 1',
    { timeout: 60_000 },
    async () => {
      await using sick = await slowDrive(1)
      await using dead = await slowDrive(1)
      await using well = await slowDrive(5)
      await roundelay.ask(['sync', sick.url, '--name', 'a-sick'])
      await roundelay.ask(['sync', dead.url, '--name', 'b-dead'])
      await roundelay.ask(['sync', well.url, '--name', 'c-well'])
      well.files.set('new.flac', tinyFlac({ TITLE: 'New' }))
      sick.mischief = (_request, response) => {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
        return true
      }
      dead.mischief = (_request, response) => {
        response.writeHead(503).end()
        return true
      }
      const { status, stdout, stderr } = await roundelay.run(['sync', '--patience', '10s'])
      expect(status).toBe(1)
      expect(stderr).toMatch(/a-sick: .*401.*\[auth\][\s\S]*b-dead: .*503.*\[unavailable\]/)
      expect(stdout).toContain('me: 8 tracks')
    },
  )

  test('says which one is paused, and goes on with it once it is resumed', async () => {
    await using drive = await slowDrive(1)
    await roundelay.ask(['sync', drive.url, '--name', 'resting'])
    drive.files.set('new.flac', tinyFlac({ TITLE: 'New' }))
    expect(await roundelay.ask(['source', 'pause', 'resting'])).toContain('is paused')
    expect(await roundelay.ask(['source', 'list'])).toMatch(/^resting +paused/m)
    const refused = await roundelay.run(['sync'])
    expect(refused).toMatchObject({ status: 1, stdout: '' })
    expect(refused.stderr).toContain('resting is paused: roundelay source resume resting')
    expect(await roundelay.ask(['source', 'sync', 'resting'])).toMatch(
      /is paused.*roundelay source resume resting/,
    )
    expect(await roundelay.ask(['source', 'resume', 'resting'])).toBe('resting goes on.\n')
    expect(await roundelay.ask(['source', 'sync', 'resting'])).toContain('as soon as a server runs')
    await roundelay.ask(['sync'])
    expect(await roundelay.tracks()).toHaveLength(2)
  })
})

describe('what is typed of a drive that is known already', () => {
  test('holds from now on, or is refused; with or without a slash it is the same drive', async () => {
    await using drive = await ScriptedDrive.start({ 'music/1.flac': tinyFlac({ TITLE: 'One' }) })
    const address = `${drive.url}music`
    await roundelay.ask(['sync', address, '--name', 'mine'])
    await roundelay.ask(['sync', `${address}/`, '--interval', '6h'])
    const list = await roundelay.ask(['source', 'list'])
    // Rounds are spread by a tenth of the interval in either direction.
    expect(list).toMatch(/^source.*\nmine +waiting.* in [567] h .*\n$/)
    for (const [args, text] of refusals) {
      const { status, stderr } = await roundelay.run(['sync', ...args(address)], { input: 'x\n' })
      expect.soft(status, args(address).join(' ')).toBe(1)
      expect.soft(stderr).toMatch(text)
    }
    expect(await roundelay.ask(['source', 'list'])).toMatch(/^source.*\nmine .*\n$/)
  })

  test.skipIf(!hasTerminal)(
    'is a new password, asked for on a terminal when the old one is refused',
    async () => {
      await using drive = await ScriptedDrive.start({ '1.flac': tinyFlac({ TITLE: 'One' }) })
      let password = 'first'
      drive.mischief = ({ headers }, response) => {
        const login = Buffer.from(`anna:${password}`).toString('base64')
        if (headers.authorization === `Basic ${login}`) return false
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
        return true
      }
      const login = ['--user', 'anna', '--password-stdin']
      await roundelay.ask(['sync', drive.url, ...login], { input: password })
      password = 'second'
      const refused = await roundelay.run(['sync', drive.url])
      expect(refused.stderr).toMatch(
        /\[auth\]\n.*roundelay sync ADDRESS --user NAME --password-stdin/,
      )
      const results = `${roundelay.data}-results`
      const command = [process.execPath, program, 'sync', '--data', roundelay.data, drive.url]
      await using session = new TerminalSession(`${command.join(' ')} > ${results}`, {
        cwd: tmpdir(),
      })
      await session.shows(/Password of anna: $/)
      session.type(`${password}\r`)
      expect(await session.ended).toBe(0)
      expect(await readFile(results, 'utf8')).toMatch(/^me: 1 tracks, .*\n$/)
    },
  )
})

const refusals: readonly (readonly [(address: string) => string[], RegExp])[] = [
  [(address) => [address, '--name', 'other'], /its name is mine\. \[bad-input\]/],
  [(address) => [address, '--password-stdin'], /--user as well\. \[bad-input\]/],
  [(address) => [`${address}2`, '--password-stdin'], /--user as well\. \[bad-input\]/],
  [() => ['--interval', '6h'], /address as well\. \[bad-input\]/],
  [() => ['--password-stdin'], /address as well\. \[bad-input\]/],
]

test('what all commands share is said before or behind the name of the command', async () => {
  const elsewhere = `${roundelay.data}-2`
  await roundelay.ask(['user', 'add', 'anna', '--data', elsewhere])
  expect(await roundelay.ask(['status', '--data', elsewhere])).toContain('anna (free)')
  expect(await roundelay.ask(['status'])).toContain('no library yet')
  const serving = roundelay.start(['serve', '--port', '0', '--data', elsewhere])
  await serving.says(/answers on http:/)
})

/** A drive of so many files that takes its time over each. */
async function slowDrive(files: number): Promise<ScriptedDrive> {
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

/** Milliseconds. */
const slowMs = 200
