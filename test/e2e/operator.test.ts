import { afterEach, beforeEach, expect, test } from 'vitest'
import type { WorkStatus } from '../../src/engine/operations.ts'
import type { Check } from '../../src/http/health.ts'
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

/** What `/health` says of the work. */
async function workCheck(url: string): Promise<Check | undefined> {
  const answer = await fetch(`${url}/health`)
  const { checks } = (await answer.json()) as { checks: readonly Check[] }
  return checks.find(({ name }) => name === 'work')
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
  expect(await roundelay.ask(['source', 'restart', 'nas'])).toContain('asked for now')
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
  expect(await roundelay.ask(['process', 'list'])).toMatch(
    /^No process works now, .*roundelay serve/,
  )
  const { url } = await roundelay.serve()
  await roundelay.ask(['user', 'add', 'anna'])
  expect(await roundelay.ask(['process', 'list'])).toMatch(/:\d+ +\d+ s +now +0 of 56 +works$/m)
  expect(await workCheck(url)).toMatchObject({ isWell: true, message: '1 process does the work.' })
  expect(await roundelay.ask(['process', 'pause'])).toContain('1 paused')
  expect(await roundelay.ask(['process', 'list'])).toMatch(/now +0 of 56 +paused$/m)
  const pause = /Paused by an operator: .*roundelay process resume/
  expect(await workCheck(url)).toMatchObject({
    isWell: true,
    message: expect.stringMatching(pause),
  })
  expect(await roundelay.ask(['status'])).toMatch(pause)
  expect(await roundelay.ask(['status'])).toMatch(/^slots in use: list 0 of 24, read 0 of 32$/m)
  expect(await roundelay.ask(['doctor'])).toMatch(/^note +Paused by an operator/m)
  expect(await roundelay.ask(['restart-stuck'])).toMatch(pause)
  expect((await work()).processes).toMatchObject([{ state: 'paused', heardMs: null }])
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

test('a process that was killed is told from one that works, and what it held, and that nobody works', async () => {
  await using drive = await ScriptedDrive.start({ 'hangs.flac': tinyFlac({ TITLE: 'Late' }) })
  drive.mischief = ({ method }) => method === 'GET'
  const { command } = await roundelay.serve()
  await roundelay.ask(['user', 'add', 'anna'])
  await roundelay.ask(['source', 'add', drive.url, '--name', 'nas'])
  await until(work, ({ slots }) => slots[0]?.kind === 'read')
  command.kill('SIGKILL')
  await command.ended
  const list = await roundelay.ask(['process', 'list'])
  expect(list).toMatch(/:\d+ +\d+ s +- +1 of 56 +gone$/m)
  expect(list).toMatch(/:\d+ is gone: what it had in 1 slot goes to whoever works next/)
  const nobody =
    /^No process works now: 1 drive waits for one, since \d+ s\. Start roundelay serve/m
  expect(list).toMatch(nobody)
  const status = await roundelay.ask(['status'])
  expect(status).toMatch(nobody)
  expect(status).toMatch(/^read \d +\d+ s +anna +nas +read +hangs\.flac/m)
  expect(await roundelay.ask(['doctor'])).toMatch(/^note +No process works now: /m)
  expect(await roundelay.ask(['restart-stuck'])).toMatch(nobody)
  expect((await work()).processes).toMatchObject([{ state: 'gone', isPaused: false, busy: 1 }])
  expect(await roundelay.ask(['process', 'pause'])).toMatch(nobody)
  // A pause of somebody who is gone is none.
  const { url } = await roundelay.serve(['--roles', 'api'])
  expect(await workCheck(url)).toMatchObject({
    isWell: true,
    message: expect.stringMatching(nobody),
  })
})

test('what nobody can mean is said', async () => {
  await roundelay.ask(['user', 'add', 'anna'])
  expect(await roundelay.ask(['task', 'list'])).toBe('No task has failed.\n')
  expect(await roundelay.ask(['task', 'list', '--json', '--all'])).toBe('{"tasks":[]}\n')
  expect(await roundelay.ask(['restart-stuck'])).toMatch(
    /^Nothing was stuck: no drive's work has stood still for 10 min, and no task is parked\.\nNo process works now, /,
  )
  expect(JSON.parse(await roundelay.ask(['restart-stuck', '--json']))).toMatchObject({
    sources: [],
    tasks: 0,
    attendance: { state: 'nobody' },
  })
  for (const [args, message] of [
    [['task', 'drop', '99'], /No task with the number 99/],
    [['task', 'retry', 'x'], /"x" is no number of a task/],
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
