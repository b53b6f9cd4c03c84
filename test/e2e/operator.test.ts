import { afterEach, beforeEach, expect, test } from 'vitest'
import type { WorkStatus } from '../../src/engine/operations.ts'
import { Roundelay, until } from './roundelay.ts'
import { ScriptedDrive } from './scripted-drive.ts'
import { tinyFlac } from './tiny-flac.ts'

let roundelay: Roundelay

beforeEach(async () => {
  roundelay = await Roundelay.create()
})

afterEach(() => roundelay[Symbol.asyncDispose]())

async function work(): Promise<WorkStatus> {
  const status = await roundelay.ask(['status', '--json'])
  return (JSON.parse(status) as { work: WorkStatus }).work
}

test('a drive that hangs is seen in its slots, and restarted', async () => {
  await using drive = await ScriptedDrive.start({
    'good.flac': tinyFlac({ TITLE: 'Good' }),
    'hangs%1B%5B2J.flac': tinyFlac({ TITLE: 'Late' }),
  })
  drive.mischief = ({ method, url }) => method === 'GET' && (url ?? '').includes('hangs')
  await roundelay.serve()
  await roundelay.ask(['user', 'add', 'anna'])
  await roundelay.ask(['source', 'add', drive.url, '--name', 'nas'])
  const isAlone = ({ slots, lanes }: WorkStatus): boolean =>
    slots.length === 1 && lanes.length === 1 && lanes[0]?.waiting === 0
  const { slots } = await until(work, (now) => isAlone(now) && now.slots[0]?.kind === 'read')
  expect(slots).toMatchObject([
    { owner: 'anna', source: 'nas', what: 'hangs\u001b[2J.flac', sinceMs: expect.any(Number) },
  ])
  const text = await roundelay.ask(['status'])
  expect(text).toMatch(/^slots in use: list 0 of 24, read 1 of 32$/m)
  expect(text).toMatch(/^read \d +\d+ s +anna +nas +read +hangs\ufffd\[2J\.flac +\S+:\d+$/m)
  expect(text).toMatch(/^anna +read +sync +1 +0 +1 +100 % +-?\d+\.\d\d$/m)

  drive.mischief = () => false
  await roundelay.ask(['user', 'plan', 'anna', 'premium'])
  expect(await roundelay.ask(['source', 'restart', 'nas'])).toContain('begins anew')
  // What hangs keeps its slot until its lease passes; what it was to read is read in another one.
  await until(
    () => roundelay.tracks(),
    (tracks) => tracks.length === 2,
  )
  const restarted = await until(work, isAlone)
  expect(restarted.slots).toMatchObject([{ kind: null, what: '' }])
  expect(restarted.lanes).toMatchObject([{ weight: 3, running: 1 }])
  expect(await roundelay.ask(['status'])).toMatch(/^read \d .* given up /m)
})

test('a process that is paused ends what it does and begins nothing, until it is resumed', async () => {
  await using drive = await ScriptedDrive.start({ 'one.flac': tinyFlac({ TITLE: 'One' }) })
  expect(await roundelay.ask(['process', 'list'])).toContain('No process does the work')
  await roundelay.serve()
  await roundelay.ask(['user', 'add', 'anna'])
  expect(await roundelay.ask(['process', 'list'])).toMatch(/:\d+ +\d+ s +0 of 56 +works$/m)
  expect(await roundelay.ask(['process', 'pause'])).toContain('1 paused')
  expect(await roundelay.ask(['process', 'list'])).toMatch(/0 of 56 +paused$/m)
  await roundelay.ask(['source', 'add', drive.url, '--name', 'nas'])
  const asked = drive.count('PROPFIND')
  const { lanes } = await until(work, ({ lanes: [lane] }) => lane !== undefined)
  expect(lanes).toMatchObject([{ pool: 'list', waiting: 1, running: 0 }])
  expect(drive.count('PROPFIND')).toBe(asked)
  expect(await roundelay.ask(['process', 'resume'])).toContain('1 resumed')
  await until(
    () => roundelay.tracks(),
    (tracks) => tracks.length === 1,
  )
})

test('what nobody can mean is said', async () => {
  await roundelay.ask(['user', 'add', 'anna'])
  expect(await roundelay.ask(['task', 'list'])).toBe('No task has failed.\n')
  expect(await roundelay.ask(['task', 'list', '--json', '--all'])).toBe('{"tasks":[]}\n')
  expect(await roundelay.ask(['restart-stuck'])).toBe(
    '0 drives stood still, 0 tasks were parked.\n',
  )
  expect(await roundelay.ask(['restart-stuck', '--json'])).toBe('{"sources":[],"tasks":0}\n')
  for (const [args, message] of [
    [['task', 'drop', '99'], /No task 99 waits/],
    [['task', 'retry', 'x'], /No task x waits/],
    [['task', 'retry'], /Name one task, or a drive/],
    [['task', 'drop', '1', '--all', 'nas'], /Name one task, or a drive/],
    [['task', 'drop', '--all', 'nas'], /anna has no source named nas/],
    [['process', 'pause', 'nobody'], /There is no nobody/],
    [['process', 'pause'], /No process does the work/],
  ] as const) {
    const { status, stderr } = await roundelay.run(args)
    expect(status, args.join(' ')).toBe(1)
    expect(stderr).toMatch(message)
  }
})
