import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
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

/** What each peer answers, in their order: bytes, or the code that asking fails with. */
type Answers = readonly (Uint8Array | 'not-found' | 'unreachable')[]

function fetcherOf(answers: Answers): { fetcher: Fetcher; asked: number[] } {
  const asked: number[] = []
  const peers = new Peers()
  for (const [n, answer] of answers.entries()) {
    const host: PeerHost = {
      endpoint: parseEndpoint(`http://peer${n}.example/content`),
      request: async ({ path }) => {
        asked.push(n)
        if (answer === 'unreachable') throw new SyncError('unreachable', 'Nobody is there.')
        const status = answer === 'not-found' ? 404 : 200
        const bytes = answer === 'not-found' ? [] : [Buffer.from(answer)]
        return { status, path, header: () => undefined, body: Readable.from(bytes) }
      },
      failure: () => new SyncError('not-found', 'It is not there.'),
      close: async () => undefined,
    }
    peers.add(n, new PeerClient(host))
  }
  const none = async (): Promise<ReadonlyMap<string, number>> => new Map()
  const small = { sizes: none, hold: none, read: async () => null }
  const blobs = new MemoryBlobs(small, new Map(), () => 0)
  return { fetcher: new Fetcher({ peers, blobs, clock: systemClock, concurrency: 2 }), asked }
}

function fetched(answers: Answers, offeredBy: number | null = null): Promise<string> {
  return fetcherOf(answers)
    .fetcher.fetch({ hash, maxBytes: 100, offeredBy }, signal)
    .then((received) => received.hash)
}

describe('content', () => {
  it('comes from whoever offered it', async () => {
    const { fetcher, asked } = fetcherOf([content, content, content])
    await fetcher.fetch({ hash, maxBytes: 100, offeredBy: 1 }, signal)
    expect(asked).toEqual([1])
  })

  it('comes from the next one where a peer lies, has it not, or cannot be asked', async () => {
    expect(await fetched([Buffer.from('a lie'), 'not-found', 'unreachable', content])).toBe(hash)
  })

  it('is told not to be there only if each peer says so', async () => {
    await expect(fetched(['not-found', 'not-found'])).rejects.toMatchObject({ code: 'not-found' })
    await expect(fetched(['unreachable', 'not-found'])).rejects.toMatchObject({
      code: 'unreachable',
    })
    await expect(fetched([])).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('is asked of six peers at most', async () => {
    const { fetcher, asked } = fetcherOf(Array.from({ length: 9 }, () => 'not-found' as const))
    await expect(fetcher.fetch({ hash, maxBytes: 100, offeredBy: null }, signal)).rejects.toThrow()
    expect(asked).toHaveLength(6)
  })

  it('is asked of nobody else once it was called off', async () => {
    const end = new AbortController()
    const { fetcher, asked } = fetcherOf([content])
    end.abort()
    const fetching = fetcher.fetch({ hash, maxBytes: 100, offeredBy: null }, end.signal)
    await expect(fetching).rejects.toMatchObject({ code: 'cancelled' })
    expect(asked).toEqual([])
  })
})
