import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { made } from '../../test/content/deployments.ts'
import { SnapshotWorld } from '../../test/content/snapshot-world.ts'
import { systemClock, type Clock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { graceMs } from './blobs.ts'
import { Collector, type CollectorParts } from './collector.ts'
import { hashV1 } from './hashing.ts'

const keepDeadMs = 30 * 86_400_000

let world: SnapshotWorld
/** What has been slept for, in milliseconds; nobody sleeps for long. */
let pauses: number[]
beforeEach(async () => {
  world = await SnapshotWorld.open(Date.now())
  pauses = []
})
afterEach(() => world[Symbol.asyncDispose]())

function make(more: Partial<CollectorParts> = {}): Collector {
  const { store, blobs, files } = world
  const clock: Clock = {
    ...systemClock,
    now: () => world.clock.now(),
    sleep: async (ms, signal) => {
      signal?.throwIfAborted()
      pauses.push(ms)
    },
  }
  return new Collector({
    store,
    blobs: { remove: (...gone) => blobs.remove(...gone), names: (...page) => files.names(...page) },
    kept: async () => [],
    clear: (beforeMs) => files.clear(beforeMs),
    keepDeadMs,
    clock,
    log: silentLog,
    ...more,
  })
}

const never = new AbortController().signal

async function put(bytes = randomBytes(100)): Promise<string> {
  const source = (async function* () {
    yield bytes
  })()
  const received = await world.blobs.receive(source, {
    maxBytes: 1_000,
    isFile: true,
    signal: never,
  })
  await received.keep()
  return received.hash
}

test('content goes when nobody has needed it for the grace period, the dead when they were kept long enough', async () => {
  const [needed, lost, stray, retired, young] = [
    await put(),
    await put(),
    await put(),
    await put(),
    await put(),
  ]
  const there = async (): Promise<string[]> =>
    [...(await world.blobs.sizes([needed, lost, stray, retired, young])).keys()].toSorted()
  const [a, b] = [
    { file: 'a', hash: lost },
    { file: 'b', hash: needed },
  ]
  const old = made('old', { pointers: ['0,0'], timestamp: 1_000, content: [a, b] })
  const newer = made('newer', { pointers: ['0,0'], timestamp: 2_000, content: [b] })
  await world.deploy(old)
  await world.deploy(newer)
  let youngSinceMs = world.clock.now() + graceMs
  const collector = make({
    kept: async () => [retired],
    blobs: {
      remove: (gone) => world.blobs.remove(gone),
      names: async (...page) =>
        (await world.files.names(...page)).map(({ hash, receivedMs }) => ({
          hash,
          receivedMs: hash === young ? youngSinceMs : receivedMs,
        })),
    },
  })
  world.clock.setWall(graceMs / 2)
  expect(await collector.collect(never)).toEqual({ deployments: 0, blobs: 0, files: 0 })
  world.clock.setWall(graceMs)
  expect(await collector.collect(never)).toEqual({ deployments: 0, blobs: 0, files: 2 })
  expect(await there()).toEqual([needed, retired, young].toSorted())
  expect([...(await world.store.known([old.entityId])).keys()]).toEqual([old.entityId])

  world.clock.setWall(keepDeadMs)
  youngSinceMs = 0
  expect(await collector.collect(never)).toEqual({ deployments: 1, blobs: 0, files: 1 })
  expect(await there()).toEqual([needed, retired].toSorted())
  const known = await world.store.known([old.entityId, newer.entityId])
  expect([...known.keys()]).toEqual([newer.entityId])
})

test('a small blob that was held while its last user was let go of goes later', async () => {
  const bytes = Buffer.from('small')
  const blob = { hash: hashV1(bytes), bytes }
  const content = [{ file: 'a', hash: blob.hash }]
  const deployments = [made('old', { timestamp: 1_000, content })]
  await world.store.deploy({ deployments, blobs: [blob], failures: [], parts: [] })
  await world.deploy(made('new', { timestamp: 2_000 }))
  world.clock.setWall(graceMs - 1)
  await world.blobs.hold([blob.hash], world.clock.now())
  world.clock.setWall(1_000)
  expect(await make().collect(never)).toEqual({ deployments: 0, blobs: 0, files: 0 })
  world.clock.setWall(graceMs)
  expect(await make().collect(never)).toEqual({ deployments: 0, blobs: 1, files: 0 })
  expect(await world.blobs.sizes([blob.hash])).toEqual(new Map())
})

test('a pass takes as many steps as it has to, with a pause behind each', async () => {
  for (let n = 0; n < 3; n++) {
    await world.deploy(
      ...Array.from({ length: 150 }, (_, m) =>
        made(`${n} ${m}`, { pointers: ['a'], timestamp: 1_000 * n + m }),
      ),
    )
  }
  world.clock.setWall(keepDeadMs + 1)
  expect(await make().collect(never)).toMatchObject({ deployments: 449 })
  // Three steps of the dead, one of the blobs, one of the files.
  expect(pauses.length).toBeGreaterThanOrEqual(5)
  for (const ms of pauses) expect(ms).toBeGreaterThanOrEqual(50)
})

test('a pass that is called off ends between two steps', async () => {
  const controller = new AbortController()
  let steps = 0
  const collector = make({
    store: {
      collect: async () => {
        if (++steps === 2) controller.abort()
        return { hashes: [], blobs: 0, deployments: 0, isDone: false }
      },
      sweepBlobs: async () => ({ blobs: 0, last: null }),
      needed: async () => new Set(),
    },
  })
  await expect(collector.collect(controller.signal)).rejects.toThrow(/abort/)
  expect(steps).toBe(2)
})

test('passes are made by the process that it is for, now and then', async () => {
  let isOurs = false
  let passes = 0
  const waited: number[] = []
  const collector = make({
    isOurs: () => isOurs,
    clear: async () => {
      passes++
      throw new Error('the disk is away')
    },
    clock: {
      ...systemClock,
      sleep: async (ms, signal) => {
        waited.push(ms)
        isOurs = waited.length >= 2
        if (waited.length < 4) return
        await new Promise((resolve) => signal?.addEventListener('abort', resolve))
      },
    },
  })
  collector.start()
  while (waited.length < 4) await new Promise((resolve) => setImmediate(resolve))
  await collector.stop()
  // Not before it is ours; what fails is done again an hour later.
  expect(waited).toEqual([60_000, 60_000, 3_600_000, 3_600_000])
  expect(passes).toBe(2)
})
