import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { seededRandom } from '../../src/base/random.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { SqliteSql } from '../../src/store/sqlite/sqlite-sql.ts'
import { faultsIn } from '../contract/bench.ts'
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
async function outcomeOf(path: string): Promise<object> {
  const db = new Database(path)
  const shown = new ShownFiles(new SqliteSql(db, systemClock))
  const busySlots = db.prepare('select count(*) as n from slot where fence is not null').get()
  const tasks = db.prepare('select count(*) as n from task').get()
  const sources = []
  for (const id of [1, 2]) {
    sources.push({ shown: await shown.of(id), writes: await shown.writes(id) })
  }
  const outcome = { sources, busySlots, tasks, faults: faultsIn(db) }
  db.close()
  return outcome
}

it('W6 a real process, killed again and again, ends where one ends that was never killed', async () => {
  const whole = join(folder, 'whole.db')
  expect(live(whole, 'never')).toBe(true)
  const path = join(folder, 'killed.db')
  const random = seededRandom(Number(process.env['SEED'] ?? 20_200_217))
  let kills = 0
  while (!live(path, String(40 + Math.floor(random() * 330)))) {
    kills++
    expect(kills).toBeLessThan(200)
  }
  expect(kills).toBeGreaterThanOrEqual(8)
  expect(await outcomeOf(path)).toEqual(await outcomeOf(whole))
}, 240_000)
