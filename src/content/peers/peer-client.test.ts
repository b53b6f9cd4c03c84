import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { createGzip, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { delta, MemoryPeer, type PeerAnswer } from '../../../test/network/memory-peer.ts'
import { makeIdentity, signedProfile } from '../../../test/content/signer.ts'
import { hashV1 } from '../hashing.ts'
import { PeerClient } from './peer-client.ts'

const { signal } = new AbortController()
const hash = hashV1(Buffer.from('hello'))
const gzip = { 'content-encoding': 'gzip' }

function peerOf(answers: Readonly<Record<string, PeerAnswer>> = {}): {
  peer: MemoryPeer
  client: PeerClient
} {
  const peer = new MemoryPeer()
  for (const [path, answer] of Object.entries(answers)) peer.on(path, answer)
  return { peer, client: new PeerClient(peer) }
}

function listing(answer: PeerAnswer): Promise<unknown> {
  return peerOf({ '/snapshots': answer }).client.snapshots(signal)
}

async function textOf(body: Readable): Promise<string> {
  return Buffer.concat(await body.toArray()).toString()
}

describe('an answer in JSON', () => {
  it('may come as it is or in one gzip', async () => {
    const body = Buffer.from('[]')
    expect(await listing({ body })).toEqual([])
    for (const coding of ['gzip', ' GZIP', 'x-gzip'])
      expect(
        await listing({ body: gzipSync(body), headers: { 'content-encoding': coding } }),
      ).toEqual([])
  })

  it.each([
    ['is no JSON', { body: Buffer.from('<html>') }, 'protocol', 'not answered in JSON'],
    ['is JSON of something else', { body: Buffer.from('{}') }, 'protocol', 'makes no sense'],
    ['is packed as nobody asked', { headers: { 'content-encoding': 'br' } }, 'protocol', 'in br'],
    ['is packed twice', { headers: { 'content-encoding': 'gzip, gzip' } }, 'protocol', 'gzip, '],
    ['ends too early', { body: gzipSync('[]').subarray(0, -9), headers: gzip }, 'interrupted', ''],
    ['says that it has none yet', { status: 503 }, 'unavailable', '503'],
    ['is not there', { status: 404 }, 'root-missing', '404'],
  ] as const)('that %s is told as such', async (_, answer, code, words) => {
    await expect(listing(answer)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    })
  })

  it('that would unpack to more than 4 MiB is broken off before it has', async () => {
    const piece = gzipSync(Buffer.alloc(16 * 1_024 * 1_024, ' '))
    let given = 0
    const bomb = function* (): Generator<Buffer> {
      for (; given < 100; given++) yield piece
    }
    const body = Readable.from(bomb(), { highWaterMark: 1 })
    await expect(listing({ body, headers: gzip })).rejects.toMatchObject({
      code: 'protocol',
      message: expect.stringContaining('GET /content/snapshots of peer.example'),
    })
    expect(body.destroyed).toBe(true)
    expect(given).toBeLessThan(10)
  })

  it('is no longer waited for once it was called off', async () => {
    const end = new AbortController()
    const body = new Readable({ read: () => undefined })
    const { client } = peerOf({ '/snapshots': { body } })
    const asking = client.snapshots(end.signal)
    setImmediate(() => end.abort())
    await expect(asking).rejects.toMatchObject({ code: 'cancelled' })
    expect(body.destroyed).toBe(true)
  })
})

describe('a peer', () => {
  it('is of our own kind for as long as its last answer says so', async () => {
    const { peer, client } = peerOf({ '/snapshots': { body: Buffer.from('[]') } })
    await client.snapshots(signal)
    expect(client.isOwnKind).toBe(false)
    peer.headers = { 'roundelay-content': '1' }
    await client.snapshots(signal)
    expect(client.isOwnKind).toBe(true)
    // A failure comes from whatever stands before it.
    peer.on('/snapshots', { status: 502 }).headers = {}
    await expect(client.snapshots(signal)).rejects.toThrow()
    expect(client.isOwnKind).toBe(true)
    peer.on('/snapshots', { body: Buffer.from('[]') })
    await client.snapshots(signal)
    expect(client.isOwnKind).toBe(false)
  })

  it('tells what its clock says, if it does', async () => {
    const { peer, client } = peerOf({ '/status': { body: Buffer.from('{}') } })
    expect(await client.clock(signal)).toBeNull()
    peer.headers = { date: 'soon' }
    expect(await client.clock(signal)).toBeNull()
    peer.headers = { date: 'Sun, 22 Nov 2026 16:33:17 GMT' }
    expect(await client.clock(signal)).toBe(Date.UTC(2026, 10, 22, 16, 33, 17))
  })

  it('is called by its address, and closed with its connections', async () => {
    const { peer, client } = peerOf()
    expect(client.title).toBe('http://peer.example/content')
    await client.close()
    expect(peer.isClosed).toBe(true)
  })
})

describe('changes', () => {
  const row = delta(signedProfile({ identity: makeIdentity(1), timestamp: 1_795_200_000_000 }), 7)

  it('are asked for by local time, oldest first, never from zero, in the words of ADR-103', async () => {
    const { peer, client } = peerOf()
    peer.json('/pointer-changes', { deltas: [row] }).headers = {
      date: 'Thu, 01 Jan 1970 00:00:09 GMT',
    }
    expect(await client.changes({ from: 0 }, signal)).toMatchObject({
      offers: [{ entityType: 'profile' }],
      next: { from: 7 },
      dateMs: 9_000,
    })
    await client.changes({ from: 5, lastId: 'ba' }, signal)
    const asked = '/pointer-changes?sortingOrder=ASC&sortingField=local_timestamp'
    expect(peer.asked).toEqual([`${asked}&from=1`, `${asked}&from=5&lastId=ba`])
  })

  it('are asked of our own kind as the freshest, all of them or the dead alone', async () => {
    const { peer, client } = peerOf()
    peer.json('/freshest', { deltas: [row], pagination: {} })
    await client.freshest({ from: 0 }, { isUnlisted: false, signal })
    await client.freshest({ from: 5, lastId: 'ba' }, { isUnlisted: true, signal })
    expect(peer.asked).toEqual(['/freshest?from=0', '/freshest?from=5&lastId=ba&only=unlisted'])
  })

  it('of which there is news are told by the time of the newest', async () => {
    const { peer, client } = peerOf()
    peer.json('/freshest/news', { newest: 7 })
    expect(await client.news(3, 1_000, signal)).toBe(7)
    expect(peer.asked).toEqual(['/freshest/news?since=3&wait=1000'])
    for (const nonsense of [{}, [], null, { newest: '7' }, { newest: 7.5 }]) {
      await expect(
        client.news(3, 1_000, peer.json('/freshest/news', nonsense) && signal),
      ).rejects.toMatchObject({ code: 'protocol' })
    }
  })
})

describe('a page', () => {
  const atMs = 1_795_200_000_000
  const long = 'x'.repeat(1_000_000)
  const mebibyte = 1_024 * 1_024

  /** Rows as the network's servers answer them; how many characters of metadata each has. */
  function telling(lengths: readonly number[]): { peer: MemoryPeer; client: PeerClient } {
    const { peer, client } = peerOf()
    const rows = lengths.map((length, n) => {
      const signed = signedProfile({ identity: makeIdentity(n), timestamp: atMs + n })
      const name = long.slice(0, length % mebibyte) + long.repeat(length / mebibyte)
      return { ...delta(signed, 7 + n), localTimestamp: 7 + n, metadata: { name } }
    })
    peer.on('/pointer-changes', (query) => {
      const from = Number(query.get('from')) + (query.has('lastId') ? 1 : 0)
      const offset = Number(query.get('offset'))
      const limit = Number(query.get('limit') ?? 500)
      const deltas = rows.filter(({ localTimestamp }) => localTimestamp >= from)
      return { body: Buffer.from(JSON.stringify({ deltas: deltas.slice(offset, offset + limit) })) }
    })
    return { peer, client }
  }

  it('N23 that is too much at once is asked for in parts, which grow again', async () => {
    const { peer, client } = telling(Array.from({ length: 40 }, (_, n) => (n < 30 ? 1_000_000 : 1)))
    const limits = (): (string | null)[] =>
      peer.asked.splice(0).map((path) => new URLSearchParams(path.split('?')[1]).get('limit'))
    const first = await client.changes({ from: 1 }, signal)
    expect(limits()).toEqual([null, '250', '125', '62', '31', '15'])
    expect(first).toMatchObject({ isFull: true, unreadable: 0, next: { from: 7 + 14 } })
    let at = first.next
    for (let page = 0; page < 9 && at !== null; page++) at = (await client.changes(at, signal)).next
    expect(at).toBeNull()
    expect(limits()).toEqual(['15', '15', '30'])
  })

  it('N23 is asked for behind a row that is too much alone', async () => {
    const { client } = telling([1, 17 * mebibyte, 17 * mebibyte, 1])
    const first = await client.changes({ from: 1 }, signal)
    expect(first).toMatchObject({ isFull: true, unreadable: 0, next: { from: 7 } })
    const second = await client.changes(first.next ?? { from: 1 }, signal)
    expect(second).toMatchObject({ isFull: true, unreadable: 2, next: { from: 10 } })
    expect(await client.changes({ from: 8 }, signal)).toMatchObject({ next: { from: 10 } })
  })

  it('of nothing but rows that are too much is a failure of the peer', async () => {
    const body = Buffer.alloc(17 * mebibyte, ' ')
    const { peer, client } = peerOf({ '/pointer-changes': { body }, '/freshest': { body } })
    await expect(client.changes({ from: 1 }, signal)).rejects.toMatchObject({ code: 'protocol' })
    expect(peer.asked).toHaveLength(9 + 20)
    const asking = client.freshest({ from: 1 }, { isUnlisted: false, signal })
    await expect(asking).rejects.toMatchObject({ code: 'protocol' })
    expect(peer.asked).toHaveLength(9 + 20 + 1)
  })
})

describe('content', () => {
  const path = `/contents/${hash}`

  it('comes as the bytes that its hash is of, with the length that it says', async () => {
    const { peer, client } = peerOf()
    for (const [length, told] of [
      ['5', 5],
      ['many', null],
      [undefined, null],
    ] as const) {
      const headers = length === undefined ? {} : { 'content-length': length }
      peer.on(path, { body: Buffer.from('hello'), headers })
      const content = await client.content(hash, signal)
      expect(content.length).toBe(told)
      expect(await textOf(content.body)).toBe('hello')
    }
  })

  it('that is packed says nothing of its own length', async () => {
    const body = gzipSync('hello')
    const headers = { ...gzip, 'content-length': String(body.length) }
    const content = await peerOf({ [path]: { body, headers } }).client.content(hash, signal)
    expect(content.length).toBeNull()
    expect(await textOf(content.body)).toBe('hello')
  })

  it('that is not there is told as such, and says nothing of the peer', async () => {
    await expect(peerOf().client.content(hash, signal)).rejects.toMatchObject({
      code: 'not-found',
    })
  })

  it('that is packed lets go of its connection where nobody reads it to its end', async () => {
    const body = new Readable({ read: () => undefined })
    body.push(gzipSync(Buffer.alloc(1_000_000)).subarray(0, 500))
    const content = await peerOf({ [path]: { body, headers: gzip } }).client.content(hash, signal)
    const closed = new Promise((resolve) => body.once('close', resolve))
    for await (const _ of content.body) break
    await closed
  })

  it('N16 that is packed may be next to nothing for 64 MiB, and then packed 50 times', async () => {
    const mebibyte = 1_024 * 1_024
    const noise = randomBytes(64 * 1_024)
    const nothing = Buffer.alloc(mebibyte)
    const unpacked = async (count: number, piece: Buffer): Promise<number> => {
      const source = Readable.from(Array.from({ length: count }, () => piece))
      const body = source.pipe(createGzip())
      const content = await peerOf({ [path]: { body, headers: gzip } }).client.content(hash, signal)
      let bytes = 0
      for await (const chunk of content.body as AsyncIterable<Buffer>) bytes += chunk.length
      return bytes
    }
    expect(await unpacked(64, nothing)).toBe(64 * mebibyte)
    expect(await unpacked(80, Buffer.concat([nothing.subarray(noise.length), noise]))).toBe(
      80 * mebibyte,
    )
    await expect(unpacked(66, nothing)).rejects.toMatchObject({
      code: 'protocol',
      message: expect.stringContaining('packed more than 50 times'),
    })
  })

  it('is broken off when whoever reads it is called off', async () => {
    const body = new Readable({ read: () => undefined })
    const end = new AbortController()
    const content = await peerOf({ [path]: { body } }).client.content(hash, end.signal)
    setImmediate(() => end.abort())
    await expect(textOf(content.body)).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('that breaks off in its gzip breaks off for whoever reads it', async () => {
    const body = new Readable({ read: () => undefined })
    const content = await peerOf({ [path]: { body, headers: gzip } }).client.content(hash, signal)
    body.destroy(new Error('The line is cut.'))
    await expect(textOf(content.body)).rejects.toThrow('The line is cut.')
  })
})
