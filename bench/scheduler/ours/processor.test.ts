import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { familyMs, lineOf, parseStat } from './processor.ts'

test('what stands behind the name is read, whatever the name is', () => {
  const stat = '7 (post) gres: (x) S 5 7 7 0 -1 4194560 9 8 7 6 120 30 40 10 20 0 1 0 99'
  expect(parseStat(stat)).toEqual({ parent: 5, ownMs: 1500, endedMs: 500 })
})

test('a process of this machine has a parent and has used its processor', async () => {
  const line = await lineOf(process.pid)
  expect(line.parent).toBe(process.ppid)
  expect(line.ownMs).toBeGreaterThan(0)
})

test('the time of children that have ended stays with the family', async () => {
  const before = await familyMs(process.pid)
  const work =
    'const until = process.cpuUsage().user + 3e5; while (process.cpuUsage().user < until);'
  spawnSync(process.execPath, ['-e', work])
  expect(await familyMs(process.pid)).toBeGreaterThanOrEqual(before + 250)
})
