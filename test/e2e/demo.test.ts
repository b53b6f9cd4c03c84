import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

it('npm start shows turns, a drive that goes and comes back, and three libraries, and ends well', async () => {
  const demo = spawn('npm', ['start', '--silent'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [shown, [status]] = await Promise.all([text(demo.stdout), once(demo, 'exit')])
  expect(status).toBe(0)
  // Whoever is listed first begins; from then on three of Charlie's turns come between two of anybody else's.
  const turns = shown.match(/^ {2}(?:Anna|Bob|Charlie)(?: (?:Anna|Bob|Charlie))*$/gm) ?? []
  expect(turns.map((line) => line.trim()).join(' ')).toMatch(
    /(?:Anna|Bob) Charlie Charlie Charlie (?:Anna|Bob) (?:Anna|Bob) Charlie Charlie Charlie/,
  )
  expect(shown).toMatch(/Bob's drive is switched off[\s\S]*Bob's drive is back/)
  expect(shown).toMatch(/Anna {5}14 tracks, 4 albums/)
  expect(shown).toMatch(/Bob {6}12 tracks/)
  expect(shown).toMatch(/Charlie {2}10 tracks/)
  expect(shown).toMatch(/¿Quién Llama\?/)
  expect(shown).toMatch(/npx roundelay sync ~\/Music/)
  expect(
    shown.match(/ (Anna|Bob|Charlie) +ba[a-z2-7]{14}…  on the second node \d+ ms later/g),
  ).toHaveLength(3)
}, 90_000)

it('cleans up when it is stopped while it plays, with a drive switched off', async () => {
  const home = await mkdtemp(join(tmpdir(), 'demo-stopped-'))
  const demo = spawn(process.execPath, ['--import', 'tsx', 'demo/main.ts'], {
    cwd: root,
    env: { ...process.env, TMPDIR: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const complaints = text(demo.stderr)
  const ended = once(demo, 'exit')
  let shown = ''
  for await (const piece of demo.stdout.setEncoding('utf8')) {
    shown += String(piece)
    if (shown.includes('is switched off')) demo.kill('SIGINT')
  }
  expect(await ended).toEqual([0, null])
  expect(await complaints).toBe('')
  expect(shown).not.toContain('The libraries:')
  const left = await readdir(home)
  expect(left.filter((name) => name.startsWith('roundelay'))).toEqual([])
  await rm(home, { recursive: true })
}, 60_000)
