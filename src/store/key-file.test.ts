import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadKeyFile, masterKeyFrom } from './key-file.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'key-file-'))
})
afterEach(() => rm(folder, { recursive: true }))

const badKey = (text: string) =>
  expect.objectContaining({ code: 'bad-key', message: expect.stringContaining(text) })

it('makes a key that only its owner can read, and gives the same one ever after', async () => {
  const path = join(folder, 'key')
  const { key, isNew } = await loadKeyFile(path)
  expect({ length: key.length, isNew }).toEqual({ length: 32, isNew: true })
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const again = await loadKeyFile(path)
  expect(Buffer.from(again.key).equals(key)).toBe(true)
  expect(again.isNew).toBe(false)
})

it('refuses a file that others may read, and leaves it as it is', async () => {
  const path = join(folder, 'key')
  await loadKeyFile(path)
  const before = await readFile(path)
  for (const mode of [0o640, 0o604, 0o660]) {
    await chmod(path, mode)
    await expect(loadKeyFile(path)).rejects.toEqual(badKey('chmod 600'))
  }
  expect((await readFile(path)).equals(before)).toBe(true)
})

it('refuses a file without a key rather than make another one, and shows nothing of it', async () => {
  const path = join(folder, 'key')
  for (const content of ['', 'hunter2', 'x'.repeat(2_000)]) {
    await writeFile(path, content, { mode: 0o600 })
    const error: Error = await loadKeyFile(path).then(
      () => expect.unreachable(),
      (thrown) => thrown,
    )
    expect(error).toEqual(badKey(path))
    expect(error.message).not.toContain('hunter2')
    expect(await readFile(path, 'utf8')).toBe(content)
  }
})

it('says so when the file cannot be made, and leaves no part of one', async () => {
  await expect(loadKeyFile(join(folder, 'no', 'key'))).rejects.toEqual(badKey('cannot be made'))
  await loadKeyFile(join(folder, 'whole'))
  expect((await readdir(folder)).filter((name) => name.startsWith('whole'))).toEqual(['whole'])
})

it('takes a key as hex or base64 of 32 bytes, and nothing else', () => {
  const key = randomBytes(32)
  for (const text of [
    key.toString('hex'),
    key.toString('hex').toUpperCase(),
    key.toString('base64'),
    key.toString('base64url'),
    ` ${key.toString('base64')}\n`,
  ]) {
    expect(Buffer.from(masterKeyFrom(text)).equals(key)).toBe(true)
  }
  for (const text of [
    '',
    'abc',
    randomBytes(31).toString('hex'),
    randomBytes(33).toString('base64'),
  ]) {
    expect(() => masterKeyFrom(text)).toThrow(badKey('32 bytes'))
  }
})
