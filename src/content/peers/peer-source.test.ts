import { describe, expect, it } from 'vitest'
import { entityIdOf } from '../../../test/content/ids.ts'
import { makeIdentity, signedProfile, type SignedEntity } from '../../../test/content/signer.ts'
import { MemoryNode } from '../../../test/network/memory-node.ts'
import { delta, offered, type MemoryPeer } from '../../../test/network/memory-peer.ts'
import type { ContentEffect } from '../content-store.ts'
import { hashV1 } from '../hashing.ts'
import { PeerSource } from './peer-source.ts'
import { SnapshotIntake } from './snapshot-intake.ts'
import type { Step } from './step.ts'

const { signal } = new AbortController()
/** Of the peer's local times. */
const atMs = Date.UTC(2026, 9, 1)
const minuteMs = 60_000
const hourMs = 60 * minuteMs

function profile(n: number): SignedEntity {
  return signedProfile({ identity: makeIdentity(n), timestamp: 1_795_200_000_000 + n })
}

/** A node, and a peer of it as a source. */
class Follower {
  readonly node = new MemoryNode()
  readonly peer: MemoryPeer
  readonly source: PeerSource
  closed = 0

  constructor(isOwnKind = false) {
    const { store, blobs, fetcher, intake, clock, peers } = this.node
    this.peer = this.node.peer(7).json('/snapshots', [])
    if (isOwnKind) this.peer.headers = { 'roundelay-content': '1' }
    const client = peers.client(7)
    if (client === null) throw new Error('it is there')
    this.source = new PeerSource({
      sourceId: 7,
      client,
      intake,
      snapshots: new SnapshotIntake({ store, blobs, fetcher, intake, scope: '' }),
      clock,
      onClose: () => this.closed++,
    })
  }

  [Symbol.dispose](): void {
    this.node[Symbol.dispose]()
  }

  /** What its clock says. */
  says(dateMs: number): void {
    this.peer.headers = { ...this.peer.headers, date: new Date(dateMs).toUTCString() }
  }

  tells(...rows: readonly object[]): void {
    this.peer.json('/pointer-changes', { deltas: rows })
  }

  /** As a peer of our own kind does. */
  tellsFreshest(rows: readonly object[], pagination: object = {}): void {
    this.peer.json('/freshest', { deltas: rows, pagination })
  }

  offers(...snapshots: readonly (readonly [hash: string, generatedMs: number | null])[]): void {
    const list = snapshots.map(([hash, generationTimestamp]) => ({
      hash,
      timeRange: { initTimestamp: 0, endTimestamp: atMs },
      generationTimestamp,
    }))
    this.peer.json('/snapshots', list)
  }

  /** Lists one step and stores its effects; the steps that follow from it, and where the next round begins. */
  async list(step: Step | null): Promise<{ next: readonly Step[]; cursor: Step | null }> {
    const next: Step[] = []
    let cursor: Step | null = null
    for await (const batch of this.source.list(step && JSON.stringify(step), signal)) {
      // What intakes give.
      if (batch.effect !== undefined) await this.node.store.deploy(batch.effect as ContentEffect)
      next.push(...(batch.next ?? []).map((each) => JSON.parse(each.step) as Step))
      if (batch.cursor !== undefined) cursor = JSON.parse(batch.cursor) as Step
    }
    return { next, cursor }
  }

  /** How often this was asked for, whatever the query. */
  asked(path: string): number {
    return this.peer.asked.filter((each) => each.split('?')[0] === path).length
  }
}

/** Rows that offer nothing: only their places count. */
function rows(
  count: number,
  localTimestamp = atMs,
): { localTimestamp: number; entityId: string }[] {
  return Array.from({ length: count }, (_, n) => ({
    localTimestamp: localTimestamp + n,
    entityId: `row ${n}`,
  }))
}

const [one, two] = [entityIdOf(1), entityIdOf(2)]
const from = (ms: number): Step & { do: 'follow' } => ({ do: 'follow', seen: ms, from: ms })

describe('the beginning of a full listing', () => {
  it('N9 names the snapshots, and the changes since 20 minutes before the oldest of them was made', async () => {
    using follower = new Follower()
    follower.offers([one, atMs - 2 * hourMs], [two, atMs + 2 * hourMs])
    expect(await follower.list(null)).toEqual({
      next: [
        { do: 'snapshot', hash: one },
        { do: 'snapshot', hash: two },
        from(atMs - 140 * minuteMs),
      ],
      cursor: null,
    })
  })

  it.each([false, true])(
    'N9 names the changes behind what they reach to, whenever they were made (own kind: %s)',
    async (isOwnKind) => {
      using follower = new Follower(isOwnKind)
      follower.offers([one, atMs + hourMs], [two, atMs + 2 * hourMs])
      expect((await follower.list(null)).next).toContainEqual(from(atMs - 20 * minuteMs))
    },
  )

  it('N9 takes one that does not say when it was made for as old as its end', async () => {
    using follower = new Follower()
    follower.offers([one, null], [two, atMs + 2 * hourMs])
    expect((await follower.list(null)).next).toContainEqual(from(atMs - 20 * minuteMs))
  })

  it('N9 counts those that were gone through long ago, too', async () => {
    using follower = new Follower()
    await follower.node.store.noteProcessed([one])
    follower.offers([one, atMs], [two, atMs + hourMs])
    expect((await follower.list(null)).next).toEqual([
      { do: 'snapshot', hash: two },
      from(atMs - 20 * minuteMs),
    ])
  })

  it('N10 of our own kind is nearer, and names the dead', async () => {
    using follower = new Follower(true)
    follower.offers([one, atMs - hourMs])
    expect((await follower.list(null)).next).toEqual([
      { do: 'snapshot', hash: one },
      from(atMs - hourMs - 30_000),
      { do: 'unlisted', from: 0 },
    ])
  })

  it('takes all changes of a peer that has no snapshot', async () => {
    using follower = new Follower()
    expect((await follower.list(null)).next).toEqual([from(0)])
  })

  it('N18 fails with the list of snapshots', async () => {
    using follower = new Follower()
    follower.peer.json('/snapshots', [{ hash: one }])
    await expect(follower.list(null)).rejects.toMatchObject({ code: 'protocol' })
  })
})

describe('a step that follows changes', () => {
  it('N12 stores what they tell, and asks again half a minute before the last of them', async () => {
    using follower = new Follower()
    follower.tells(delta(profile(1), atMs), delta(profile(2), atMs + 1))
    follower.peer.has(profile(1)).has(profile(2))
    const { next, cursor } = await follower.list(from(5))
    expect(follower.peer.asked).toContainEqual(expect.stringMatching(/^\/pointer-changes.*from=5$/))
    expect(await follower.node.active()).toEqual([profile(1).entityId, profile(2).entityId])
    expect(next).toEqual([])
    expect(cursor).toEqual({ do: 'follow', seen: atMs + 1, from: atMs + 1 - 30_000 })
  })

  it('goes right behind the last one of our own kind, which tells them in order', async () => {
    using follower = new Follower(true)
    await follower.list(null)
    follower.tellsFreshest(rows(2))
    const { cursor } = await follower.list(from(5))
    const behind = { do: 'follow', seen: atMs + 1, from: atMs + 1, lastId: 'row 1' } as const
    expect(cursor).toEqual(behind)
    follower.tellsFreshest([])
    expect((await follower.list(behind)).cursor).toEqual(behind)
    expect(follower.peer.asked.at(-1)).toBe(`/freshest?from=${atMs + 1}&lastId=row+1`)
  })

  it('N24 goes on in the same round where a page is full, without looking at snapshots', async () => {
    using follower = new Follower()
    follower.tells(...rows(500))
    const { next, cursor } = await follower.list(from(5))
    const last = atMs + 499
    const more = { do: 'follow', seen: last, from: last, lastId: 'row 499', isMore: true } as const
    expect(next).toEqual([more])
    expect(cursor).toEqual({ do: 'follow', seen: last, from: last - 30_000 })
    await follower.node.pass(6 * hourMs)
    follower.tells()
    const looked = follower.asked('/snapshots')
    expect(await follower.list(more)).toEqual({
      next: [],
      cursor: { do: 'follow', seen: last, from: last - 30_000 },
    })
    expect(follower.asked('/snapshots')).toBe(looked)
  })

  it.each([
    ['a plain peer', false],
    ['our own kind', true],
  ])('N24 never passes the clock of %s', async (_, isOwnKind) => {
    using follower = new Follower(isOwnKind)
    await follower.list(null)
    follower.says(atMs)
    const early = rows(1, atMs + hourMs)
    follower.tells(...early)
    follower.tellsFreshest(early)
    expect((await follower.list(from(5))).cursor).toEqual({
      do: 'follow',
      seen: atMs,
      from: atMs - 30_000,
    })
  })

  it('goes back with a clock that was set back, and forgets nothing of what it has seen', async () => {
    using follower = new Follower()
    follower.says(atMs - hourMs)
    follower.tells()
    expect((await follower.list(from(atMs))).cursor).toEqual({
      do: 'follow',
      seen: atMs,
      from: atMs - hourMs - 30_000,
    })
  })

  it('N13 moves no cursor where peers do not answer for what they tell', async () => {
    using follower = new Follower()
    const all = Array.from({ length: 9 }, (_, n) => profile(n))
    follower.tells(...all.map((each, n) => delta(each, atMs + n)))
    for (const { entityId } of all) follower.peer.on(`/contents/${entityId}`, { status: 503 })
    let cursor: string | undefined
    const listing = async (): Promise<void> => {
      for await (const batch of follower.source.list(JSON.stringify(from(5)), signal)) {
        cursor ??= batch.cursor
      }
    }
    await expect(listing()).rejects.toMatchObject({ code: 'unavailable' })
    expect(cursor).toBeUndefined()
  })
})

describe('the snapshots of a peer that is followed', () => {
  it('are looked at at once, then every six hours once all are gone through', async () => {
    using follower = new Follower()
    follower.tells()
    const looks = [1, 1, 1, 2, 2]
    const passes = [0, 0, 6 * hourMs - 1, 1, 6 * hourMs - 1]
    for (const [n, looked] of looks.entries()) {
      await follower.node.pass(passes[n] ?? 0)
      await follower.list(from(5))
      expect(follower.asked('/snapshots')).toBe(looked)
    }
  })

  it('are looked at every minute until then: another peer may have left one', async () => {
    using follower = new Follower()
    const { store } = follower.node
    follower.tells()
    follower.offers([one, atMs])
    await store.takeSnapshot(one, 8, 60_000)
    expect((await follower.list(from(5))).next).toEqual([])
    await follower.node.pass(59_999)
    expect((await follower.list(from(5))).next).toEqual([])
    expect(follower.asked('/snapshots')).toBe(1)
    await follower.node.pass(1)
    expect((await follower.list(from(5))).next).toEqual([{ do: 'snapshot', hash: one }])
  })
})

describe('the other steps', () => {
  it('N10 bring the dead, page by page, and move no cursor', async () => {
    using follower = new Follower(true)
    follower.peer.has(profile(1))
    const told = { next: '?from=9&lastId=ba', moreData: true }
    follower.tellsFreshest([delta(profile(1), 8)], told)
    expect(await follower.list({ do: 'unlisted', from: 0 })).toEqual({
      next: [{ do: 'unlisted', from: 9, lastId: 'ba' }],
      cursor: null,
    })
    expect(follower.peer.asked).toContain('/freshest?from=0&only=unlisted')
    expect((await follower.node.store.known([profile(1).entityId])).size).toBe(1)
    follower.tellsFreshest([])
    expect((await follower.list({ do: 'unlisted', from: 9, lastId: 'ba' })).next).toEqual([])
    expect(follower.peer.asked).toContain('/freshest?from=9&lastId=ba&only=unlisted')
  })

  it('N8 cut a snapshot, and go through it part by part', async () => {
    using follower = new Follower()
    const { node, peer } = follower
    const hash = peer.has(profile(1)).hasSnapshot(offered(profile(1)))
    const { next, cursor } = await follower.list({ do: 'snapshot', hash })
    expect(next).toMatchObject([{ do: 'part', hash }])
    expect(cursor).toBeNull()
    expect(await node.active()).toEqual([])
    expect(await follower.list(next[0] ?? null)).toEqual({ next: [], cursor: null })
    expect(await node.active()).toEqual([profile(1).entityId])
    expect(await node.store.processed([hash])).toEqual(new Set([hash]))
  })

  it('N22 keep their slot while a snapshot comes, however slowly, and keep others from it', async () => {
    using follower = new Follower()
    const { node, peer } = follower
    const { clock, store } = node
    const body = Buffer.from(`${JSON.stringify(offered(profile(1)))}\n`)
    const hash = hashV1(body)
    const answer = async (): Promise<{ body: Buffer }> => {
      await clock.sleep(150_000)
      return { body }
    }
    peer.has(profile(1)).on(`/contents/${hash}`, answer)
    const startMs = clock.elapsed()
    await store.takeSnapshot(hash, 7, minuteMs)
    const beats: number[] = []
    let part: string | undefined
    const step = JSON.stringify({ do: 'snapshot', hash })
    const listing = (async () => {
      for await (const batch of follower.source.list(step, signal)) {
        beats.push(clock.elapsed() - startMs)
        expect(await store.takeSnapshot(hash, 8, minuteMs)).toBe(false)
        part = batch.next?.[0]?.step ?? part
      }
    })()
    await node.pass(150_000)
    await listing
    expect(beats).toEqual([20, 40, 60, 80, 100, 120, 140, 150].map((seconds) => seconds * 1_000))
    // The file went meanwhile, and is fetched as slowly.
    node.disk.clear()
    const effects: (object | undefined)[] = []
    const taking = (async () => {
      for await (const batch of follower.source.list(part ?? null, signal)) {
        effects.push(batch.effect)
        if (batch.effect !== undefined) await store.deploy(batch.effect as ContentEffect)
      }
    })()
    await node.pass(150_000)
    await taking
    expect(effects.slice(0, 7)).toEqual(Array.from({ length: 7 }))
    expect(await node.active()).toEqual([profile(1).entityId])
  })

  it('call off what they wait for where they are left', async () => {
    using follower = new Follower()
    const { clock } = follower.node
    let asked: AbortSignal | undefined
    follower.peer.on(`/contents/${one}`, async (_, until) => {
      asked = until
      await clock.sleep(hourMs, until)
      return {}
    })
    const step = JSON.stringify({ do: 'snapshot', hash: one })
    const listing = follower.source.list(step, signal)[Symbol.asyncIterator]()
    const first = listing.next()
    await follower.node.pass(20_000)
    expect(await first).toEqual({ done: false, value: { changes: [] } })
    expect(asked?.aborted).toBe(false)
    await listing.return?.()
    expect(asked?.aborted).toBe(true)
  })

  it.each(['{', '{"do":"dance"}', '7'])(
    'that make no sense, such as %s, mean a new listing',
    async (text) => {
      using follower = new Follower()
      await expect(
        follower.source.list(text, signal)[Symbol.asyncIterator]().next(),
      ).rejects.toMatchObject({
        code: 'cursor-expired',
      })
    },
  )
})

it('a peer is checked by its snapshots, has nothing to open, and is let go of with its connections', async () => {
  using follower = new Follower()
  await follower.source.check(signal)
  expect(follower.peer.asked).toEqual(['/snapshots'])
  follower.peer.isAway = true
  await expect(follower.source.check(signal)).rejects.toMatchObject({ code: 'unreachable' })
  await expect(follower.source.open()).rejects.toMatchObject({ code: 'internal' })
  await follower.source.close()
  expect([follower.closed, follower.peer.isClosed]).toEqual([1, true])
})
