import { afterEach, expect, test } from 'vitest'
import { Bench, sqliteSubject } from '../../test/contract/bench.ts'
import { attendance, leftBehind, type Attendance } from './attendance.ts'

const minute = 60_000
let bench: Bench

afterEach(() => bench.close())

async function told(): Promise<Attendance> {
  const { operations, store: tasks, policy, clock } = bench
  return attendance({
    operations,
    tasks,
    policy,
    database: { sql: { now: async () => clock.now() } },
  })
}

test('where nobody works and something waits, it is a failure once it has waited for as long as a stall', async () => {
  bench = await Bench.open(sqliteSubject)
  expect(await told()).toEqual({ state: 'works', isWell: true, text: '1 process does the work.' })
  await bench.store.close()
  expect(await told()).toMatchObject({
    state: 'nobody',
    isWell: true,
    text: expect.stringMatching(
      /^No process works now, and nothing waits for one: roundelay serve/,
    ),
  })
  await bench.addSource('anna')
  bench.pass(5 * minute)
  await bench.addSource('bob')
  bench.pass(5 * minute - 1)
  const waiting = await told()
  expect(waiting).toMatchObject({ state: 'nobody', isWell: true })
  expect(waiting.text).toMatch(
    /^No process works now: 2 drives wait for one, since 10 min\. Start /,
  )
  expect(waiting.text).toMatch(/roundelay serve .* After 10 min that is a failure\.$/)
  bench.pass(1)
  expect(await told()).toMatchObject({ state: 'nobody', isWell: false })
})

test('a pause by an operator is told and is no failure, however much waits', async () => {
  bench = await Bench.open(sqliteSubject)
  await bench.addSource('anna')
  await bench.operations.pauseProcess(null, true)
  bench.pass(60 * minute)
  expect(await told()).toEqual({
    state: 'paused',
    isWell: true,
    text: 'Paused by an operator: nothing new begins until somebody resumes it (roundelay process resume).',
  })
})

test('what a process had that ended without a word is told, and when others have it', async () => {
  bench = await Bench.open(sqliteSubject)
  const [one] = await bench.operations.processes(1)
  const process = { ...one!, name: 'host:1', busy: 3, heardMs: 1_000, goneMs: 16_000 }
  expect(leftBehind([process, { ...process, state: 'gone', busy: 0 }], 9_000)).toEqual([])
  expect(leftBehind([{ ...process, state: 'silent' }], 9_000)).toEqual([
    'host:1 tells nothing: what it has in 3 slots goes to others in 7 s if that lasts.',
  ])
  expect(leftBehind([{ ...process, state: 'gone', busy: 1 }], 17_000)).toEqual([
    'host:1 is gone: what it had in 1 slot goes to whoever works next, at once.',
  ])
  const silent = { ...process, state: 'silent' as const }
  const { operations: _operations, store: tasks, policy } = bench
  const parts = { tasks, policy, database: { sql: { now: async () => 9_000 } } }
  const operations = {
    processes: async () => [silent, { ...silent, heardMs: 500, goneMs: 15_500 }],
  }
  expect(await attendance({ ...parts, operations })).toEqual({
    state: 'unheard',
    isWell: true,
    text: 'No process works now, as far as is heard: the last one spoke 8 s ago, and is taken for gone in 7 s.',
  })
})
