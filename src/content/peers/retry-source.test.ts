import { describe, expect, it } from 'vitest'
import {
  makeIdentity,
  signedProfile,
  simpleChain,
  type SignedEntity,
} from '../../../test/content/signer.ts'
import { MemoryNode } from '../../../test/network/memory-node.ts'
import { offered } from '../../../test/network/memory-peer.ts'
import type { Batch } from '../../engine/source.ts'
import { entityTypes, type DeploymentOffer, type EntityType } from '../entity.ts'
import { failureBackoff, type ContentEffect } from '../content-store.ts'
import { RetrySource } from './retry-source.ts'

const { signal } = new AbortController()
const every: ReadonlySet<EntityType> = new Set(entityTypes)
const timestamp = 1_795_200_000_000

function profile(n: number, atMs = n): SignedEntity {
  return signedProfile({ identity: makeIdentity(n), timestamp: timestamp + atMs })
}

function failure(
  offer: DeploymentOffer,
  sourceId: number | null,
): ContentEffect['failures'][number] {
  return { ...offer, sourceId, description: 'Nobody has it.', snapshotHash: null }
}

/** These were offered, and nobody had them. */
async function fail(node: MemoryNode, ...signed: readonly SignedEntity[]): Promise<void> {
  const failures = signed.map((each) => failure(offered(each), null))
  await node.store.deploy({ deployments: [], blobs: [], failures, parts: [] })
}

/** One step, of which the effects are stored; gives how many there were, and what follows from it. */
async function round(
  node: MemoryNode,
  types = every,
): Promise<{ effects: number; next: readonly string[] }> {
  const { store, intake } = node
  const batches: Batch[] = []
  for await (const batch of new RetrySource({ store, intake, types }).list(null, signal)) {
    batches.push(batch)
    // What intakes give.
    if (batch.effect !== undefined) await store.deploy(batch.effect as ContentEffect)
  }
  return {
    effects: batches.filter(({ effect }) => effect !== undefined).length,
    next: batches.flatMap(({ next = [] }) => next.map(({ step }) => step)),
  }
}

describe('N13 what failed', () => {
  it('is tried when its time has come, and not before; from whoever has it', async () => {
    using node = new MemoryNode()
    const peer = node.peer(7).has(profile(1))
    await fail(node, profile(1))
    expect(await round(node)).toEqual({ effects: 0, next: [] })
    expect(peer.asked).toEqual([])
    await node.pass(failureBackoff.baseMs)
    await round(node)
    expect(await node.active()).toEqual([profile(1).entityId])
    expect(await node.failures()).toEqual({})
  })

  it('is tried again, ever later, for as long as nobody has it', async () => {
    using node = new MemoryNode()
    const peer = node.peer(7)
    await fail(node, profile(1))
    for (const factor of [1, 2, 4]) {
      const asked = peer.asked.length
      await node.pass(factor * failureBackoff.baseMs - 1)
      await round(node)
      expect(peer.asked).toHaveLength(asked)
      await node.pass(1)
      await round(node)
      expect(peer.asked).toHaveLength(asked + 1)
    }
    expect(Object.keys(await node.failures())).toEqual([profile(1).entityId])
  })

  it('is left to whoever tries it for ten minutes', async () => {
    using node = new MemoryNode()
    await fail(node, profile(1))
    await node.pass(failureBackoff.baseMs)
    const { store, intake } = node
    // It takes what is due, and dies.
    for await (const _ of new RetrySource({ store, intake, types: every }).list(null, signal)) break
    const peer = node.peer(7).has(profile(1))
    await node.pass(599_999)
    await round(node)
    expect(peer.asked).toEqual([])
    await node.pass(1)
    await round(node)
    expect(await node.active()).toEqual([profile(1).entityId])
  })

  it('is forgotten once something greater is in its place', async () => {
    using node = new MemoryNode()
    const newer = profile(1, 9)
    const peer = node.peer(7).has(newer)
    await fail(node, profile(1))
    const feed = { sourceId: 7, snapshotHash: null }
    await node.deploy(node.intake.take([offered(newer)], feed, signal))
    peer.has(profile(1)).asked.length = 0
    await node.pass(failureBackoff.baseMs)
    await round(node)
    expect(peer.asked).toEqual([])
    expect(await node.failures()).toEqual({})
  })

  it('is forgotten where this node does not take its kind any more', async () => {
    using node = new MemoryNode()
    await fail(node, profile(1))
    await node.pass(failureBackoff.baseMs)
    await round(node, new Set<EntityType>(['scene']))
    expect(await node.failures()).toEqual({})
  })

  it('leaves the rest to be tried where somebody is down', async () => {
    using node = new MemoryNode()
    const all = Array.from({ length: 101 }, (_, n) => profile(n))
    node.peer(6).isAway = true
    node.peer(7).has(profile(100))
    await fail(node, ...all)
    await node.pass(failureBackoff.baseMs)
    expect((await round(node)).next).toEqual(['more'])
    await round(node)
    expect(await node.active()).toEqual([profile(100).entityId])
  })

  it('is tried a hundred a step: where there may be more, another step follows', async () => {
    using node = new MemoryNode()
    const all = Array.from({ length: 101 }, (_, n) => profile(n))
    const peer = node.peer(7)
    for (const each of all) peer.has(each)
    await fail(node, ...all)
    await node.pass(failureBackoff.baseMs)
    expect((await round(node)).next).toEqual(['more'])
    expect(await node.active()).toHaveLength(100)
    expect((await round(node)).next).toEqual([])
    expect(await node.active()).toHaveLength(101)
  })

  it('is taken though others say false things of it: who signed it, where it points, of when it is', async () => {
    using node = new MemoryNode()
    const [honest, other] = [profile(1), profile(2, 9)]
    const [mine, evil] = [offered(honest), makeIdentity(2)]
    const forged = { ...mine, authChain: simpleChain(evil, honest.entityId) }
    const lies: readonly DeploymentOffer[] = [
      // What it says has been replaced.
      { ...forged, pointers: [evil.address], entityTimestamp: 1 },
      { ...forged, pointers: ['nobody'] },
      mine,
      { ...mine, entityType: 'scene', pointers: ['0,0'] },
    ]
    const feed = { sourceId: 9, snapshotHash: null }
    const peer = node.peer(9).has(other)
    await node.deploy(node.intake.take([offered(other)], feed, signal))
    for (const [n, lie] of lies.entries()) {
      const failures = [failure(lie, n + 1)]
      await node.store.deploy({ deployments: [], blobs: [], failures, parts: [] })
    }
    await node.pass(failureBackoff.baseMs)
    await round(node)
    // Nobody has it yet: what is pointless by its own words is forgotten, and nothing else.
    const waiting = await node.store.dueFailures(10, 0).then(() => node.failures())
    expect(Object.keys(waiting)).toEqual([honest.entityId])
    peer.has(honest)
    await node.pass(10 * failureBackoff.baseMs)
    await round(node)
    expect((await node.active()).toSorted()).toEqual([honest.entityId, other.entityId].toSorted())
    expect(await node.failures()).toEqual({})
  })

  it('is asked for once where several have offered it in the same words, and waits longer for each of them', async () => {
    using node = new MemoryNode()
    const peer = node.peer(7)
    const mine = offered(profile(1))
    const failures = [1, 2, null].map((sourceId) => failure(mine, sourceId))
    await node.store.deploy({ deployments: [], blobs: [], failures, parts: [] })
    await node.pass(failureBackoff.baseMs)
    await round(node)
    expect(peer.asked).toHaveLength(1)
    await node.pass(2 * failureBackoff.baseMs - 1)
    expect(await node.store.dueFailures(10, 1_000)).toEqual([])
    await node.pass(1)
    expect(await node.store.dueFailures(10, 1_000)).toMatchObject(
      [null, 1, 2].map((sourceId) => ({ sourceId, attempts: 3 })),
    )
  })
})
