import type { RequestListener } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it, test } from 'vitest'
import { type ScriptedServer, startScripted } from '../../../test/servers/scripted.ts'
import { systemClock } from '../../base/clock.ts'
import { type Fields, type Log, silentLog } from '../../base/log.ts'
import { permitting, publicOnly } from '../../base/remote/address-policy.ts'
import { parseEndpoint } from '../../base/remote/endpoint.ts'
import { askJson } from './peer-list-json.ts'
import { isSelf } from './peer-list-self.ts'
import { UrlPeers } from './peer-list-url.ts'

const never = new AbortController().signal
const servers: ScriptedServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

async function scripted(answer: RequestListener): Promise<ScriptedServer> {
  const server = await startScripted(answer)
  servers.push(server)
  return server
}

function listAt(url: string, log: Log = silentLog): UrlPeers {
  return new UrlPeers({ url, policy: publicOnly, clock: systemClock, log })
}

function answering(value: unknown): RequestListener {
  return (_, response) => response.end(JSON.stringify(value))
}

describe('a list on the web', () => {
  it('names servers as addresses or objects; what makes no sense is left out and logged', async () => {
    const lines: Fields[] = []
    const log = { ...silentLog, warn: (fields: Fields) => lines.push(fields) }
    const server = await scripted(
      answering([
        'https://A.example/',
        { baseUrl: 'https://b.example', owner: '0x1', id: '0x2' },
        { address: 'https://c.example:443/content/' },
        { url: 'http://d.example/nodes' },
        'nonsense',
        7,
        null,
        { baseUrl: 7 },
      ]),
    )
    const list = listAt(`${server.url}/servers?network=main&key=secret`, log)
    expect(await list.read(never)).toEqual(
      [
        'https://a.example/content',
        'https://b.example/content',
        'https://c.example/content',
        'http://d.example/nodes',
      ].map((url) => ({ url, isOperators: false })),
    )
    expect(server.requests[0]?.url).toBe('/servers?network=main&key=secret')
    expect(lines).toEqual([{ list: `list ${server.url}/servers`, unusable: 4 }])
  })

  it('may be empty', async () => {
    const server = await scripted(answering([]))
    expect(await listAt(server.url).read(never)).toEqual([])
  })

  it('does not lead into a private network: no other origin is asked', async () => {
    const inside = await scripted(answering(['https://evil.example']))
    const server = await scripted((_, response) =>
      response.writeHead(302, { location: inside.url }).end(),
    )
    await expect(listAt(server.url).read(never)).rejects.toMatchObject({ code: 'bad-address' })
    expect(inside.connections()).toBe(0)
  })

  it('is followed where it moved on its own origin', async () => {
    const server = await scripted((request, response) => {
      if (request.url === '/new') response.end('["https://a.example"]')
      else response.writeHead(308, { location: '/new' }).end()
    })
    expect(await listAt(server.url).read(never)).toHaveLength(1)
  })

  test.each<[string, RequestListener]>([
    ['no JSON', (_, response) => response.end('<html>')],
    ['an object', answering({ servers: [] })],
    ['a null', answering(null)],
    ['1,001 peers', answering(Array.from({ length: 1_001 }, (_, n) => `https://p${n}.example`))],
    ['a body of 1.1 MB', (_, response) => response.end(`["${'x'.repeat(1_100_000)}"]`)],
    ['a body that nests 500,000 deep', (_, response) => response.end('['.repeat(500_000))],
    [
      'a gzip bomb',
      (_, response) =>
        response
          .writeHead(200, { 'content-encoding': 'gzip' })
          .end(gzipSync(Buffer.alloc(10_000_000, ' '))),
    ],
    ['nothing at all', (_, response) => response.writeHead(204).end()],
  ])('is refused whole: %s', async (_, answer) => {
    const server = await scripted(answer)
    await expect(listAt(server.url).read(never)).rejects.toMatchObject({ code: 'protocol' })
  })

  test.each([
    [503, 'unavailable'],
    [404, 'root-missing'],
    [429, 'rate-limited'],
  ])('is away: %i', async (status, code) => {
    const server = await scripted((_, response) => response.writeHead(status).end())
    await expect(listAt(server.url).read(never)).rejects.toMatchObject({ code })
  })

  it('that trickles is let go of when it is called off', async () => {
    let isOver = false
    const stop = new AbortController()
    const server = await scripted((_, response) => {
      response.write('[')
      response.once('close', () => {
        isOver = true
      })
      setImmediate(() => stop.abort())
    })
    await expect(listAt(server.url).read(stop.signal)).rejects.toMatchObject({ code: 'cancelled' })
    await expect.poll(() => isOver).toBe(true)
  })

  test.each(['nonsense', 'ftp://a.example', 'https://me:hunter2@a.example/list'])(
    'is not at %s',
    (url) => {
      expect(() => listAt(url)).toThrow(expect.objectContaining({ code: 'bad-address' }))
    },
  )
})

describe('whether a peer is this node', () => {
  const ask = (url: string): Promise<unknown> => {
    const endpoint = parseEndpoint(url)
    const policy = permitting(publicOnly, endpoint.host, endpoint.port)
    const question = { endpoint, path: endpoint.path, policy, clock: systemClock, maxBytes: 1_024 }
    return askJson(question, never)
  }

  it('is told by the challenge that it answers with', async () => {
    const server = await scripted(answering({ challengeText: 'made up by this process' }))
    const peer = `${server.url}/content`
    expect(await isSelf(peer, 'made up by this process', ask)).toBe(true)
    expect(await isSelf(peer, 'made up by another', ask)).toBe(false)
    expect(server.requests[0]?.url).toBe('/content/challenge')
  })

  test.each<[string, RequestListener]>([
    ['fails', (_, response) => response.writeHead(500).end()],
    ['is no JSON', (_, response) => response.end('mine')],
    ['has no text', answering({ challengeText: ['mine'] })],
    ['is a text', answering('mine')],
    ['is null', answering(null)],
    ['is long', answering({ challengeText: 'mine', more: 'x'.repeat(2_000) })],
  ])('is not so where the answer %s', async (_, answer) => {
    const server = await scripted(answer)
    expect(await isSelf(server.url, 'mine', ask)).toBe(false)
  })

  it('is not so where nothing is known of either', async () => {
    const server = await scripted(answering({ challengeText: '' }))
    expect(await isSelf(server.url, '', ask)).toBe(false)
  })
})
