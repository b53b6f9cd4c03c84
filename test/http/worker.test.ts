import { request } from 'undici'
import { expect, onTestFinished, test } from 'vitest'
import { SyncError } from '../../src/base/errors.ts'
import { createWorkerServer } from '../../src/http/server.ts'
import { House, type HouseOptions } from './house.ts'

const token = 'correct-horse-battery-staple'

async function open(options: HouseOptions = {}): Promise<URL> {
  const server = await createWorkerServer(new House().parts(options))
  onTestFinished(() => server.close())
  return server.listen(0)
}

async function ask(url: URL, path: string, headers: Record<string, string> = {}) {
  const { statusCode: status, body } = await request(new URL(path, url), { headers })
  return { status, text: await body.text() }
}

test('A process that only does the work tells how it is and its figures, and nothing else', async () => {
  const url = await open()
  expect(await ask(url, '/health')).toMatchObject({ status: 200 })
  expect(await ask(url, '/metrics')).toMatchObject({ status: 200 })
  for (const path of ['/api/status', '/api/tracks', '/api/events', '/api/openapi.json', '/']) {
    const { status, text } = await ask(url, path)
    expect(status, path).toBe(404)
    expect(JSON.parse(text)).toMatchObject({
      code: 'not-served',
      hint: expect.stringContaining('--roles api'),
    })
  }
})

test('It lets in whom a server that answers would let in', async () => {
  const url = await open({ token })
  expect((await ask(url, '/health')).status).toBe(200)
  expect((await ask(url, '/metrics')).status).toBe(401)
  expect((await ask(url, '/metrics', { authorization: `Bearer ${token}` })).status).toBe(200)
  const rebound = { host: `rebound.example:${url.port}` }
  for (const path of ['/health', '/metrics']) {
    expect((await ask(url, path, rebound)).status, path).toBe(421)
  }
  const bare = new House().parts({ host: '0.0.0.0' })
  await expect(createWorkerServer(bare)).rejects.toThrow(SyncError)
})
