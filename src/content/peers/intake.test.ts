import { describe, expect, it } from 'vitest'
import {
  makeIdentity,
  signedEntity,
  signedProfile,
  signedScene,
  type SignedEntity,
} from '../../../test/content/signer.ts'
import { MemoryNode } from '../../../test/network/memory-node.ts'
import { offered, type MemoryPeer } from '../../../test/network/memory-peer.ts'
import { abortable } from '../../base/abort.ts'
import { holdMs, maxSmallBytes } from '../blobs.ts'
import type { ContentEffect } from '../content-store.ts'
import type { DeploymentOffer } from '../entity.ts'

const timestamp = 1_795_200_000_000
const feed = { sourceId: 1, snapshotHash: null }
const { signal } = new AbortController()
const big = Buffer.alloc(maxSmallBytes + 1, 'x')

function profile(n: number): SignedEntity {
  return signedProfile({ identity: makeIdentity(n), timestamp: timestamp + n })
}

function scene(
  pointers: readonly string[],
  atMs: number,
  files: Readonly<Record<string, Uint8Array>> = {},
): SignedEntity {
  return signedScene({ identity: makeIdentity(0), timestamp: timestamp + atMs, pointers, files })
}

/** A node with a peer that has all of these. */
function world(...signed: readonly SignedEntity[]): { node: MemoryNode; peer: MemoryPeer } {
  const node = new MemoryNode()
  const peer = node.peer(1)
  for (const each of signed) peer.has(each)
  return { node, peer }
}

interface Taken {
  readonly effects: readonly ContentEffect[]
  readonly deployed: readonly string[]
  readonly failed: readonly string[]
  /** Null: it came to its end. */
  readonly error: unknown
}

/** Goes through offers without storing what comes of it. */
async function taken(
  node: MemoryNode,
  offers: readonly DeploymentOffer[],
  called = signal,
): Promise<Taken> {
  const effects: ContentEffect[] = []
  let error: unknown = null
  try {
    for await (const effect of node.intake.take(offers, feed, called)) effects.push(effect)
  } catch (thrown) {
    error = thrown
  }
  const idsOf = (key: 'deployments' | 'failures'): readonly string[] =>
    effects.flatMap((effect) => effect[key].map(({ entityId }) => entityId))
  return { effects, deployed: idsOf('deployments'), failed: idsOf('failures'), error }
}

/** Goes through offers and stores what comes of it. */
function stored(node: MemoryNode, ...signed: readonly SignedEntity[]): Promise<void> {
  return node.deploy(node.intake.take(signed.map(offered), feed, signal))
}

/** An answer that waits until it is let go, and how many wait. */
function gate(): { pass: Promise<void>; open: () => void } {
  let open = (): void => undefined
  const pass = new Promise<void>((resolve) => {
    open = resolve
  })
  return { pass, open }
}

describe('what is offered', () => {
  it('is given with its content, to be written, and is active then', async () => {
    const place = scene(['0,0'], 0, { 'big.bin': big })
    const { node } = world(profile(1), place)
    await stored(node, profile(1), place)
    expect(await node.active()).toEqual([place.entityId, profile(1).entityId])
    expect((await node.blobs.sizes([...place.contents.keys()])).size).toBe(2)
  })

  it('is given in portions, while the rest is on its way', async () => {
    const all = Array.from({ length: 130 }, (_, n) => profile(n))
    const { node, peer } = world(...all)
    const { pass, open } = gate()
    const late = all[0] ?? profile(0)
    peer.on(`/contents/${late.entityId}`, async () => {
      await pass
      return { body: late.file }
    })
    const sizes: number[] = []
    for await (const { deployments } of node.intake.take(all.map(offered), feed, signal)) {
      sizes.push(deployments.length)
      open()
    }
    expect(sizes.length).toBeGreaterThan(1)
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(130)
  })

  it('is not fetched where it is known, would change nothing or is of a kind that is not taken', async () => {
    const [known, newer, older] = [profile(1), scene(['0,0'], 1), scene(['0,0'], 0)]
    const { node, peer } = world(known, newer, older)
    await stored(node, known, newer)
    peer.asked.length = 0
    const renamed = { ...offered(newer), pointers: ['by another name'] }
    expect(await taken(node, [offered(known), renamed, offered(older)])).toMatchObject({
      effects: [{ deployments: [], failures: [] }],
      error: null,
    })
    const scenes = new MemoryNode(['scene'])
    const other = scenes.peer(1).has(known)
    expect((await taken(scenes, [offered(known)])).effects).toHaveLength(1)
    expect([...peer.asked, ...other.asked]).toEqual([])
  })

  it('N20 is judged by its own file, and by the chain that comes with it', async () => {
    const { node } = world(profile(1))
    const offer = offered(profile(1))
    const forged = { ...offer, authChain: offered(profile(2)).authChain }
    const { effects, error } = await taken(node, [forged])
    expect(error).toBeNull()
    expect(effects.flatMap(({ failures }) => failures)).toMatchObject([
      {
        entityId: offer.entityId,
        description: expect.stringContaining('The signature is invalid.'),
        snapshotHash: null,
      },
    ])
    const lying = { ...offer, pointers: ['somebody else'], entityTimestamp: 1 }
    const { effects: given } = await taken(node, [lying])
    expect(given.flatMap(({ deployments }) => deployments)).toMatchObject([
      { pointers: offer.pointers, timestamp: offer.entityTimestamp },
    ])
  })

  it('is not taken where it is said to be of a kind that is taken, and is of another', async () => {
    const node = new MemoryNode(['scene'])
    node.peer(1).has(profile(1))
    const lying = { ...offered(profile(1)), entityType: 'scene' } as const
    expect(await taken(node, [lying])).toMatchObject({ deployed: [], failed: [lying.entityId] })
  })

  it('relies on content that is here, which is not fetched again, and held for it', async () => {
    const files = { 'big.bin': big }
    const [before, place] = [scene(['0,0'], 0, files), scene(['5,5'], 1, files)]
    const { node, peer } = world(before, place)
    await stored(node, before)
    await node.pass(2 * holdMs)
    peer.asked.length = 0
    await stored(node, place)
    expect(await node.active()).toContain(place.entityId)
    expect(peer.asked).toHaveLength(2)
    expect([...node.disk.values()].map(({ receivedMs }) => receivedMs)).toEqual([node.clock.now()])
  })
})

describe('effects', () => {
  /** Those of all of these, of which the first one comes only when `open` is called. */
  function late(all: readonly SignedEntity[]): {
    node: MemoryNode
    effects: AsyncGenerator<ContentEffect>
    open: () => void
  } {
    const { node, peer } = world(...all)
    const { pass, open } = gate()
    const [first = profile(0)] = all
    peer.on(`/contents/${first.entityId}`, async (_, called) => {
      await abortable(pass, called, 'Answering')
      return { body: first.file }
    })
    return { node, open, effects: node.intake.take(all.map(offered), feed, signal) }
  }

  async function sizeOf(effect: Promise<IteratorResult<ContentEffect>>): Promise<number> {
    const { done, value } = await effect
    return done === true ? -1 : value.deployments.length
  }

  it('hold what is ready after twenty seconds, and nothing every twenty seconds while nothing is', async () => {
    const { node, effects, open } = late([profile(0), profile(1)])
    for (const count of [1, 0, 0]) {
      const effect = sizeOf(effects.next())
      await node.pass(20_000)
      expect(await effect).toBe(count)
    }
    open()
    expect(await sizeOf(effects.next())).toBe(1)
    expect(await sizeOf(effects.next())).toBe(-1)
  })

  it('are no bigger than about 32 MiB, and no more than 64 MiB is fetched ahead', async () => {
    const metadata = (n: number): object => ({ avatars: [], n, text: 'x'.repeat(8 * 1_048_576) })
    const heavy = Array.from({ length: 16 }, (_, n) => {
      const identity = makeIdentity(n)
      const pointers = [identity.address]
      return signedEntity({
        identity,
        timestamp: 1,
        type: 'profile',
        pointers,
        metadata: metadata(n),
      })
    })
    const { node, effects, open } = late([profile(20), ...heavy])
    const counts: number[] = []
    const effect = await effects.next()
    expect(effect.value).toMatchObject({ failures: [] })
    counts.push(effect.value.deployments.length)
    // Whoever writes takes his time.
    await node.pass(1_000)
    expect(node.readFiles).toBeLessThan(9)
    open()
    for await (const { deployments } of effects) counts.push(deployments.length)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(17)
    expect(Math.max(...counts)).toBeLessThan(9)
    expect(node.disk.size).toBe(0)
  })

  it('are not made any more when nobody asks for them: what is on its way is called off', async () => {
    const { node, effects } = late([profile(0), profile(1)])
    const first = effects.next()
    await node.pass(20_000)
    await first
    await effects.return(undefined)
    // Whoever offers it next does not wait for it.
    node.peers.remove(1)
    node.peer(2).has(profile(0))
    expect((await taken(node, [offered(profile(0))])).deployed).toEqual([profile(0).entityId])
  })
})

describe('N15 an entity that several offer at the same time', () => {
  const offer = offered(profile(1))

  it('is fetched once, and given to each', async () => {
    const { node, peer } = world(profile(1))
    const all = await Promise.all([1, 2, 3].map(() => taken(node, [offer])))
    expect(all.map(({ deployed }) => deployed)).toEqual([1, 2, 3].map(() => [offer.entityId]))
    expect(peer.asked).toHaveLength(1)
  })

  it('is not fetched again for a while, and then is, for what it needs may be gone', async () => {
    const { node, peer } = world(profile(1))
    await taken(node, [offer])
    await node.pass(holdMs / 2 - 1)
    await taken(node, [offer])
    expect(peer.asked).toHaveLength(1)
    await node.pass(1)
    expect((await taken(node, [offer])).deployed).toEqual([offer.entityId])
    expect(peer.asked).toHaveLength(2)
  })

  it('is tried again by one of the others where the first one fails', async () => {
    const { node, peer } = world()
    peer.on(`/contents/${offer.entityId}`, () =>
      peer.asked.length === 1 ? { status: 404 } : { body: profile(1).file },
    )
    const all = await Promise.all([1, 2, 3].map(() => taken(node, [offer])))
    expect(all.map(({ failed }) => failed.length)).toEqual([1, 0, 0])
    expect(all.map(({ deployed }) => deployed.length)).toEqual([0, 1, 1])
    expect(peer.asked).toHaveLength(2)
  })

  it('is tried again by whoever offers it later, too', async () => {
    const { node, peer } = world()
    expect((await taken(node, [offer])).failed).toEqual([offer.entityId])
    peer.has(profile(1))
    expect((await taken(node, [offer])).deployed).toEqual([offer.entityId])
  })

  it('is waited for no longer than whoever waits is himself waited for', async () => {
    const { node, peer } = world()
    const { pass, open } = gate()
    peer.on(`/contents/${offer.entityId}`, async () => {
      await pass
      return { body: profile(1).file }
    })
    const first = taken(node, [offer])
    const end = new AbortController()
    const second = taken(node, [offer], end.signal)
    setImmediate(() => end.abort(new Error('It is late.')))
    expect(await second).toMatchObject({ effects: [], error: new Error('It is late.') })
    // Nobody else is bothered by that.
    const third = taken(node, [offer])
    open()
    expect((await first).deployed).toEqual([offer.entityId])
    expect((await third).deployed).toEqual([offer.entityId])
    expect(peer.asked).toHaveLength(1)
  })

  it('is taken on by the next one where the first one is called off', async () => {
    const { node, peer } = world()
    const { pass, open } = gate()
    peer.on(`/contents/${offer.entityId}`, async (_, called) => {
      const isFirst = peer.asked.length === 1
      const off = new Promise<void>((resolve) => called.addEventListener('abort', () => resolve()))
      await (isFirst ? off : pass)
      if (isFirst) throw called.reason
      return { body: profile(1).file }
    })
    const end = new AbortController()
    const first = taken(node, [offer], end.signal)
    const others = [taken(node, [offer]), taken(node, [offer])]
    setImmediate(() => end.abort())
    expect((await first).error).toBe(end.signal.reason)
    open()
    for (const each of await Promise.all(others)) expect(each.deployed).toEqual([offer.entityId])
    expect(peer.asked).toHaveLength(2)
  })
})

describe('what cannot be had', () => {
  it('N19 is the failure of that entity alone, where everybody says so', async () => {
    const all = Array.from({ length: 20 }, (_, n) => profile(n))
    const { node } = world(profile(0))
    const result = await taken(node, all.map(offered))
    expect(result.deployed).toEqual([profile(0).entityId])
    expect(result.failed).toHaveLength(19)
    expect(result.error).toBeNull()
  })

  it('is that of the step only if more than eight fail for want of an answer, and all else is given before', async () => {
    const { node, peer } = world(profile(0))
    const failing = (count: number): DeploymentOffer[] =>
      Array.from({ length: count }, (_, n) => {
        const { entityId } = profile(1 + n)
        peer.on(`/contents/${entityId}`, { status: 503 })
        return offered(profile(1 + n))
      })
    expect(await taken(node, failing(8))).toMatchObject({ error: null })
    const result = await taken(node, [...failing(9), offered(profile(0))])
    expect(result.error).toMatchObject({ code: 'unavailable' })
    expect(result.deployed).toEqual([profile(0).entityId])
    expect(result.failed).toHaveLength(9)
  })

  it('is never that of the step because somebody else is down', async () => {
    const { node } = world(profile(0))
    node.peer(2).isAway = true
    const lost = Array.from({ length: 9 }, (_, n) => offered(profile(1 + n)))
    const result = await taken(node, [...lost, offered(profile(0))])
    expect(result).toMatchObject({ error: null, deployed: [profile(0).entityId] })
    expect(result.failed).toHaveLength(9)
  })

  it('N13 is written down with the snapshot that offered it', async () => {
    const { node } = world()
    const origin = { sourceId: 1, snapshotHash: 'bafy' }
    for await (const effect of node.intake.take([offered(profile(1))], origin, signal)) {
      expect(effect.failures).toMatchObject([{ snapshotHash: 'bafy' }])
    }
  })
})

describe('content that cannot be had', () => {
  it('N21 makes a failure of its entity, and what was fetched of it is dropped', async () => {
    const place = scene(['0,0'], 0, { 'big.bin': big })
    const [index = '', bigHash = ''] = [...place.contents.keys()]
    const { node, peer } = world(place)
    peer.lacks(index)
    expect(await taken(node, [offered(place)])).toMatchObject({ failed: [place.entityId] })
    expect(node.dropped).toEqual([bigHash])
    expect(node.disk.size).toBe(0)
  })

  it('is not needed of an entity that is overtaken: it comes as dead, with its mark', async () => {
    const [old, newer] = [scene(['0,0'], 0), scene(['1,1'], 2)]
    const place = scene(['0,0', '1,1'], 1)
    const { node, peer } = world(old, newer, place)
    await stored(node, old, newer)
    for (const hash of place.contents.keys()) peer.lacks(hash)
    await stored(node, place)
    // What it has overwritten is dead, and so is it itself.
    expect(await node.active()).toEqual([newer.entityId])
    expect(await node.failures()).toEqual({})
    expect(await node.store.deployment('scene', place.entityId)).toMatchObject({
      isActive: false,
      isComplete: false,
    })
  })

  it('is not needed to find that an entity may not have its pointers: it leaves no mark', async () => {
    const [victim, evil] = [makeIdentity(1), makeIdentity(2)]
    const mine = profile(1)
    const ahead = signedProfile({ identity: evil, timestamp: timestamp + 10_000 })
    const theft = signedEntity({
      identity: evil,
      timestamp: timestamp + 9_000,
      type: 'profile',
      pointers: [evil.address, victim.address],
      metadata: { avatars: [] },
      files: { 'nobody.png': Buffer.from('nobody has this') },
    })
    const { node } = world(mine, ahead, { ...theft, contents: new Map() })
    await stored(node, mine, ahead)
    await stored(node, theft)
    expect(Object.keys(await node.failures())).toEqual([theft.entityId])
    expect(await node.active()).toContain(mine.entityId)
  })

  it('is needed of an entity that is only said to be overtaken', async () => {
    const newer = scene(['1,1'], 2)
    const place = scene(['0,0'], 1)
    const { node, peer } = world(newer, place)
    await stored(node, newer)
    for (const hash of place.contents.keys()) peer.lacks(hash)
    const lying = { ...offered(place), pointers: ['0,0', '1,1'] }
    expect(await taken(node, [lying])).toMatchObject({ deployed: [], failed: [place.entityId] })
  })
})

it('what was fetched of an entity that is refused is dropped', async () => {
  const files = { 'big.bin': Buffer.alloc(15 * 1_048_576, 'x') }
  const place = scene(['0,0'], 0, files)
  const { node } = world(place)
  const { effects } = await taken(node, [offered(place)])
  expect(effects[0]?.failures[0]?.description).toContain('too big')
  expect(node.dropped.toSorted()).toEqual([...place.contents.keys()].toSorted())
  expect(node.disk.size).toBe(0)
})
