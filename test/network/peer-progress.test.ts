import { expect, test } from 'vitest'
import { hashV1 } from '../../src/content/hashing.ts'
import { peerKind, retryKind } from '../../src/content/peers/kinds.ts'
import { abandonedMs, peerProgress } from '../../src/content/peers/peer-progress.ts'
import type { SourceStatus } from '../../src/engine/registry.ts'
import { MemoryNode } from './memory-node.ts'

const hash = hashV1(Buffer.from('a snapshot'))

/** Peers 1 to n, in these states; each has ended a round well. */
function registryOf(...states: readonly SourceStatus['state'][]) {
  const entries = [retryKind, ...states.map(() => peerKind)].map((kind, id) => ({
    id,
    ownerId: id,
    name: `peer${id}`,
    kind,
    address: '',
    settings: {},
    intervalMs: 5_000,
  }))
  return {
    peers: async () => entries,
    sourceStatus: async (id: number): Promise<SourceStatus | null> => {
      const [entry, state] = [entries[id], states[id - 1]]
      if (entry === undefined || state === undefined) return null
      return {
        ...entry,
        state,
        lastError: null,
        nextMs: null,
        lastRound: { outcome: 'clean', endedMs: 0, reason: null },
        withheld: 0,
        counts: { waiting: 0, running: 0, done: 0, failed: 0, skipped: 0 },
      }
    },
  }
}

async function caughtUp(node: MemoryNode, ...states: readonly SourceStatus['state'][]) {
  const { store } = node
  const progress = await peerProgress({ store, registry: registryOf(...states) })
  return progress.map(({ isCaughtUp }) => isCaughtUp)
}

test('peers whose rounds ended well are caught up with, but for those that nobody waits for', async () => {
  using node = new MemoryNode()
  const { store } = node
  const registry = registryOf('waiting', 'resting', 'stopped', 'paused')
  expect(await peerProgress({ store, registry })).toEqual([
    { isCaughtUp: true, isUnwell: false },
    { isCaughtUp: true, isUnwell: true },
    { isCaughtUp: true, isUnwell: true },
    { isCaughtUp: true, isUnwell: true },
  ])
})

test('N31 a snapshot that a peer has taken up and rests on keeps the others from being caught up with, for a while', async () => {
  using node = new MemoryNode()
  await node.store.takeSnapshot(hash, 2, 60_000)
  expect(await caughtUp(node, 'waiting', 'resting')).toEqual([false, false])
  await node.pass(abandonedMs - 1)
  expect(await caughtUp(node, 'waiting', 'resting')).toEqual([false, false])
  await node.pass(1)
  expect(await caughtUp(node, 'waiting', 'resting')).toEqual([true, true])
})

test('so does one that is being gone through, however long that takes', async () => {
  using node = new MemoryNode()
  await node.store.takeSnapshot(hash, 2, 60_000)
  await node.pass(10 * abandonedMs)
  expect(await caughtUp(node, 'waiting', 'listing')).toEqual([false, false])
  await node.store.noteProcessed([hash])
  expect(await caughtUp(node, 'waiting', 'listing')).toEqual([true, true])
})

test('so does one that failed, until it has been tried again several times', async () => {
  using node = new MemoryNode()
  let tries = 0
  for (let isLeft = true; isLeft; tries++) {
    await node.store.takeSnapshot(hash, 1, 60_000)
    await node.store.failSnapshot(hash, 'cut off')
    expect(await caughtUp(node, 'waiting')).toEqual([false])
    await node.pass(30_000 * 2 ** tries - 1)
    isLeft = !(await caughtUp(node, 'waiting'))[0]
    await node.pass(1)
  }
  expect(tries).toBe(5)
})
