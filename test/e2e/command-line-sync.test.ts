import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Roundelay, until } from './roundelay.ts'
import { ScriptedDrive } from './scripted-drive.ts'
import { tinyFlac } from './tiny-flac.ts'

let roundelay: Roundelay

beforeEach(async () => {
  roundelay = await Roundelay.create()
})

afterEach(() => roundelay[Symbol.asyncDispose]())

describe('of two syncs of one library', () => {
  test('the second finishes what the first was killed over', async () => {
    await using drive = await slowDrive(300)
    const first = roundelay.start(['sync', drive.url])
    await until(
      async () => drive.count('GET'),
      (count) => count > 0,
    )
    const second = roundelay.start(['sync', drive.url])
    // By then the second has long found that there is somebody at work.
    await until(
      async () => drive.count('GET'),
      (count) => count > 150,
    )
    first.kill('SIGKILL')
    expect((await first.ended).status).toBeNull()
    expect(await second.ended).toMatchObject({ status: 0, stderr: '' })
    expect(await roundelay.tracks()).toHaveLength(300)
  })

  test('the second goes on when the first has what it came for', async () => {
    await using small = await slowDrive(150)
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
    expect(await roundelay.tracks()).toHaveLength(551)
  })
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
