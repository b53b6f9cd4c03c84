import { execFileSync } from 'node:child_process'
import { type ChannelListener, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer, type Server, type Socket } from 'node:net'
import type { RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { isInstalled } from '../../../test/servers/installed.ts'
import { type ScriptedServer, startScripted } from '../../../test/servers/scripted.ts'
import { systemClock } from '../clock.ts'
import { addressPolicy, permitting, publicOnly } from './address-policy.ts'
import { readBody, slicedBody } from './body.ts'
import { parseEndpoint } from './endpoint.ts'
import { networkFailure } from './failure.ts'
import { basicAuthorization, RemoteHost, type RemoteHostParts } from './remote-host.ts'

const never = new AbortController().signal
const get = { method: 'GET', path: '/' } as const
const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

describe('the address guard', () => {
  test.each([
    'http://127.0.0.1:PORT',
    'http://0x7f000001:PORT',
    'http://2130706433:PORT',
    'http://127.1:PORT',
    'http://0:PORT',
    'http://0177.0.0.1:PORT',
    'http://[::1]:PORT',
    'http://[::ffff:127.0.0.1]:PORT',
    'http://[::ffff:7f00:1]:PORT',
    'http://localhost:PORT',
    'http://169.254.169.254:PORT',
  ])('no way of writing an address reaches this machine: %s', async (pattern) => {
    const server = await scripted((_, response) => response.end('secret'))
    const address = pattern.replace('PORT', new URL(server.url).port)
    const remote = host({ endpoint: parseEndpoint(address), policy: publicOnly })
    await expect(remote.request(get, never)).rejects.toMatchObject({ code: 'blocked-address' })
    expect(server.connections()).toBe(0)
  })

  test('a name that leads to this machine is refused, and never asked for a second time', async () => {
    const server = await scripted((_, response) => response.end('secret'))
    let lookups = 0
    const remote = host({
      endpoint: parseEndpoint(`http://rebind.example:${new URL(server.url).port}`),
      policy: publicOnly,
      resolve: (_, done) => {
        lookups++
        done(null, [{ address: '127.0.0.1', family: 4 }])
      },
    })
    await expect(remote.request(get, never)).rejects.toMatchObject({ code: 'blocked-address' })
    expect(lookups).toBe(1)
    expect(server.connections()).toBe(0)
  })

  test('of several answers only the permitted are used', async () => {
    const server = await scripted((_, response) => response.end('fine'))
    const port = new URL(server.url).port
    const remote = host({
      endpoint: parseEndpoint(`http://nas.example:${port}`),
      policy: permitting(publicOnly, 'nas.example', Number(port)),
      resolve: (_, done) =>
        done(null, [
          { address: '169.254.169.254', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]),
    })
    expect((await remote.request(get, never)).status).toBe(200)
  })

  test('link-local stays closed even to who was permitted to go there', async () => {
    const policy = addressPolicy(['169.254.169.254:80', '169.254.0.0/16'])
    const remote = host({ endpoint: parseEndpoint('http://169.254.169.254/'), policy })
    await expect(remote.request(get, never)).rejects.toMatchObject({ code: 'blocked-address' })
  })
})

describe('redirects', () => {
  test('on the same origin are followed, three at most', async () => {
    const server = await scripted(({ url }, response) => {
      const step = Number(url?.slice(1))
      if (step === 3) response.end('there')
      else response.writeHead(301, { location: `/${step + 1}` }).end()
    })
    const remote = hostOf(server)
    const answer = await remote.request({ ...get, path: '/0' }, never)
    expect([answer.status, answer.path]).toEqual([200, '/3'])
    const tooFar = await remote.request({ ...get, path: '/-1' }, never)
    expect(tooFar.status).toBe(301)
    expect(remote.failure(tooFar, 'Asking', 'root')).toMatchObject({ code: 'bad-address' })
  })

  test('to another origin are not followed, so credentials stay at home', async () => {
    const thief = await scripted((_, response) => response.end('thanks'))
    const server = await scripted((_, response) =>
      response.writeHead(302, { location: `${thief.url}/` }).end(),
    )
    const remote = hostOf(server, { authorization: basicAuthorization('anna', 'hunter2') })
    const answer = await remote.request({ ...get, method: 'PROPFIND' }, never)
    expect(remote.failure(answer, 'Asking', 'item').code).toBe('file-forbidden')
    expect(server.requests[0]?.headers.authorization).toBe('Basic YW5uYTpodW50ZXIy')
    expect(server.requests).toHaveLength(1)
    expect(thief.connections()).toBe(0)
  })
})

describe('what goes wrong has a code', () => {
  test.each([
    [401, 'root', 'auth'],
    [403, 'root', 'forbidden'],
    [403, 'item', 'file-forbidden'],
    [404, 'root', 'root-missing'],
    [404, 'item', 'not-found'],
    [410, 'item', 'not-found'],
    [412, 'item', 'changed'],
    [418, 'item', 'protocol'],
    [429, 'root', 'rate-limited'],
    [500, 'item', 'unavailable'],
    [503, 'root', 'unavailable'],
  ] as const)('status %s of %s is %s', async (status, scope, code) => {
    const server = await scripted((_, response) => response.writeHead(status).end())
    const remote = hostOf(server)
    const failure = remote.failure(await remote.request(get, never), 'Asking', scope)
    expect(failure).toMatchObject({ code, status })
  })

  test('the wait that is asked for comes along, as seconds or as a date, and at most a day', async () => {
    const nowMs = Date.UTC(2030, 0, 1)
    const waits = ['7', new Date(nowMs + 9_000).toUTCString(), '99999999', 'soon']
    const server = await scripted(({ url }, response) =>
      response.writeHead(429, { 'retry-after': waits[Number(url?.slice(1))] }).end(),
    )
    const remote = hostOf(server, { clock: { ...systemClock, now: () => nowMs } })
    const asked = waits.map(async (_, at) => {
      const answer = await remote.request({ ...get, path: `/${at}` }, never)
      return remote.failure(answer, 'Asking', 'root').retryAfterMs
    })
    expect(await Promise.all(asked)).toEqual([7_000, 9_000, 86_400_000, undefined])
  })

  test('nobody listens: unreachable', async () => {
    const server = await scripted(() => undefined)
    await server.stop()
    cleanups.shift()
    await expect(hostOf(server).request(get, never)).rejects.toMatchObject({ code: 'unreachable' })
  })

  test('a name that nobody knows: unknown-host', async () => {
    const remote = host({
      endpoint: parseEndpoint('http://nowhere.invalid/'),
      resolve: (_, done) => done(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), []),
    })
    await expect(remote.request(get, never)).rejects.toMatchObject({ code: 'unknown-host' })
  })

  test('a server that never answers: timeout', async () => {
    const server = await scripted(() => undefined)
    const remote = hostOf(server, { limits: { headersMs: 100 } })
    await expect(remote.request(get, never)).rejects.toMatchObject({ code: 'timeout' })
  })

  test('a body that stops coming: timeout', async () => {
    const server = await scripted((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('some')
    })
    const remote = hostOf(server, { limits: { idleMs: 100 } })
    await expect(bodyOf(remote)).rejects.toMatchObject({ code: 'timeout' })
  })

  test('a body that breaks off: interrupted', async () => {
    const server = await scripted((_, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('some')
      setImmediate(() => response.destroy())
    })
    await expect(bodyOf(hostOf(server))).rejects.toMatchObject({ code: 'interrupted' })
  })

  test('a connection that is reset before anybody looks where it led: interrupted, not blocked', async () => {
    const { port, thread } = await resettingThread()
    const remote = host({ endpoint: parseEndpoint(`http://127.0.0.1:${port}`) })
    // It is made, and before anybody looks the reset is here.
    const pause = ({ socket }: { socket: Socket }): void => {
      socket.prependListener('connect', () => {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
      })
    }
    subscribe('net.client.socket', pause as ChannelListener)
    await expect(remote.request(get, never)).rejects.toMatchObject({ code: 'interrupted' })
    unsubscribe('net.client.socket', pause as ChannelListener)
    await thread.terminate()
  })

  test('no HTTP at all: protocol', async () => {
    const port = await rawServer('SSH-2.0-OpenSSH_9.2\r\n')
    const remote = host({ endpoint: parseEndpoint(`http://127.0.0.1:${port}`) })
    await expect(remote.request(get, never)).rejects.toMatchObject({ code: 'protocol' })
  })

  test('plain HTTP where TLS is expected: the address is wrong', async () => {
    const port = await rawServer('HTTP/1.1 400 Bad Request\r\n\r\n')
    const remote = host({ endpoint: parseEndpoint(`https://127.0.0.1:${port}`) })
    await expect(remote.request(get, never)).rejects.toMatchObject({ code: 'bad-address' })
  })

  test.skipIf(!isInstalled('openssl'))('nobody vouches for it: a matter of trust', async () => {
    const { port, requests } = await tlsServer('/CN=127.0.0.1')
    const remote = host({ endpoint: parseEndpoint(`https://127.0.0.1:${port}`) })
    const failure: unknown = await remote.request(get, never).catch((thrown: unknown) => thrown)
    expect(failure).toMatchObject({ code: 'untrusted-certificate', remedy: 'stop' })
    expect(failure).toHaveProperty('hint', expect.stringContaining('NODE_EXTRA_CA_CERTS'))
    expect(requests).toEqual([])
  })

  test.each([
    'CERT_HAS_EXPIRED',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ])('a certificate that does not hold by %s: the same', (code) => {
    const failure = networkFailure(Object.assign(new Error('no'), { code }), 'GET on nas', never)
    expect(failure).toMatchObject({
      code: 'untrusted-certificate',
      message: `GET on nas failed: ${code}.`,
    })
  })

  test('the caller gives up: cancelled, at once and in the middle of a body', async () => {
    const server = await scripted(({ url }, response) => {
      if (url === '/body') response.writeHead(200, { 'content-length': 100 }).write('some')
    })
    const remote = hostOf(server)
    const early = new AbortController()
    const asking = remote.request(get, early.signal)
    setImmediate(() => early.abort())
    await expect(asking).rejects.toMatchObject({ code: 'cancelled' })
    const late = new AbortController()
    const reading = bodyOf(remote, '/body', late.signal)
    setImmediate(() => setImmediate(() => late.abort()))
    await expect(reading).rejects.toMatchObject({ code: 'cancelled' })
  })
})

test('no more connections than the limit, however many requests', async () => {
  let [now, most] = [0, 0]
  const server = await scripted((_, response) => {
    most = Math.max(most, ++now)
    setImmediate(() => response.end(String(now--)))
  })
  const remote = hostOf(server, { limits: { connections: 3 } })
  await Promise.all(Array.from({ length: 30 }, () => bodyOf(remote)))
  expect(most).toBeLessThanOrEqual(3)
  expect(new Set(server.requests.map(({ socket }) => socket.remotePort)).size).toBeLessThanOrEqual(
    3,
  )
})

test('a slice of a body is cut out wherever its pieces end, and its connection is kept', async () => {
  const server = await scripted((_, response) => {
    for (const piece of ['abc', 'd', 'efgh', 'ij']) response.write(piece)
    response.end()
  })
  const remote = hostOf(server)
  for (const [skip, take] of [
    [0, 10],
    [0, 3],
    [2, 5],
    [9, 1],
    [3, 1],
  ] as const) {
    const answer = await remote.request(get, never)
    const body = slicedBody(answer.body, { skip, take, isExact: true }, (thrown) =>
      networkFailure(thrown, '', never),
    )
    expect(String(await readBody(body, 100, never))).toBe('abcdefghij'.slice(skip, skip + take))
  }
})

test('a body longer than the limit is too big', async () => {
  const server = await scripted((_, response) => response.end('x'.repeat(1_000)))
  const { body } = await hostOf(server).request(get, never)
  await expect(readBody(body, 999, never)).rejects.toMatchObject({ code: 'too-big' })
})

async function scripted(answer: RequestListener): Promise<ScriptedServer> {
  const server = await startScripted(answer)
  cleanups.push(() => server.stop())
  return server
}

async function rawServer(answer: string): Promise<number> {
  const server: Server = createServer((socket) =>
    socket
      .on('error', () => undefined)
      .resume()
      .end(answer),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => new Promise((resolve) => server.close(resolve)))
  const address = server.address()
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

/** A server over TLS that vouches for itself, with a key that was made a moment ago. */
async function tlsServer(subject: string): Promise<{ port: number; requests: string[] }> {
  const made = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', subject]
  const pem = execFileSync('openssl', [...made, '-keyout', '-', '-out', '-'], { stdio: 'pipe' })
  const requests: string[] = []
  const server = createTlsServer({ key: pem, cert: pem }, ({ url }, response) => {
    requests.push(url ?? '')
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => new Promise((resolve) => server.close(resolve)))
  const address = server.address()
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, requests }
}

/** A server in a thread of its own that resets every connection a moment after it was made. */
async function resettingThread(): Promise<{ port: number; thread: Worker }> {
  const thread = new Worker(
    `const { parentPort } = require('node:worker_threads')
     const server = require('node:net').createServer((socket) => setTimeout(() => socket.resetAndDestroy(), 50))
     server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`,
    { eval: true },
  )
  const port = await new Promise<number>((resolve) => thread.once('message', resolve))
  return { port, thread }
}

function hostOf(server: ScriptedServer, parts: Partial<RemoteHostParts> = {}): RemoteHost {
  return host({ endpoint: parseEndpoint(server.url), ...parts })
}

function host(parts: Pick<RemoteHostParts, 'endpoint'> & Partial<RemoteHostParts>): RemoteHost {
  const policy = addressPolicy(['127.0.0.0/8'])
  const remote = new RemoteHost({ clock: systemClock, policy, ...parts })
  cleanups.unshift(() => remote.close())
  return remote
}

async function bodyOf(remote: RemoteHost, path = '/', signal = never): Promise<string> {
  const answer = await remote.request({ ...get, path }, signal)
  const slice = { skip: 0, take: 1_000, isExact: false }
  const body = slicedBody(answer.body, slice, (thrown) => networkFailure(thrown, 'Reading', signal))
  return String(await readBody(body, 1_000, signal))
}
