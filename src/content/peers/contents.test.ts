import { expect, test } from 'vitest'
import { made } from '../../../test/content/deployments.ts'
import { SyncError } from '../../base/errors.ts'
import { maxSmallBytes, type Received } from '../blobs.ts'
import { fetchContents } from './contents.ts'
import type { Wanted } from './fetcher.ts'

const { signal } = new AbortController()
const megabyte = 1_048_576

/** Somebody who has all, each of so many bytes, but for what is called `lost`. */
function having(size: number) {
  const asked: Wanted[] = []
  const dropped: string[] = []
  let [busy, busiest] = [0, 0]
  const fetch = async (wanted: Wanted): Promise<Received> => {
    asked.push(wanted)
    busiest = Math.max(busiest, ++busy)
    await new Promise((resolve) => setImmediate(resolve))
    busy--
    if (wanted.hash === 'lost') throw new SyncError('not-found', 'Nobody has it.')
    const bytes = size <= maxSmallBytes && wanted.isFile !== true ? Buffer.alloc(size) : null
    const keep = async (): Promise<void> => undefined
    const drop = async (): Promise<void> => void dropped.push(wanted.hash)
    const read = async (): Promise<Uint8Array> => Buffer.alloc(size)
    return { hash: wanted.hash, size, bytes, head: Buffer.alloc(0), read, keep, drop }
  }
  const all = (hashes: readonly string[], pointers = ['0,0']): ReturnType<typeof fetchContents> => {
    const deployment = made('a', { type: 'scene', pointers, timestamp: 1_795_200_000_000 })
    return fetchContents({ fetch }, { deployment, hashes, offeredBy: 3 }, signal)
  }
  return { all, asked, dropped, busiest: () => busiest }
}

function names(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => String(n))
}

test('all content is fetched from whoever offered it, sixteen pieces at the same time', async () => {
  const { all, asked, busiest } = having(10)
  const received = await all(names(100))
  expect(received.map(({ hash }) => hash)).toEqual(names(100))
  expect(asked[0]).toMatchObject({ offeredBy: 3, maxBytes: 15 * megabyte })
  expect(busiest()).toBe(16)
})

test('what is more than any rule allows is broken off, and dropped', async () => {
  const { all, asked, dropped } = having(megabyte)
  await expect(all(names(500))).rejects.toThrow('too big: more than 15728640 bytes')
  expect(asked.length).toBeLessThan(40)
  expect(dropped).toHaveLength(asked.length)
  // Twice as much is for two pointers.
  expect(await having(megabyte).all(names(30), ['0,0', '0,1'])).toHaveLength(30)
})

test('where one piece is not to be had no others are begun', async () => {
  const { all, asked, dropped } = having(10)
  await expect(all(['lost', ...names(500)])).rejects.toMatchObject({ code: 'not-found' })
  expect(asked.length).toBeLessThan(40)
  expect(dropped).toHaveLength(asked.length - 1)
})

test('no more than about 8 MiB of small content is kept in memory: the rest goes to files', async () => {
  const received = await having(60_000).all(
    names(1_000),
    names(10).map((x) => `${x},0`),
  )
  const inMemory = received.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0)
  expect(inMemory).toBeGreaterThan(7 * megabyte)
  expect(inMemory).toBeLessThan(9.5 * megabyte)
})
