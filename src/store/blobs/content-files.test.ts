import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isInstalled } from '../../../test/servers/installed.ts'
import { SyncError } from '../../base/errors.ts'
import {
  graceMs,
  holdMs,
  maxSmallBytes,
  type ReceiveLimits,
  type StoredBlob,
} from '../../content/blobs.ts'
import { hashV0, hashV1 } from '../../content/hashing.ts'
import { ContentFiles } from './content-files.ts'
import { receive } from './receiving.ts'

let root = ''
let files: ContentFiles
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'content-')), 'root')
  files = new ContentFiles({ root })
})
afterEach(() => rm(dirname(root), { recursive: true }))

const code = (expected: string) => expect.objectContaining({ code: expected })
const big = (extra = 1) => randomBytes(maxSmallBytes + extra)
const limits = (more: Partial<ReceiveLimits> = {}): ReceiveLimits => ({
  maxBytes: 100_000_000,
  signal: new AbortController().signal,
  ...more,
})

async function* inPieces(bytes: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

async function put(bytes: Uint8Array, more: Partial<ReceiveLimits> = {}): Promise<string> {
  const received = await receive(files, inPieces(bytes, 10_000), limits(more))
  await received.keep()
  return received.hash
}

async function bytesOf(blob: StoredBlob | null): Promise<Buffer | null> {
  if (blob === null) return null
  if (blob.body instanceof Uint8Array) return Buffer.from(blob.body)
  return Buffer.concat(await blob.body.toArray())
}

const pathOf = (hash: string): string => join(root, hash.slice(-2), hash.slice(-4, -2), hash)

const onDisk = async (): Promise<string[]> => {
  const entries = await readdir(dirname(root), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

test('what is small comes back, is no file, and has nothing to keep', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('hello'), randomBytes(maxSmallBytes)]) {
    const received = await receive(files, inPieces(bytes, 1_000), limits())
    expect(received).toMatchObject({ hash: hashV1(bytes), size: bytes.length })
    expect(Buffer.from(received.bytes!).equals(bytes)).toBe(true)
    expect(Buffer.from(received.head).equals(bytes.subarray(0, 64))).toBe(true)
    await received.keep()
    await received.drop()
    expect(await files.sizes([received.hash])).toEqual(new Map())
  }
  expect(await onDisk()).toEqual([])
})

test('what is big lies in a file once it is kept, however it was cut', async () => {
  for (const pieceBytes of [1, 999, 65_536, 65_537, 1_000_000]) {
    const bytes = big(pieceBytes === 1 ? 1 : 500_000)
    const received = await receive(files, inPieces(bytes, pieceBytes), limits())
    expect(received).toMatchObject({ hash: hashV1(bytes), size: bytes.length, bytes: null })
    expect(Buffer.from(received.head).equals(bytes.subarray(0, 64))).toBe(true)
    expect(await files.read(received.hash, null)).toBeNull()
    await received.keep()
    await received.keep()
    expect(await files.sizes([received.hash])).toEqual(new Map([[received.hash, bytes.length]]))
    expect((await bytesOf(await files.read(received.hash, null)))!.equals(bytes)).toBe(true)
  }
  expect((await onDisk()).length).toBe(5)
})

test('the old form of a hash is made of the whole', async () => {
  const bytes = big(300_000)
  const hash = await put(bytes, { form: 0 })
  expect(hash).toBe(hashV0(bytes))
  expect(await files.sizes([hash])).toEqual(new Map([[hash, bytes.length]]))
})

test('what is packed lies in files however small, as it is and as gzip', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('hello'), Buffer.alloc(9_000_000, 'abc')]) {
    const hash = await put(bytes, { isPacked: true })
    expect(hash).toBe(hashV1(bytes))
    expect((await bytesOf(await files.read(hash, null)))!.equals(bytes)).toBe(true)
    const gzip = (await files.readGzip(hash))!
    const packed = (await bytesOf(gzip))!
    expect([packed.length, gunzipSync(packed).equals(bytes)]).toEqual([gzip.size, true])
  }
  const unpacked = await put(big())
  expect(await files.readGzip(unpacked)).toBeNull()
})

test('gives the part that is asked for', async () => {
  const bytes = big(300_000)
  const hash = await put(bytes)
  const part = async (start: number, end: number): Promise<Buffer> => {
    const blob = (await files.read(hash, { start, end }))!
    expect(blob.size).toBe(bytes.length)
    return (await bytesOf(blob))!
  }
  expect((await part(0, 1)).equals(bytes.subarray(0, 1))).toBe(true)
  expect((await part(70_000, 300_000)).equals(bytes.subarray(70_000, 300_000))).toBe(true)
  expect((await part(300_000, 9_999_999)).equals(bytes.subarray(300_000))).toBe(true)
  expect(await part(bytes.length, bytes.length + 1)).toEqual(Buffer.alloc(0))
  expect(await part(5, 5)).toEqual(Buffer.alloc(0))
})

test('who reads holds what he reads, though it is removed meanwhile', async () => {
  const bytes = big(300_000)
  const hash = await put(bytes)
  const blob = await files.read(hash, null)
  await files.remove([hash, hash, '../../etc/passwd'])
  expect(await files.read(hash, null)).toBeNull()
  expect((await bytesOf(blob))!.equals(bytes)).toBe(true)
})

test('removes both forms', async () => {
  const hash = await put(Buffer.from('x'), { isPacked: true })
  await files.remove([hash])
  expect([await files.read(hash, null), await files.readGzip(hash)]).toEqual([null, null])
  expect(await onDisk()).toEqual([])
})

test('what is held counts as received, and is not removed with what is old', async () => {
  const [held, young, old] = [await put(big()), await put(big()), await put(big())]
  const nowMs = Date.now() + graceMs
  const lately = new Date(nowMs - holdMs + 1_000)
  await utimes(pathOf(young), lately, lately)
  const missing = hashV1(randomBytes(9))
  const sizes = await files.hold([held, young, missing, '../x'], nowMs)
  expect([...sizes.keys()].toSorted()).toEqual([held, young].toSorted())
  expect((await stat(pathOf(held))).mtimeMs).toBeCloseTo(nowMs, -2)
  // What came in lately is left as it is.
  expect((await stat(pathOf(young))).mtimeMs).toBeCloseTo(lately.getTime(), -2)
  await files.remove([held, old, missing], nowMs - 1_000)
  expect([...(await files.sizes([held, young, old])).keys()].toSorted()).toEqual(
    [held, young].toSorted(),
  )
  expect(await onDisk()).toHaveLength(2)
})

test('what is held is there, and what is there is held, though somebody removes it at that moment', async () => {
  const bytes = big()
  const others = new ContentFiles({ root })
  const outcomes = new Set<string>()
  for (let n = 0; n < 300; n++) {
    const hash = await put(bytes)
    const old = new Date(Date.now() - 2 * graceMs)
    await utimes(pathOf(hash), old, old)
    const hold = async (): Promise<boolean> => {
      for (let turn = 0; turn < n % 7; turn++) await new Promise((resolve) => setImmediate(resolve))
      return (await files.hold([hash], Date.now())).has(hash)
    }
    const [isHeld] = await Promise.all([hold(), others.remove([hash], Date.now() - graceMs)])
    const isThere = (await files.sizes([hash])).has(hash)
    outcomes.add(`held: ${isHeld}, there: ${isThere}`)
  }
  outcomes.delete('held: false, there: false')
  expect([...outcomes]).toEqual(['held: true, there: true'])
})

test('what a crash left half removed is there again', async () => {
  const hash = await put(big(), { isPacked: true })
  for (const name of [hash, `${hash}.gzip`]) {
    await rename(join(dirname(pathOf(hash)), name), join(root, 'aside', `removed.1.${name}`))
  }
  expect(await files.sizes([hash])).toEqual(new Map())
  await files.clear(Date.now() + graceMs)
  for (const form of [await files.read(hash, null), await files.readGzip(hash)])
    expect(await bytesOf(form)).not.toBeNull()
})

test('what has come in anew keeps both of its forms', async () => {
  const hash = await put(Buffer.from('x'), { isPacked: true })
  await files.remove([hash], Date.now() - 60_000)
  expect(await bytesOf(await files.read(hash, null))).toEqual(Buffer.from('x'))
  expect(gunzipSync((await bytesOf(await files.readGzip(hash)))!)).toEqual(Buffer.from('x'))
})

test('what is received again takes the place of what went bad', async () => {
  const bytes = big()
  const hash = await put(bytes)
  await truncate(pathOf(hash), 3)
  await put(bytes)
  expect((await bytesOf(await files.read(hash, null)))!.equals(bytes)).toBe(true)
})

test('leaves nothing of what is too big, is cut in the middle or fails', async () => {
  const bytes = big(100_000)
  await expect(
    receive(files, inPieces(bytes, 10_000), limits({ maxBytes: bytes.length - 1 })),
  ).rejects.toEqual(code('too-big'))
  const cut = Readable.from(
    (async function* () {
      yield bytes
      throw new SyncError('interrupted', 'The client went away.')
    })(),
  )
  await expect(receive(files, cut, limits({ isPacked: true }))).rejects.toEqual(code('interrupted'))
  const dropped = await receive(files, inPieces(bytes, 10_000), limits({ isPacked: true }))
  await dropped.drop()
  await dropped.drop()
  expect(await onDisk()).toEqual([])
  expect(
    (await receive(files, inPieces(bytes, 10_000), limits({ maxBytes: bytes.length }))).size,
  ).toBe(bytes.length)
})

test('leaves a source that gives nothing any more when it is called off', async () => {
  const called = new AbortController()
  // Called off once it has been asked for more than it has.
  const silent = new Readable({
    read: () => void setImmediate(() => called.abort(new SyncError('timeout', 'Too slow.'))),
  })
  silent.push(big())
  const receiving = receive(files, silent, limits({ signal: called.signal }))
  await expect(receiving).rejects.toEqual(code('timeout'))
  expect([silent.destroyed, await onDisk()]).toEqual([true, []])
})

test('takes only hashes for names, so that nothing reaches outside of its folder', async () => {
  await mkdir(root, { recursive: true })
  await writeFile(join(dirname(root), 'secret'), 'x')
  const names = ['', '.', '../secret', 'aside', `ba${'/'.repeat(57)}`, `ba${'a'.repeat(56)}\0`]
  for (const name of names) {
    expect(await files.read(name, null)).toBeNull()
    expect(await files.readGzip(name)).toBeNull()
  }
  expect(await files.sizes(names)).toEqual(new Map())
  await files.remove(names)
  expect(await onDisk()).toEqual(['secret'])
})

test('clears what a crash left half written, and nothing that is being written', async () => {
  await receive(files, inPieces(big(), 10_000), limits({ isPacked: true }))
  expect(await onDisk()).toHaveLength(2)
  await new ContentFiles({ root }).clear(Date.now() - 60_000)
  expect(await onDisk()).toHaveLength(2)
  await new ContentFiles({ root }).clear(Date.now() + 60_000)
  expect(await onDisk()).toEqual([])
})

test('names all files in pages, each once, with their ages', async () => {
  expect(await files.names(null, 10)).toEqual([])
  const kept: string[] = []
  for (let n = 0; n < 25; n++) kept.push(await put(Buffer.from(`blob ${n}`), { isPacked: true }))
  kept.push(await put(Buffer.from('old'), { isPacked: true, form: 0 }))
  const [first = ''] = kept
  const path = join(root, first.slice(-2), first.slice(-4, -2), first)
  const { mtimeMs } = await stat(path)
  // Its other form alone, as a crash leaves it; and what is none of ours.
  await rm(path)
  await writeFile(join(dirname(path), 'notes.txt'), '')
  await receive(files, inPieces(big(), 10_000), limits())
  const found: { hash: string; receivedMs: number }[] = []
  for (let page = await files.names(null, 10); page.length > 0;) {
    expect(page.length).toBeLessThanOrEqual(10)
    found.push(...page)
    page = await files.names(page.at(-1)!.hash, 10)
  }
  expect(found.map(({ hash }) => hash).toSorted()).toEqual(kept.toSorted())
  for (const { receivedMs } of found) expect(Math.abs(receivedMs - mtimeMs)).toBeLessThan(60_000)
})

test('says that the disk fails, and what was tried', async () => {
  const bytes = big()
  const hash = hashV1(bytes)
  await mkdir(root, { recursive: true })
  await writeFile(join(root, hash.slice(-2)), 'a file where a folder should be')
  await expect(put(bytes)).rejects.toEqual(
    expect.objectContaining({ code: 'database', message: expect.stringContaining(hash) }),
  )
})

test.skipIf(!isInstalled('prlimit'))('a full disk is told, and leaves nothing', async () => {
  const limit = (bytes: string) =>
    promisify(execFile)('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`])
  for (const isPacked of [false, true]) {
    await limit('200000')
    try {
      await expect(
        receive(files, inPieces(big(400_000), 50_000), limits({ isPacked })),
      ).rejects.toEqual(code('disk-full'))
    } finally {
      await limit('unlimited')
    }
    expect(await onDisk()).toEqual([])
  }
})

test('a hundred megabytes more cost no memory', async () => {
  const piece = randomBytes(1_000_000)
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let n = 0; n < 100; n++) yield piece
  }
  const before = process.memoryUsage().arrayBuffers
  let most = 0
  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const bytes of pieces()) {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
      yield bytes
    }
  }
  const received = await receive(files, watched(), limits({ isPacked: true }))
  await received.keep()
  expect(received.size).toBe(100_000_000)
  expect(most).toBeLessThan(30_000_000)
  const path = join(root, received.hash.slice(-2), received.hash.slice(-4, -2), received.hash)
  const [kept, expected] = [createHash('sha256'), createHash('sha256')]
  kept.update(await readFile(path))
  for (let n = 0; n < 100; n++) expected.update(piece)
  expect(kept.digest('hex')).toBe(expected.digest('hex'))
})
