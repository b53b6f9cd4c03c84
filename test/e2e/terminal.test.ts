import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { program, Roundelay, until } from './roundelay.ts'
import { ScriptedDrive } from './scripted-drive.ts'
import { hasTerminal, TerminalSession } from './terminal-session.ts'
import { tinyFlac } from './tiny-flac.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const enter = '\r'
const backspace = '\u007f'
const ctrlC = '\u0003'

describe.skipIf(!hasTerminal)('on a terminal', () => {
  const password = 'sesame-ö1'

  test('the password is asked for, and what is typed is not shown', async () => {
    await using roundelay = await Roundelay.create()
    await using drive = await lockedDrive(password)
    await using session = syncing(roundelay, drive)
    await session.shows(/Password of anna: $/)
    session.type(`${password}x${backspace}${enter}`)
    expect(await session.ended).toBe(0)
    expect(session.shown).not.toMatch(/sesame/)
    expect(session.shown).toMatch(/me: 1 tracks?, /)
    expect(await roundelay.tracks()).toMatchObject([{ title: 'One' }])
  })

  test('Ctrl-C instead of a password ends it, and nothing is kept', async () => {
    await using roundelay = await Roundelay.create()
    await using drive = await lockedDrive(password)
    await using session = syncing(roundelay, drive)
    await session.shows(/Password of anna: $/)
    session.type(`sesame${ctrlC}`)
    expect(await session.ended).toBe(1)
    expect(session.shown).toMatch(/No password was given.*\[cancelled\]/)
    expect(session.shown).not.toMatch(/sesame/)
    expect(drive.count('PROPFIND')).toBe(0)
    const listed = await roundelay.run(['source', 'list'])
    expect(listed.stdout).not.toContain('127.0.0.1')
  })
})

describe.skipIf(!hasTerminal)('npm start on a terminal', () => {
  let folder = ''

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roundelay-terminal-'))
  })

  afterEach(() => rm(folder, { recursive: true }))

  const start = (): TerminalSession =>
    new TerminalSession('npm start --silent', { cwd: root, env: { TMPDIR: folder } })
  const dataFolders = async (): Promise<string[]> =>
    (await readdir(folder)).filter((name) => name.startsWith('roundelay-demo-'))

  test('stays up until Ctrl-C, and takes its data with it', { timeout: 90_000 }, async () => {
    await using session = start()
    const [, url = ''] = await session.shows(/answers on (\S+)api\/status until you press Ctrl-C/)
    expect(await (await fetch(`${url}api/status`)).text()).toContain('Charlie')
    expect(await dataFolders()).toHaveLength(1)
    session.type(ctrlC)
    await session.ended
    await until(dataFolders, ({ length }) => length === 0)
    await expect(fetch(`${url}api/status`)).rejects.toThrow('fetch failed')
  })

  test('ends in the middle, too', { timeout: 90_000 }, async () => {
    await using session = start()
    await session.shows(/turns +\w/)
    expect(await dataFolders()).toHaveLength(1)
    session.type(ctrlC)
    await session.ended
    await until(dataFolders, ({ length }) => length === 0)
  })
})

function syncing(roundelay: Roundelay, drive: ScriptedDrive): TerminalSession {
  const command = [process.execPath, program, '--data', roundelay.data, 'sync', drive.url]
  return new TerminalSession(`${command.join(' ')} --user anna`, { cwd: root })
}

/** A drive with one file, for Anna with this password alone. */
async function lockedDrive(password: string): Promise<ScriptedDrive> {
  const drive = await ScriptedDrive.start({ 'one.flac': tinyFlac({ TITLE: 'One' }) })
  const login = `Basic ${Buffer.from(`anna:${password}`).toString('base64')}`
  drive.mischief = ({ headers }, response) => {
    if (headers.authorization === login) return false
    response.writeHead(401).end()
    return true
  }
  return drive
}
