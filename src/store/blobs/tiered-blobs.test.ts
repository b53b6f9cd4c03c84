import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { onEveryDatabase } from '../../../test/library/world.ts'
import { graceMs, maxSmallBytes, type StoredBlob } from '../../content/blobs.ts'
import { hashV1 } from '../../content/hashing.ts'
import { SmallBlobs } from '../sql/content/small-blobs.ts'
import type { SqlDatabase } from '../sql/sql.ts'
import { ContentFiles } from './content-files.ts'
import { TieredBlobs } from './tiered-blobs.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tiered-'))
})
afterEach(() => rm(root, { recursive: true }))

const limits = { maxBytes: 1_000_000, signal: new AbortController().signal }

/** As the store does it with the deployment that brings it. */
async function writeRow(db: SqlDatabase, bytes: Uint8Array): Promise<string> {
  const hash = hashV1(bytes)
  await db.run(
    'insert into small_blob (hash, size, stored_ms, bytes) values (?, ?, 0, ?) on conflict do nothing',
    hash,
    bytes.length,
    bytes,
  )
  return hash
}

async function bytesOf(blob: StoredBlob | null): Promise<Buffer | null> {
  if (blob === null) return null
  if (blob.body instanceof Uint8Array) return Buffer.from(blob.body)
  return Buffer.concat(await blob.body.toArray())
}

onEveryDatabase((open) => {
  const opened = async (): Promise<{ db: SqlDatabase; blobs: TieredBlobs }> => {
    const world = await open()
    const { db } = world
    world.nowMs = 2 * graceMs
    await db.run('delete from small_blob')
    const files = new ContentFiles({ root })
    return { db, blobs: new TieredBlobs({ small: new SmallBlobs({ sql: db }), files }) }
  }

  test('finds what is small in its row, and what is big in its file', async () => {
    const { db, blobs } = await opened()
    const [small, big] = [randomBytes(100), randomBytes(maxSmallBytes + 1)]
    const hash = await writeRow(db, small)
    const received = await blobs.receive(
      (async function* () {
        yield big
      })(),
      limits,
    )
    expect(big.equals(await received.read())).toBe(true)
    expect(await blobs.open(received.hash, null)).toBeNull()
    await received.keep()
    const missing = hashV1(randomBytes(10))
    const asked = [hash, received.hash, missing, 'none', hash, '\0']
    expect(await blobs.sizes(asked)).toEqual(
      new Map([
        [hash, 100],
        [received.hash, maxSmallBytes + 1],
      ]),
    )
    expect((await bytesOf(await blobs.open(hash, null)))!.equals(small)).toBe(true)
    expect((await bytesOf(await blobs.open(received.hash, null)))!.equals(big)).toBe(true)
    expect([await blobs.open(missing, null), await blobs.open('\0', null)]).toEqual([null, null])
    expect(await blobs.openGzip(hash)).toBeNull()
    expect((await blobs.names(null, 10)).map(({ hash }) => hash)).toEqual([received.hash])

    await blobs.remove(asked)
    expect(await blobs.sizes(asked)).toEqual(new Map())
  })

  test('what is held is not removed with what is old, row or file', async () => {
    const { db, blobs } = await opened()
    const [row, old] = [await writeRow(db, randomBytes(100)), await writeRow(db, randomBytes(100))]
    const received = await blobs.receive(Readable.from([randomBytes(maxSmallBytes + 1)]), limits)
    await received.keep()
    // The clock of the rows is moved by hand, and behind that of the disk.
    const nowMs = await db.now()
    const asked = [row, received.hash, 'none']
    const sizes = await blobs.hold(asked, Date.now() + 2 * graceMs)
    expect(sizes).toEqual(
      new Map([
        [row, 100],
        [received.hash, maxSmallBytes + 1],
      ]),
    )
    await blobs.remove([...asked, old], nowMs - 1)
    expect(await blobs.sizes([...asked, old])).toEqual(sizes)
  })

  test('gives the part of a row that is asked for', async () => {
    const { db, blobs } = await opened()
    const bytes = randomBytes(100)
    const hash = await writeRow(db, bytes)
    const part = async (start: number, end: number) => {
      const blob = await blobs.open(hash, { start, end })
      expect(blob?.size).toBe(100)
      return bytesOf(blob)
    }
    expect(await part(10, 20)).toEqual(bytes.subarray(10, 20))
    expect(await part(90, 200)).toEqual(bytes.subarray(90))
    expect(await part(100, 101)).toEqual(Buffer.alloc(0))
  })

  test('what is small comes back to be written with what brings it', async () => {
    const { db, blobs } = await opened()
    const bytes = randomBytes(maxSmallBytes)
    const received = await blobs.receive(
      (async function* () {
        yield bytes
      })(),
      limits,
    )
    await received.keep()
    expect(await blobs.sizes([received.hash])).toEqual(new Map())
    await writeRow(db, received.bytes!)
    expect((await bytesOf(await blobs.open(received.hash, null)))!.equals(bytes)).toBe(true)
  })
})
