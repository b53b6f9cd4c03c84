import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Roundelay, until } from './roundelay.ts'
import { ScriptedDrive } from './scripted-drive.ts'
import { tinyFlac } from './tiny-flac.ts'

let roundelay: Roundelay

beforeEach(async () => {
  roundelay = await Roundelay.create()
})

afterEach(() => roundelay[Symbol.asyncDispose]())

/** A folder of music, below the data folder's own. */
async function makeFolder(name: string, titles: readonly string[]): Promise<string> {
  const folder = join(roundelay.data, '..', name)
  await mkdir(folder, { recursive: true })
  for (const title of titles) {
    await writeFile(join(folder, `${title}.flac`), tinyFlac({ TITLE: title }))
  }
  return folder
}

test('a drive that is resumed though it was not paused, or restarted, says what happens', async () => {
  const folder = await makeFolder('music', ['One'])
  await roundelay.ask(['sync', folder])
  expect(await roundelay.ask(['source', 'resume', 'music'])).toContain('music was not paused')
  await roundelay.ask(['source', 'pause', 'music'])
  expect(await roundelay.ask(['source', 'restart', 'music'])).toMatch(
    /^music is paused, .*: roundelay source resume music$/m,
  )
  expect(await roundelay.ask(['source', 'resume', 'music'])).toBe('music goes on.\n')
  expect(await roundelay.ask(['source', 'restart', 'music'])).toMatch(/as soon as a server runs/)
  await rename(folder, `${folder} away`)
  await roundelay.serve()
  await until(
    () => roundelay.ask(['source', 'list']),
    (list) => /resting|stopped/.test(list),
  )
  const said = await roundelay.ask(['source', 'restart', 'music'])
  expect(said).toMatch(/^music is asked for now, .*: roundelay status$/m)
  expect(said).toMatch(/^Its trouble so far: .*music/m)
})

test('a task that is no number, or has not failed, is told so', async () => {
  await roundelay.ask(['user', 'add', 'anna'])
  for (const verb of ['retry', 'drop']) {
    expect(await roundelay.run(['task', verb, 'abc'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('"abc" is no number of a task: roundelay task list'),
    })
    expect(await roundelay.run(['task', verb, '7'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('No task with the number 7 has failed'),
    })
  }
})

test('a drive that is removed is gone from everywhere, with or without a server, and one of its name begins anew', async () => {
  const folder = await makeFolder('music', ['One', 'Two'])
  await roundelay.ask(['sync', folder])
  expect(await roundelay.tracks()).toHaveLength(2)
  expect(await roundelay.ask(['source', 'remove', 'music'])).toBe('music is forgotten.\n')
  expect(await roundelay.tracks()).toEqual([])
  await roundelay.serve()
  for (const titles of [['Three'], ['Four']]) {
    const other = await makeFolder(`other/${titles.join()}/music`, titles)
    await roundelay.ask(['source', 'add', other, '--name', 'music'])
    const tracks = await until(
      () => roundelay.tracks(),
      (all) => all.length === 1,
    )
    expect(tracks.map(({ title }) => title)).toEqual(titles)
    expect(await roundelay.ask(['source', 'remove', 'music'])).toContain('music is forgotten')
    expect(await roundelay.tracks()).toEqual([])
    expect(await roundelay.ask(['search', titles.join()])).not.toContain(titles.join())
  }
})

test('folders and sources have their names in what is shown and logged, and do no harm there', async () => {
  await using drive = await ScriptedDrive.start({
    'My%20Music%1B%5B2J/one.flac': tinyFlac({ TITLE: 'One' }),
    'My%20Music%1B%5B2J/two.flac': tinyFlac({ TITLE: 'Two' }),
  })
  drive.mischief = ({ method, url }) => method === 'PROPFIND' && (url ?? '').includes('My%20')
  const { command } = await roundelay.serve([], { env: { ROUNDELAY_LOG_LEVEL: 'debug' } })
  await roundelay.ask(['user', 'add', 'anna'])
  await roundelay.ask(['source', 'add', drive.url, '--name', 'nas'])
  const text = await until(
    () => roundelay.ask(['status']),
    (status) => status.includes('My Music'),
  )
  expect(text).toMatch(/^list .* nas +list +My Music\ufffd\[2J/m)
  drive.mischief = () => false
  await roundelay.ask(['source', 'restart', 'nas'])
  await until(
    () => roundelay.tracks(),
    (tracks) => tracks.length === 2,
  )
  expect(command.stderr).toContain('"title":"source nas of anna"')
  expect(command.stderr).not.toContain('\u001b')
  expect(command.stderr).not.toContain('came too late')
})
