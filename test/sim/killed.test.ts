import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { faultsOf } from '../contract/bench.ts'
import { ShownFiles } from './shown-files.ts'

const child = fileURLToPath(new URL('killed-child.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'roundelay-killed-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Lives one life; true if it ended by itself. */
function live(path: string, killAt: string): boolean {
  const { status, signal, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', child, path, killAt],
    {
      encoding: 'utf8',
    },
  )
  if (signal === 'SIGKILL') return false
  expect({ status, stderr }).toEqual({ status: 0, stderr: expect.not.stringContaining('rror') })
  return true
}

/** What is to be seen in the end, and how often it was written. */
function outcomeOf(path: string): object {
  const db = new Database(path)
  const shown = new ShownFiles(db)
  const busySlots = db.prepare('select count(*) as n from slot where task_id is not null').get()
  const tasks = db.prepare('select count(*) as n from task').get()
  const sources = [1, 2].map((id) => ({ shown: shown.of(id), writes: shown.writes(id) }))
  const outcome = { sources, busySlots, tasks, faults: faultsOf(db) }
  db.close()
  return outcome
}

it('W6 a real process, killed twenty times and more, ends where one ends that was never killed', () => {
  const whole = join(folder, 'whole.db')
  expect(live(whole, 'never')).toBe(true)
  const path = join(folder, 'killed.db')
  const random = seededRandom(Number(process.env['SEED'] ?? 20_200_217))
  let kills = 0
  while (!live(path, String(40 + Math.floor(random() * 560)))) {
    kills++
    expect(kills).toBeLessThan(200)
  }
  expect(kills).toBeGreaterThanOrEqual(20)
  expect(outcomeOf(path)).toEqual(outcomeOf(whole))
}, 240_000)
