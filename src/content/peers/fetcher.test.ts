import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { VirtualClock } from '../../../test/sim/virtual-clock.ts'
import { systemClock, type Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import { parseEndpoint } from '../../base/remote/endpoint.ts'
import { MemoryBlobs } from '../../../test/network/memory-blobs.ts'
import { hashV1 } from '../hashing.ts'
import { Fetcher } from './fetcher.ts'
import { PeerClient, type PeerHost } from './peer-client.ts'
import { Peers } from './peers.ts'

const content = Buffer.from('hello')
const hash = hashV1(content)
const { signal } = new AbortController()

/** Bytes, the code that asking fails with, or a body of its own. */
type Answer = Uint8Array | 'not-found' | 'unreachable' | (() => Promise<Readable>)

interface World {
  readonly fetcher: Fetcher
  readonly peers: Peers
  /** Who was asked. */
  readonly asked: number[]
}

/** What each peer answers, in their order. */
function worldOf(answers: readonly Answer[], clock: Clock = systemClock): World {
  const asked: number[] = []
  const peers = new Peers()
  for (const [n, answer] of answers.entries()) {
    const host: PeerHost = {
      endpoint: parseEndpoint(`http://peer${n}.example/content`),
      request: async ({ path }) => {
        asked.push(n)
        if (answer === 'unreachable') throw new SyncError('unreachable', 'Nobody is there.')
        const status = answer === 'not-found' ? 404 : 200
        const header = (): undefined => undefined
        if (typeof answer === 'function') return { status, path, header, body: await answer() }
        const bytes = answer === 'not-found' ? [] : [Buffer.from(answer)]
        return { status, path, header, body: Readable.from(bytes) }
      },
      failure: () => new SyncError('not-found', 'It is not there.'),
      close: async () => undefined,
    }
    peers.add(n, new PeerClient(host))
  }
  const none = async (): Promise<ReadonlyMap<string, number>> => new Map()
  const small = { sizes: none, hold: none, read: async () => null }
  const blobs = new MemoryBlobs(small, new Map(), () => 0)
  return { fetcher: new Fetcher({ peers, blobs, clock, concurrency: 4 }), peers, asked }
}

function fetched(answers: readonly Answer[], offeredBy: number | null = null): Promise<string> {
  return worldOf(answers)
    .fetcher.fetch({ hash, maxBytes: 100, offeredBy }, signal)
    .then((received) => received.hash)
}

describe('content', () => {
  it('comes from whoever offered it', async () => {
    const { fetcher, asked } = worldOf([content, content, content])
    await fetcher.fetch({ hash, maxBytes: 100, offeredBy: 1 }, signal)
    expect(asked).toEqual([1])
  })

  it('comes from the next one where a peer lies, has it not, or cannot be asked', async () => {
    expect(await fetched([Buffer.from('a lie'), 'not-found', 'unreachable', content])).toBe(hash)
  })

  it('is not to be had as whoever offered it says, whoever else is down', async () => {
    const two = ['not-found', 'unreachable'] as const
    await expect(fetched(two, 0)).rejects.toMatchObject({ code: 'not-found' })
    await expect(fetched(two, 1)).rejects.toMatchObject({ code: 'unreachable' })
    await expect(fetched([Buffer.from('a lie'), 'unreachable'], 0)).rejects.toMatchObject({
      code: 'protocol',
    })
  })

  it('that nobody in particular offered is not to be had as those say who can be asked', async () => {
    await expect(fetched(['unreachable', 'not-found'])).rejects.toMatchObject({ code: 'not-found' })
    await expect(fetched(['unreachable', 'unreachable'])).rejects.toMatchObject({
      code: 'unreachable',
    })
    await expect(fetched([])).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('is asked of six peers at most', async () => {
    const { fetcher, asked } = worldOf(Array.from({ length: 9 }, () => 'not-found' as const))
    await expect(fetcher.fetch({ hash, maxBytes: 100, offeredBy: null }, signal)).rejects.toThrow()
    expect(asked).toHaveLength(6)
  })

  it('is asked of nobody else once it was called off', async () => {
    const end = new AbortController()
    const { fetcher, asked } = worldOf([content])
    end.abort()
    const fetching = fetcher.fetch({ hash, maxBytes: 100, offeredBy: null }, end.signal)
    await expect(fetching).rejects.toMatchObject({ code: 'cancelled' })
    expect(asked).toEqual([])
  })

  it('comes from the next one where a peer goes away while another one is asked', async () => {
    const world = worldOf([
      async () => {
        world.peers.remove(1)
        return Readable.from([])
      },
      content,
      content,
    ])
    const wanted = { hash, maxBytes: 100, offeredBy: 0 }
    expect(await world.fetcher.fetch(wanted, signal)).toMatchObject({ hash })
    expect(world.asked).toEqual([0, 2])
  })
})

describe('a peer that is slow', () => {
  const wanted = { hash, maxBytes: 1_000_000, offeredBy: 0 }
  /** Never answers. */
  const silent = (): Promise<Readable> => new Promise(() => undefined)

  it('has half of the places where there are others', async () => {
    const { fetcher, asked } = worldOf([silent, content])
    for (let n = 0; n < 8; n++) void fetcher.fetch(wanted, signal)
    expect(await fetcher.fetch({ ...wanted, offeredBy: 1 }, signal)).toMatchObject({ hash })
    expect(asked).toEqual([0, 0, 1])
  })

  it('has all of them where there is nobody else', async () => {
    const { fetcher, asked } = worldOf([silent])
    for (let n = 0; n < 8; n++) void fetcher.fetch(wanted, signal)
    await new Promise((resolve) => setImmediate(resolve))
    expect(asked).toHaveLength(4)
  })

  /** Peer 0 brings 10,000 bytes a second; what a fetch from it comes to within ten minutes, and when, in milliseconds. */
  async function trickled(isSlow: boolean): Promise<{ error: unknown; afterMs: number }> {
    const clock = new VirtualClock()
    const trickle = async function* (): AsyncGenerator<Uint8Array> {
      for (;;) {
        await clock.sleep(1_000)
        yield Buffer.alloc(10_000)
      }
    }
    const { fetcher } = worldOf([async () => Readable.from(trickle())], clock)
    const startedMs = clock.elapsed()
    let error: unknown = null
    const big = { ...wanted, maxBytes: 100_000_000, isSlow }
    void fetcher.fetch(big, signal).catch((thrown: unknown) => (error = thrown))
    await clock.runUntil(() => error !== null, 600_000)
    return { error, afterMs: clock.elapsed() - startedMs }
  }

  it('N22 is broken off after two minutes at less than 16 KiB a second, but for snapshots', async () => {
    expect(await trickled(false)).toMatchObject({ error: { code: 'timeout' }, afterMs: 120_000 })
    expect(await trickled(true)).toEqual({ error: null, afterMs: 600_000 })
  })
})
