import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '../../src/base/clock.ts'
import {
  ephemeralChain,
  makeIdentity,
  signedProfile,
  signedScene,
  type SignedEntity,
} from '../content/signer.ts'
import { BadPeer, bytes, deltaOf, json, lineOf, snapshotFile, snapshotOf } from './bad-peer.ts'
import { Taker } from './taker.ts'

/** Peers that misbehave: each time a clear error or a recorded failure, nothing lost, nothing wrongly active. */
const timestamp = 1_795_200_000_000

function profile(n: number): SignedEntity {
  return signedProfile({ identity: makeIdentity(n), timestamp: timestamp + n })
}

const mine = profile(1)
const other = profile(2)

/** Somebody beside it who has everything and behaves. */
async function goodPeer(...signed: readonly SignedEntity[]): Promise<BadPeer> {
  return (await BadPeer.open()).tells(...signed)
}

describe('a snapshot', () => {
  const file = snapshotFile(lineOf(mine), lineOf(other))

  it.each([
    ['is truncated', bytes(gzipSync(file).subarray(0, -20), { 'content-encoding': 'gzip' })],
    [
      'breaks off',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': String(file.length) })
        response.write(file.subarray(0, 50), () => response.destroy())
      },
    ],
    ['has another hash', bytes(snapshotFile(lineOf(mine)))],
    ['is packed in a way that nobody asked for', bytes(file, { 'content-encoding': 'br' })],
  ] as const)('N16 that %s is asked of another peer', async (_, answer) => {
    await using bad = await BadPeer.open()
    await using good = await BadPeer.open()
    await using taker = new Taker()
    const hash = bad.offers(file, answer)
    good.has(mine).has(other).on(`/contents/${hash}`, bytes(file))
    const source = taker.peer(bad.url)
    taker.peer(good.url)
    expect((await taker.take(source)).errors).toEqual([])
    expect(await taker.active()).toEqual([mine.entityId, other.entityId])
    expect(await taker.store.processed([hash])).toEqual(new Set([hash]))
  })

  it('N16 that is truncated everywhere is not processed, and tried again', async () => {
    await using bad = await BadPeer.open()
    await using taker = new Taker()
    const hash = bad.offers(
      file,
      bytes(gzipSync(file).subarray(0, -20), { 'content-encoding': 'gzip' }),
    )
    const { errors } = await taker.take(taker.peer(bad.url))
    expect(errors).toEqual([])
    expect(await taker.store.processed([hash])).toEqual(new Set())
    expect(await taker.active()).toEqual([])
    bad.has(mine).has(other).on(`/contents/${hash}`, bytes(file))
    taker.aheadMs += 3_600_000
    expect((await taker.take(taker.peer(bad.url))).errors).toEqual([])
    expect(await taker.active()).toEqual([mine.entityId, other.entityId])
  })

  it('N17 with a line of 20 MB or one that makes no sense gives its other lines, and is not processed', async () => {
    await using bad = await BadPeer.open()
    await using taker = new Taker()
    for (const line of ['x'.repeat(20_971_520), '{"entityId":7}']) {
      const hash = bad
        .has(mine)
        .has(other)
        .offers(snapshotFile(lineOf(mine), line, lineOf(other)))
      expect((await taker.take(taker.peer(bad.url))).errors).toEqual([])
      expect(await taker.active()).toEqual([mine.entityId, other.entityId])
      expect(await taker.store.processed([hash])).toEqual(new Set())
      expect(await taker.store.takeSnapshot(hash, 9, 0)).toBe(false)
    }
  })

  it('N18 list of which an element makes no sense is a fault of the peer: nothing of it is taken for done', async () => {
    await using bad = await BadPeer.open()
    await using taker = new Taker()
    const hash = bad.has(mine).has(other).offers(file)
    for (const nonsense of [
      { hash: '../../etc/passwd' },
      null,
      { ...snapshotOf(hash), timeRange: {} },
    ]) {
      bad.on('/snapshots', json([snapshotOf(hash), nonsense]))
      const { errors, cursor } = await taker.take(taker.peer(bad.url))
      expect(errors.map(({ code }) => code)).toEqual(['protocol'])
      expect(cursor).toBeNull()
    }
    bad.on('/snapshots', json([snapshotOf(hash)]))
    expect((await taker.take(taker.peer(bad.url))).errors).toEqual([])
    expect(await taker.active()).toEqual([mine.entityId, other.entityId])
  })
})

describe('an entity', () => {
  const bomb = gzipSync(Buffer.alloc(64 * 1_024 * 1_024))

  it.each([
    ['unpacks to more than may be', bytes(bomb, { 'content-encoding': 'gzip' }), /10485760/],
    ['is something else', bytes(Buffer.from('{}')), /something else/],
    ['is nowhere', undefined, /404/],
  ] as const)(
    'N19 that %s is recorded as failed, and had from whoever has it later',
    async (_, answer, told) => {
      await using bad = await BadPeer.open()
      await using taker = new Taker()
      bad.tells(mine, other)
      if (answer === undefined) bad.answers.delete(`/contents/${mine.entityId}`)
      else bad.on(`/contents/${mine.entityId}`, answer)
      const { errors, cursor } = await taker.take(taker.peer(bad.url))
      expect(errors).toEqual([])
      expect(cursor).not.toBeNull()
      expect(await taker.active()).toEqual([other.entityId])
      const failures = await taker.failures()
      expect(Object.keys(failures)).toEqual([mine.entityId])
      expect(failures[mine.entityId]).toMatch(told)
      await using good = await BadPeer.open()
      taker.peer(good.has(mine).url)
      await taker.retry()
      expect(await taker.active()).toEqual([mine.entityId, other.entityId])
      expect(await taker.failures()).toEqual({})
    },
  )

  it('N20 that is forged or whose key had expired is recorded as failed, whoever offers it', async () => {
    await using bad = await BadPeer.open()
    await using taker = new Taker()
    const [signer, key] = profile(3).authChain
    const [, , entity] = mine.authChain
    if (signer === undefined || key === undefined || entity === undefined)
      throw new Error('three links')
    const forged = {
      ...mine,
      authChain: [signer, key, { ...entity, signature: key.signature ?? '' }],
    }
    const identity = makeIdentity(4)
    const late = signedProfile({ identity, timestamp })
    const expired = {
      ...late,
      authChain: ephemeralChain(identity, late.entityId, { expiresMs: timestamp - 1 }),
    }
    bad.tells(forged, expired, other)
    expect((await taker.take(taker.peer(bad.url))).errors).toEqual([])
    expect(await taker.active()).toEqual([other.entityId])
    const failures = await taker.failures()
    expect(failures[forged.entityId]).toMatch(/signature/)
    expect(failures[expired.entityId]).toMatch(/Ephemeral key expired/)
    // The same entity with the chain that belongs to it.
    await using good = await goodPeer(mine)
    await taker.take(taker.peer(good.url))
    expect(await taker.active()).toEqual([mine.entityId, other.entityId])
    expect(Object.keys(await taker.failures())).toEqual([expired.entityId])
  })

  it('N21 whose content disappears is not active, and is when the content comes back', async () => {
    await using bad = await BadPeer.open()
    await using taker = new Taker()
    const scene = signedScene({ identity: makeIdentity(5), timestamp })
    bad.tells(scene)
    const [content = ''] = [...scene.contents.keys()]
    bad.answers.delete(`/contents/${content}`)
    expect((await taker.take(taker.peer(bad.url))).errors).toEqual([])
    expect(await taker.active()).toEqual([])
    expect(Object.keys(await taker.failures())).toEqual([scene.entityId])
    bad.has(scene)
    await taker.retry()
    expect(await taker.active()).toEqual([scene.entityId])
    expect((await taker.blobs.sizes([content])).size).toBe(1)
  })
})

describe('bytes that trickle', () => {
  it('N22 are broken off when they have brought too little for a while, and asked of another peer', async () => {
    const timers: (() => void)[] = []
    let arm = (): void => undefined
    const armed = new Promise<void>((resolve) => {
      arm = resolve
    })
    const clock: Clock = {
      ...systemClock,
      after: (ms, run) => {
        if (ms !== 15_000) return () => undefined
        timers.push(run)
        arm()
        return () => undefined
      },
    }
    await using bad = await BadPeer.open()
    await using good = await BadPeer.open()
    await using taker = new Taker(clock)
    bad.tells(mine).on(`/contents/${mine.entityId}`, (response) => {
      response.writeHead(200, { 'content-length': '788' }).write('x')
    })
    const source = taker.peer(bad.url)
    taker.peer(good.has(mine).url)
    const taking = taker.take(source)
    await armed
    // The time in which it had to bring something is over.
    timers[0]?.()
    expect((await taking).errors).toEqual([])
    expect(await taker.active()).toEqual([mine.entityId])
    expect(good.asked).toEqual([`/contents/${mine.entityId}`])
  })
})

describe('changes', () => {
  const row = (n: number, localTimestamp: number): object => ({
    ...deltaOf(mine, localTimestamp),
    entityId: `ba${String(n).padStart(57, 'a').replaceAll('0', 'b').replaceAll('1', 'c').replaceAll('8', 'd').replaceAll('9', 'e')}`,
  })

  it('N23 that loop are the fault of the peer, and its cursor stays', async () => {
    await using bad = await BadPeer.open()
    await using taker = new Taker()
    const page = Array.from({ length: 500 }, (_, n) => row(n + 2_000, 5_000)).toSorted((a, b) =>
      JSON.stringify(a) < JSON.stringify(b) ? -1 : 1,
    )
    bad.on('/pointer-changes', json({ deltas: page }))
    const { errors } = await taker.take(taker.peer(bad.url))
    expect(errors.map(({ code }) => code)).toEqual(['protocol'])
    expect(bad.asked.filter((path) => path === '/pointer-changes')).toHaveLength(2)
  })

  it('N24 without an end are read a page a step, and never to where the peer is not yet', async () => {
    await using bad = await BadPeer.open()
    await using taker = new Taker()
    const nowMs = Date.now()
    const farMs = nowMs + 365 * 86_400_000
    let n = 0
    bad.on('/pointer-changes', (response) => {
      const deltas = Array.from({ length: 500 }, () => row(7, farMs + ++n))
      json({ deltas }, { date: new Date(nowMs).toUTCString() })(response)
    })
    const { errors, cursor } = await taker.take(taker.peer(bad.url), null, 6)
    expect(errors).toEqual([])
    expect((JSON.parse(cursor ?? '{}') as { seen: number }).seen).toBeLessThanOrEqual(nowMs)
    await using good = await goodPeer(other)
    await taker.take(taker.peer(good.url))
    expect(await taker.active()).toEqual([other.entityId])
  })

  it('N25 that are sent on into a private network are not followed there', async () => {
    await using inner = await goodPeer(mine)
    await using bad = await BadPeer.open()
    await using taker = new Taker()
    const sendOn = (path: string) => (response: ServerResponse) =>
      void response.writeHead(302, { location: inner.url + path }).end()
    for (const path of ['/snapshots', '/pointer-changes', `/contents/${other.entityId}`])
      bad.on(path, sendOn(path))
    const listed = await taker.take(taker.peer(bad.url))
    expect(listed.errors.map(({ code }) => code)).toEqual(['bad-address'])
    bad
      .tells(other)
      .on('/snapshots', json([]))
      .on(`/contents/${other.entityId}`, sendOn(`/contents/${other.entityId}`))
    await taker.take(taker.peer(bad.url))
    expect(Object.keys(await taker.failures())).toEqual([other.entityId])
    expect(inner.asked).toEqual([])
  })
})
