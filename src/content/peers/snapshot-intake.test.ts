import { describe, expect, it } from 'vitest'
import { makeIdentity, signedProfile, type SignedEntity } from '../../../test/content/signer.ts'
import { entityIdOf } from '../../../test/content/ids.ts'
import { MemoryNode } from '../../../test/network/memory-node.ts'
import { offered } from '../../../test/network/memory-peer.ts'
import type { ContentEffect } from '../content-store.ts'
import { hashV1 } from '../hashing.ts'
import { emptySnapshotHash } from '../snapshots/snapshot-format.ts'
import { SnapshotIntake } from './snapshot-intake.ts'
import type { SnapshotOffer } from './snapshot-list.ts'

const { signal } = new AbortController()
const [one, two, three] = ['one', 'two', 'three'].map((name) => hashV1(Buffer.from(name)))
if (one === undefined || two === undefined || three === undefined) throw new Error('three')

function profile(n: number): SignedEntity {
  return signedProfile({ identity: makeIdentity(n), timestamp: 1_795_200_000_000 + n })
}

function snapshotsOf(node: MemoryNode, scope = ''): SnapshotIntake {
  const { store, blobs, fetcher, intake } = node
  return new SnapshotIntake({ store, blobs, fetcher, intake, scope })
}

function offer(hash: string, replaced: readonly string[] = []): SnapshotOffer {
  return { hash, replaced, range: { init: 0, end: 1 }, generatedMs: null }
}

describe('of the snapshots that a peer offers', () => {
  it('each is taken up that nobody has gone through', async () => {
    using node = new MemoryNode()
    await node.store.noteProcessed([one])
    expect(await snapshotsOf(node).take([offer(one), offer(two), offer(two)], 7)).toEqual({
      hashes: [two],
      isAllDone: false,
    })
    expect(await snapshotsOf(node).take([offer(one), offer(emptySnapshotHash)], 7)).toEqual({
      hashes: [],
      isAllDone: true,
    })
    expect(await snapshotsOf(node).take([], 7)).toEqual({ hashes: [], isAllDone: true })
  })

  it('N14 one is nothing new if all that it replaces were gone through, and only for whom it replaces them', async () => {
    using node = new MemoryNode()
    await node.store.noteProcessed([one, two])
    const snapshots = snapshotsOf(node)
    expect(await snapshots.take([offer(three, [one, two])], 7)).toEqual({
      hashes: [],
      isAllDone: true,
    })
    expect((await snapshots.take([offer(three)], 8)).hashes).toEqual([three])
  })

  it('one is taken up if anything that it replaces was not gone through, or is empty', async () => {
    using node = new MemoryNode()
    await node.store.noteProcessed([one, emptySnapshotHash])
    const snapshots = snapshotsOf(node)
    for (const replaced of [[one, two], [emptySnapshotHash], [one, emptySnapshotHash]])
      expect((await snapshots.take([offer(three, replaced)], 7)).hashes).toEqual([three])
  })

  it('one that another peer is at is left to it for as long as it moves', async () => {
    using node = new MemoryNode()
    const snapshots = snapshotsOf(node)
    expect((await snapshots.take([offer(one)], 7)).hashes).toEqual([one])
    await node.pass(59_999)
    expect(await snapshots.take([offer(one)], 8)).toEqual({ hashes: [], isAllDone: false })
    // Its own source begins anew at any time.
    expect((await snapshots.take([offer(one)], 7)).hashes).toEqual([one])
    await node.pass(60_000)
    expect((await snapshots.take([offer(one)], 8)).hashes).toEqual([one])
  })

  it('one is gone through again where the node takes more than it did', async () => {
    using node = new MemoryNode()
    await node.store.noteProcessed([`${one} scene`])
    expect((await snapshotsOf(node, 'scene').take([offer(one)], 7)).isAllDone).toBe(true)
    expect((await snapshotsOf(node, 'scene profile').take([offer(one)], 7)).hashes).toEqual([one])
  })
})

describe('a snapshot is cut', () => {
  it('into parts of 250 lines, without a gap', async () => {
    using node = new MemoryNode()
    const { pointers, ...rest } = offered(profile(1))
    const lines = Array.from({ length: 501 }, (_, n) => ({
      ...rest,
      entityId: entityIdOf(n),
      pointers,
    }))
    const peer = node.peer(7)
    const hash = peer.hasSnapshot(...lines)
    const parts = await snapshotsOf(node).cut(hash, 7, signal)
    expect(parts).toHaveLength(3)
    const text = Buffer.from(node.disk.get(hash)?.bytes ?? []).toString()
    const linesOf = parts.map(({ start, end }) => text.slice(start, end).split('\n').length - 1)
    expect(linesOf).toEqual([250, 250, 1])
    expect(parts.map(({ end }) => end)).toEqual([parts[1]?.start, parts[2]?.start, text.length])
    await snapshotsOf(node).cut(hash, 7, signal)
    expect(peer.asked).toHaveLength(1)
  })

  it('and is done with if there is nothing in it', async () => {
    using node = new MemoryNode()
    const hash = node.peer(7).hasSnapshot()
    expect(await snapshotsOf(node).cut(hash, 7, signal)).toEqual([])
    expect(await node.store.processed([hash])).toEqual(new Set([hash]))
  })

  it('N16 or left alone for a while if it is no good, and taken up again', async () => {
    using node = new MemoryNode()
    node.peer(7).on(`/contents/${one}`, { body: Buffer.from('a lie') })
    const snapshots = snapshotsOf(node)
    await snapshots.take([offer(one)], 7)
    expect(await snapshots.cut(one, 7, signal)).toEqual([])
    expect(node.dropped).toHaveLength(1)
    expect(await snapshots.take([offer(one)], 7)).toEqual({ hashes: [], isAllDone: false })
    await node.pass(30_000)
    expect((await snapshots.take([offer(one)], 8)).hashes).toEqual([one])
  })

  it('or that is put off if nobody can be reached, or it is called off: no fault of its own', async () => {
    using node = new MemoryNode()
    const snapshots = snapshotsOf(node)
    node.peer(7).isAway = true
    await expect(snapshots.cut(one, 7, signal)).rejects.toMatchObject({ code: 'unreachable' })
    const end = new AbortController()
    end.abort()
    await expect(snapshots.cut(one, 7, end.signal)).rejects.toBe(end.signal.reason)
    expect((await snapshots.take([offer(one)], 7)).hashes).toEqual([one])
  })
})

describe('a part of a snapshot', () => {
  /** Goes through one part, and stores what it gives. */
  async function go(
    node: MemoryNode,
    part: { readonly hash: string; readonly start: number; readonly end: number },
  ): Promise<readonly ContentEffect[]> {
    const effects: ContentEffect[] = []
    for await (const effect of snapshotsOf(node).part(part, 7, signal)) {
      await node.store.deploy(effect)
      effects.push(effect)
    }
    return effects
  }

  /** A snapshot of two parts, as if each had but one line. */
  async function planned(
    node: MemoryNode,
    ...lines: readonly object[]
  ): Promise<readonly { readonly hash: string; readonly start: number; readonly end: number }[]> {
    const hash = node
      .peer(7)
      .has(profile(1))
      .has(profile(2))
      .hasSnapshot(...lines)
    const [whole] = await snapshotsOf(node).cut(hash, 7, signal)
    if (whole === undefined) throw new Error('there is something in it')
    const middle = whole.start + Buffer.byteLength(`${JSON.stringify(lines[0])}\n`)
    await node.store.planSnapshot(hash, [whole.start, middle])
    return [
      { hash, start: whole.start, end: middle },
      { hash, start: middle, end: whole.end },
    ]
  }

  it('N8 brings its lines alone; with the last one the snapshot is processed', async () => {
    using node = new MemoryNode()
    const [first, second] = await planned(node, offered(profile(1)), offered(profile(2)))
    if (first === undefined || second === undefined) throw new Error('two')
    await go(node, second)
    expect(await node.active()).toEqual([profile(2).entityId])
    expect((await node.store.processed([first.hash])).size).toBe(0)
    const effects = await go(node, first)
    expect(await node.active()).toEqual([profile(1).entityId, profile(2).entityId])
    expect(await node.store.processed([first.hash])).toEqual(new Set([first.hash]))
    // It is done with what comes last, and not before.
    expect(effects.map(({ parts }) => parts.length)).toEqual([0, 1])
  })

  it('N13 tells what failed with the snapshot, and is done all the same', async () => {
    using node = new MemoryNode()
    const [first] = await planned(node, offered(profile(3)), offered(profile(2)))
    if (first === undefined) throw new Error('one')
    const effects = await go(node, first)
    expect(effects[0]?.failures).toMatchObject([
      { entityId: profile(3).entityId, snapshotHash: first.hash },
    ])
    expect(effects.at(-1)?.parts).toEqual([{ hash: first.hash, start: first.start }])
  })

  it('N17 with a line that makes no sense brings the others, and costs the snapshot its end', async () => {
    using node = new MemoryNode()
    const nonsense = { entityId: 7, filler: 'x'.repeat(200) }
    const [first, second] = await planned(node, nonsense, offered(profile(2)))
    if (first === undefined || second === undefined) throw new Error('two')
    await go(node, { ...first, end: second.end })
    expect(await node.active()).toEqual([profile(2).entityId])
    expect((await node.store.processed([first.hash])).size).toBe(0)
    expect((await snapshotsOf(node).take([offer(first.hash)], 7)).hashes).toEqual([])
  })

  it('is not done where peers do not answer', async () => {
    using node = new MemoryNode()
    const lines = Array.from({ length: 9 }, (_, n) => offered(profile(10 + n)))
    const peer = node.peer(7)
    const hash = peer.hasSnapshot(...lines)
    const [part] = await snapshotsOf(node).cut(hash, 7, signal)
    if (part === undefined) throw new Error('one')
    peer.isAway = true
    await expect(go(node, { hash, ...part })).rejects.toMatchObject({ code: 'unreachable' })
    expect((await node.store.processed([hash])).size).toBe(0)
    for (const n of lines.keys()) peer.has(profile(10 + n))
    peer.isAway = false
    await go(node, { hash, ...part })
    expect(await node.store.processed([hash])).toEqual(new Set([hash]))
    expect(await node.active()).toHaveLength(9)
  })

  it('has the file fetched again where it is gone meanwhile', async () => {
    using node = new MemoryNode()
    const [first] = await planned(node, offered(profile(1)), offered(profile(2)))
    if (first === undefined) throw new Error('one')
    node.disk.clear()
    await go(node, first)
    expect(await node.active()).toEqual([profile(1).entityId])
  })
})
