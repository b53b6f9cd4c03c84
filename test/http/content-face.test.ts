import { connect } from 'node:net'
import fastify from 'fastify'
import { request } from 'undici'
import { expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { hashV1 } from '../../src/content/hashing.ts'
import { makeIdentity, signedProfile } from '../content/signer.ts'
import { mountContent } from '../../src/http/content/content-face.ts'
import { usualUploadLimits } from '../../src/http/content/upload.ts'
import { ContentNode, formOfSigned } from './content-node.ts'
import { until } from './house.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const profile = signedProfile({ identity: makeIdentity(1), timestamp: 1_795_288_697_295 })
const token = 'a-token-that-nobody-guesses'
const missing = hashV1(Buffer.from('nobody has this'))

test('everybody may come in, whatever the other face asks for', async () => {
  await using node = await ContentNode.open({ token })
  expect((await node.ask('/status')).status).toBe(200)
  expect((await node.ask('/status', { headers: { host: 'evil.example' } })).status).toBe(200)
  expect((await node.post(formOfSigned(profile))).status).toBe(200)
  const outside = await request(`${node.url.origin}/api/status`)
  expect(outside.statusCode).toBe(401)
  expect(outside.headers['content-type']).toMatch(/problem/)
  await outside.body.dump()
  const health = await request(`${node.url.origin}/health`)
  expect(health.statusCode).toBe(200)
  await health.body.dump()
  const near = await request(`${node.url.origin}/contents`)
  expect(near.statusCode).toBe(401)
  await near.body.dump()
})

test('pages of every origin may read', async () => {
  await using node = await ContentNode.open()
  const headers = { origin: 'https://play.example' }
  const paths = ['/status', '/snapshots', `/contents/${missing}`, '/nothing', '/entities/house']
  for (const path of [...paths, '/pointer-changes?entityType=x']) {
    const answer = await node.ask(path, { headers })
    expect(answer.headers, path).toMatchObject({
      'access-control-allow-origin': 'https://play.example',
      'access-control-allow-credentials': 'true',
      vary: 'Origin',
    })
    const { headers: bare } = await node.ask(path)
    expect([bare['access-control-allow-origin'], bare['vary']], path).toEqual([undefined, 'Origin'])
  }
  const preflight = await node.ask('/entities', { method: 'OPTIONS', headers })
  expect([preflight.status, preflight.bytes.length]).toEqual([204, 0])
  expect(preflight.headers).toMatchObject({
    'access-control-allow-origin': 'https://play.example',
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET,HEAD,POST,PUT,DELETE,CONNECT,TRACE,PATCH,OPTION',
    'access-control-allow-headers':
      'Cache-Control,Content-Type,Origin,Accept,User-Agent,X-Upload-Origin',
    'access-control-max-age': '86400',
  })
  const injected = await node.ask('/status', { headers: { origin: 'a' } })
  expect(injected.headers['set-cookie']).toBeUndefined()
})

test('what there is not is told in the words of the network', async () => {
  await using node = await ContentNode.open()
  for (const path of ['', '/', '/nothing', '/entities', '/contents/a/b/c', '/metrics']) {
    const answer = await node.ask(path)
    expect([answer.status, answer.text, answer.headers['content-type']], path).toEqual([
      404,
      'Not found',
      'text/plain',
    ])
  }
  const wrong = await node.ask('/snapshots', { method: 'POST', body: '{}' })
  expect([wrong.status, wrong.text]).toEqual([404, 'Not found'])
  const long = await node.ask(`/contents/${'a'.repeat(600)}`)
  expect([long.status, long.json]).toEqual([
    404,
    { error: `No content found with hash ${'a'.repeat(600)}` },
  ])
})

test.each(['/elsewhere/deep', '/content2'])('it can be had below %s', async (prefix) => {
  await using node = await ContentNode.open({ prefix })
  expect((await node.ask('/status')).status).toBe(200)
  expect((await node.ask('/deployments')).headers['link']).toContain(`<${prefix}/pointer-changes>`)
  const usual = await request(`${node.url.origin}/content/status`)
  expect([usual.statusCode, usual.headers['content-type']]).toEqual([
    404,
    'application/problem+json; charset=utf-8',
  ])
  await usual.body.dump()
})

test('it can be had at the root, beside all that is there', async () => {
  await using node = await ContentNode.open({ prefix: '', token })
  expect((await node.ask('/status')).json).toMatchObject({ ethNetwork: 'mainnet' })
  expect((await node.ask('/challenge?a=b')).status).toBe(200)
  expect((await node.ask(`/contents/${missing}`)).status).toBe(404)
  for (const [path, status] of [
    ['/health', 200],
    ['/api/status', 401],
    ['/metrics', 401],
    ['/nothing', 401],
  ] as const) {
    const answer = await request(`${node.url.origin}${path}`)
    expect(answer.statusCode, path).toBe(status)
    await answer.body.dump()
  }
})

test('the other face describes itself as before', async () => {
  await using node = await ContentNode.open()
  const answer = await request(`${node.url.origin}/api/openapi.json`)
  const { paths } = (await answer.body.json()) as { paths: object }
  expect(Object.keys(paths).filter((path) => path.includes('content'))).toEqual([])
})

test('who dribbles a body is cut off when he always was, and a form is given its time', async () => {
  await using node = await ContentNode.open()
  const timers: { readonly ms: number; readonly run: () => void }[] = []
  const after = (ms: number, run: () => void): (() => void) => {
    timers.push({ ms, run })
    return () => undefined
  }
  const parts = node.parts({ ...systemClock, after })
  const house = fastify({ requestTimeout: 30_000 })
  house.post('/other', async () => 'all of it')
  await mountContent(house, parts)
  expect(house.server.requestTimeout).toBe(usualUploadLimits.ms)
  const { port } = new URL(await house.listen({ host: '127.0.0.1', port: 0 }))
  const dribble = async (path: string, type: string): Promise<number[]> => {
    timers.length = 0
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => undefined)
    let isClosed = false
    socket.on('close', () => {
      isClosed = true
    })
    socket.resume()
    socket.write(
      `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: ${type}\r\ncontent-length: 9\r\n\r\n-`,
    )
    let fired = 0
    await until(
      () => isClosed,
      async () => {
        timers[fired++]?.run()
        fired = Math.min(fired, timers.length)
        await turn()
      },
    )
    return timers.map(({ ms }) => ms)
  }
  expect(await dribble('/content/entities/active', 'application/json')).toEqual([30_000])
  expect(await dribble('/other', 'application/json')).toEqual([30_000])
  expect(await dribble('/content/entities', 'application/json')).toContain(30_000)
  const form = await dribble('/content/entities', 'multipart/form-data; boundary=x')
  expect(form[0]).toBe(usualUploadLimits.ms)
  await house.close()
})
