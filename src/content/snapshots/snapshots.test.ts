import { afterEach, beforeEach, expect, test } from 'vitest'
import { SnapshotWorld } from '../../../test/content/snapshot-world.ts'
import { SyncError } from '../../base/errors.ts'
import { silentLog, type Fields, type Log } from '../../base/log.ts'
import type { ContentStore } from '../content-store.ts'
import { hashV1 } from '../hashing.ts'
import {
  answeredFact,
  askedFact,
  Snapshots,
  writtenFact,
  type SnapshotsParts,
} from './snapshots.ts'
import { firstMs, rangesUntil } from './time-range.ts'

const dayMs = 86_400_000
const nowMs = firstMs + 8 * dayMs + 7_200_000
const day = (n: number): number => firstMs + n * dayMs + 1_000
const everyMs = 6 * 3_600_000

let world: SnapshotWorld
let started: Snapshots[] = []
beforeEach(async () => {
  world = await SnapshotWorld.open(nowMs)
})
afterEach(async () => {
  await Promise.all(started.splice(0).map((snapshots) => snapshots.stop()))
  await world[Symbol.asyncDispose]()
})

function make(more: Partial<SnapshotsParts> = {}): Snapshots {
  const snapshots = new Snapshots({ ...world.parts(), everyMs, hasLegacy: false, ...more })
  started.push(snapshots)
  return snapshots
}

/** Until something is so; whatever is under way goes on meanwhile. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

/** The store, of which one call goes through `before` first. */
function storeWith(before: () => Promise<void>): ContentStore {
  return new Proxy(world.store, {
    get: (target, name: keyof ContentStore) => {
      const method = target[name].bind(target) as (...args: unknown[]) => unknown
      if (name !== 'snapshots') return method
      return async () => {
        await before()
        return method()
      }
    },
  })
}

const countOf = (snapshots: Snapshots): number | undefined =>
  snapshots.offered?.list.reduce((sum, { count }) => sum + count, 0)

test('offers nothing until the first are written, then the list as the network has it', async () => {
  await world.place({ timestamp: day(2) })
  const snapshots = make()
  expect(snapshots.offered).toBeNull()
  await snapshots.start()
  await until(() => snapshots.offered !== null)
  const { list, body, legacy, hashes } = snapshots.offered!
  expect(list.map(({ range }) => range)).toEqual(rangesUntil(nowMs))
  const [week] = list
  const told = JSON.parse(body.bytes.toString()) as object[]
  expect(told).toHaveLength(2)
  expect(Object.entries(told[0]!)).toEqual([
    ['hash', week!.hash],
    ['timeRange', { initTimestamp: firstMs, endTimestamp: firstMs + 7 * dayMs }],
    ['replacedSnapshotHashes', []],
    ['numberOfEntities', 1],
    ['generationTimestamp', await world.store.newestMs()],
  ])
  expect(body.etag).toBe(`"${hashV1(body.bytes)}"`)
  expect(legacy).toBeNull()
  expect([...hashes]).toEqual(list.map(({ hash }) => hash))
})

test('writes again after the interval', async () => {
  const snapshots = make()
  await snapshots.start()
  await until(() => snapshots.offered !== null)
  await world.place({ timestamp: day(2) })
  expect(countOf(snapshots)).toBe(0)
  await world.clock.step()
  await until(() => countOf(snapshots) === 1)
  expect(world.clock.elapsed()).toBe(nowMs + everyMs)
})

test('offers at once what was written before, and does not write it again', async () => {
  await world.place({ timestamp: day(2) })
  const before = await world.run()
  await world.place({ timestamp: day(3) })
  let looks = 0
  const snapshots = make({
    store: storeWith(async () => {
      looks++
    }),
  })
  await snapshots.start()
  expect(snapshots.offered?.list).toEqual(before)
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  expect(looks).toBe(1)
  await world.clock.step()
  await until(() => countOf(snapshots) === 2)
})

test('offers what was written before, though a day has gone since, and writes at once', async () => {
  await world.place({ timestamp: day(2) })
  const before = await world.run()
  world.clock.setWall(dayMs)
  const snapshots = make()
  await snapshots.start()
  expect(snapshots.offered?.list).toEqual(before)
  await until(() => snapshots.offered?.list.length === 3)
})

test('offers nothing of which a file or a range is missing, and writes it', async () => {
  await world.place({ timestamp: day(2) })
  const [week] = await world.run()
  await world.blobs.remove([week!.hash])
  const snapshots = make()
  await snapshots.reload()
  expect(snapshots.offered).toBeNull()
  await snapshots.start()
  await until(() => snapshots.offered !== null)
  await world.textOf(week!.hash)
})

test('one run at a time; whoever asks meanwhile gets what was deployed before he asked', async () => {
  const gates: (() => void)[] = []
  const store = storeWith(() => new Promise((resolve) => gates.push(resolve)))
  const snapshots = make({ store })
  const first = snapshots.writeNow()
  await until(() => gates.length === 1)
  await world.place({ timestamp: day(2) })
  const [second, third] = [snapshots.writeNow(), snapshots.writeNow()]
  expect(third).toBe(second)
  gates[0]?.()
  await first
  await until(() => gates.length === 2)
  gates[1]?.()
  await second
  expect([gates.length, countOf(snapshots)]).toEqual([2, 1])
})

test('a run that fails is told and logged, keeps what was offered, and is tried again soon', async () => {
  const errors: Fields[] = []
  const log: Log = { ...silentLog, error: (fields) => errors.push(fields) }
  let isFull = false
  const store = storeWith(async () => {
    if (isFull) throw new SyncError('disk-full', 'No space.')
  })
  const snapshots = make({ store, log })
  await snapshots.start()
  await until(() => snapshots.offered !== null)
  const before = snapshots.offered
  await world.place({ timestamp: day(2) })
  isFull = true
  await expect(snapshots.writeNow()).rejects.toMatchObject({ code: 'disk-full' })
  expect(snapshots.offered).toBe(before)
  expect(errors).toMatchObject([{ error: { code: 'disk-full' } }])
  await world.clock.step()
  await until(() => errors.length === 2)
  isFull = false
  const failedMs = world.clock.elapsed()
  await world.clock.step()
  await until(() => countOf(snapshots) === 1)
  expect(world.clock.elapsed() - failedMs).toBe(60_000)
})

test('a run that is stopped in the middle ends, without an error in the log, and nothing follows', async () => {
  const errors: Fields[] = []
  const log: Log = { ...silentLog, error: (fields) => errors.push(fields) }
  let runs = 0
  const snapshots = make({
    log,
    store: storeWith(async () => {
      if (++runs === 2) void snapshots.stop()
    }),
  })
  await snapshots.start()
  await until(() => runs === 2)
  const late = snapshots.writeNow()
  await expect(late).rejects.toMatchObject({ code: 'cancelled' })
  await snapshots.stop()
  expect([snapshots.offered, errors, runs]).toEqual([null, [], 2])
})

test('the one file of ADR-52’s own time has all that is active, and is written when something changed', async () => {
  const old = await world.place({ timestamp: 1 })
  const taken = await world.place({ timestamp: day(2), pointers: ['a'] })
  const snapshots = make({ hasLegacy: true })
  await snapshots.writeNow()
  const read = async () => {
    const { bytes } = snapshots.offered!.legacy!
    return JSON.parse(bytes.toString()) as {
      hash: string
      lastIncludedDeploymentTimestamp: number
      entities: object
    }
  }
  const first = await read()
  expect(await world.idsIn(first.hash)).toEqual([old, taken])
  expect(snapshots.offered!.hashes.has(first.hash)).toBe(true)
  expect(first).toMatchObject({
    lastIncludedDeploymentTimestamp: await world.store.newestMs(),
    entities: {},
  })
  await snapshots.writeNow()
  expect(await read()).toEqual(first)

  const today = await world.place({ timestamp: day(8), pointers: ['a'] })
  await snapshots.writeNow()
  const second = await read()
  expect(await world.idsIn(second.hash)).toEqual([old, today])
  world.clock.setWall(everyMs + 1)
  await snapshots.writeNow()
  expect([await world.isThere(first.hash), await world.isThere(second.hash)]).toEqual([false, true])
  const again = make({ hasLegacy: true })
  await again.reload()
  expect(again.offered?.legacy?.bytes.toString()).toBe(JSON.stringify(second))
  expect(again.offered?.list.map(({ range }) => range)).toEqual(rangesUntil(world.clock.now()))
})

test('of several processes one writes, and the others offer what it has written', async () => {
  const writer = make()
  let writes = 0
  const counting = new Proxy(world.store, {
    get: (target, name: keyof ContentStore) => {
      if (name === 'activity') writes++
      return target[name].bind(target)
    },
  })
  const reader = make({ isOurs: () => false, store: counting })
  await reader.start()
  await reader.look()
  expect(reader.offered).toBeNull()
  await writer.writeNow()
  await reader.look()
  expect(reader.offered?.list).toEqual(writer.offered?.list)
  await world.place({ timestamp: day(2) })
  await writer.writeNow()
  await reader.look()
  expect(countOf(reader)).toBe(1)
  // An hour in which it would have written what is missing.
  await world.place({ timestamp: day(3) })
  for (let minute = 0; minute < 60; minute++) await world.clock.step()
  await writer.writeNow()
  expect(countOf(reader)).toBe(1)
  expect(writes).toBe(0)
})

test('who takes over from another process writes within a minute', async () => {
  let isOurs = false
  const snapshots = make({ isOurs: () => isOurs })
  await snapshots.start()
  isOurs = true
  await world.clock.step(nowMs + 60_000)
  await until(() => snapshots.offered !== null)
})

test('what is asked for is written once', async () => {
  const { store, clock } = world
  const snapshots = make()
  await store.setFact(askedFact, 'by one')
  await snapshots.look()
  expect(await store.fact(answeredFact)).toBe('by one')
  const written = await store.fact(writtenFact)
  clock.setWall(1_000)
  await snapshots.look()
  expect(await store.fact(writtenFact)).toBe(written)
  await store.setFact(askedFact, 'by another')
  await snapshots.look()
  expect(await store.fact(writtenFact)).toBe(String(clock.now()))
  expect(await store.fact(answeredFact)).toBe('by another')
})

test('what a clock that was ahead has left is offered by nobody, once it is right again', async () => {
  const kept = await world.place({ timestamp: day(2) })
  const writer = make()
  await writer.writeNow()
  for (const aheadMs of [20 * dayMs, 400 * dayMs]) {
    world.clock.setWall(aheadMs)
    await writer.writeNow()
    world.clock.setWall(-aheadMs)
    await writer.writeNow()
    const other = make({ isOurs: () => false })
    await other.reload()
    expect(other.offered?.list).toEqual(writer.offered?.list)
    expect(other.offered?.list.map(({ range }) => range)).toEqual(rangesUntil(nowMs))
  }
  expect(await world.idsIn(writer.offered!.list[0]!.hash)).toEqual([kept])
})

test('a run that is right again leaves the one file of before', async () => {
  const writer = make({ hasLegacy: true })
  await writer.writeNow()
  const { legacy } = writer.offered!
  world.clock.setWall(20 * dayMs)
  await writer.writeNow()
  world.clock.setWall(-20 * dayMs)
  await writer.writeNow()
  const other = make({ isOurs: () => false })
  await other.reload()
  expect(other.offered?.legacy).toEqual(legacy)
})
