import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { DiskBlobs } from './disk-blobs.ts'

let root = ''
let blobs: DiskBlobs
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'blobs-')), 'root')
  blobs = new DiskBlobs({ root, maxBytes: 1_000 })
  await blobs.open()
})
afterEach(() => rm(join(root, '..'), { recursive: true }))

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const code = (expected: string) => expect.objectContaining({ code: expected })
const files = async () =>
  (await readdir(root, { recursive: true, withFileTypes: true })).filter((each) => each.isFile())

it('gives back what was put, also after a new start, once however often it was put', async () => {
  const bytes = randomBytes(1_000)
  const hash = hashOf(bytes)
  expect([await blobs.has(hash), await blobs.get(hash)]).toEqual([false, null])
  await Promise.all([blobs.put(hash, bytes), blobs.put(hash, bytes), blobs.put(hash, bytes)])
  const again = new DiskBlobs({ root, maxBytes: 1_000 })
  await again.open()
  expect(await again.has(hash)).toBe(true)
  expect(Buffer.from((await again.get(hash))!).equals(bytes)).toBe(true)
  expect(await files()).toHaveLength(1)
})

it('forgets what is removed, also twice', async () => {
  const hash = hashOf(Buffer.from('x'))
  await blobs.put(hash, Buffer.from('x'))
  await blobs.remove(hash)
  await blobs.remove(hash)
  expect([await blobs.has(hash), await blobs.get(hash)]).toEqual([false, null])
})

it('refuses bytes with another hash and bytes beyond the limit, and keeps nothing of them', async () => {
  const big = randomBytes(1_001)
  await expect(blobs.put(hashOf(Buffer.from('x')), Buffer.from('y'))).rejects.toEqual(
    code('bad-input'),
  )
  await expect(blobs.put(hashOf(big), big)).rejects.toEqual(code('too-big'))
  await mkdir(root, { recursive: true })
  expect(await files()).toEqual([])
})

it('takes only a sha256 for a name, so that nothing reaches outside of its folder', async () => {
  for (const name of [
    '',
    '../../etc/passwd',
    'A'.repeat(64),
    `${'a'.repeat(63)}/`,
    'a'.repeat(65),
  ]) {
    await expect(blobs.get(name)).rejects.toEqual(code('bad-input'))
    await expect(blobs.has(name)).rejects.toEqual(code('bad-input'))
    await expect(blobs.put(name, Buffer.from('x'))).rejects.toEqual(code('bad-input'))
    await expect(blobs.remove(name)).rejects.toEqual(code('bad-input'))
  }
})

it('gives nothing rather than bytes that went bad on the disk, and can be given them anew', async () => {
  const bytes = Buffer.from('x')
  const hash = hashOf(bytes)
  await blobs.put(hash, bytes)
  await writeFile(join(root, hash.slice(0, 2), hash.slice(2, 4), hash), 'bad')
  expect(await blobs.get(hash)).toBeNull()
  await blobs.put(hash, bytes)
  expect(Buffer.from((await blobs.get(hash))!).equals(bytes)).toBe(true)
})

it('clears what a crash left half written', async () => {
  await mkdir(join(root, 'aside'), { recursive: true })
  await writeFile(join(root, 'aside', 'half'), 'x')
  await blobs.open()
  expect(await files()).toEqual([])
})

it('says that the disk fails, with the name of the blob', async () => {
  const hash = hashOf(Buffer.from('x'))
  await mkdir(root, { recursive: true })
  await writeFile(join(root, hash.slice(0, 2)), 'a file where a folder should be')
  await expect(blobs.put(hash, Buffer.from('x'))).rejects.toEqual(
    expect.objectContaining({ code: 'database', message: expect.stringContaining(hash) }),
  )
})

it('names all that is kept, in pages, and nothing that is half written', async () => {
  expect(await blobs.hashes('', 10)).toEqual([])
  const kept = Array.from({ length: 25 }, (_, n) => Buffer.from(`blob ${n}`))
  for (const bytes of kept) await blobs.put(hashOf(bytes), bytes)
  await mkdir(join(root, 'aside'), { recursive: true })
  await writeFile(join(root, 'aside', '0'.repeat(64)), '')
  const names: string[] = []
  for (let page = await blobs.hashes('', 10); page.length > 0;) {
    expect(page.length).toBeLessThanOrEqual(10)
    names.push(...page)
    page = await blobs.hashes(page.at(-1)!, 10)
  }
  expect(names).toEqual(kept.map(hashOf).toSorted())
})
