import { expect, test } from 'vitest'
import { SyncError } from '../../src/base/errors.ts'
import { createServer } from '../../src/http/server.ts'
import { EventClient } from './event-client.ts'
import { House } from './house.ts'

const token = 'correct-horse-battery-staple'

test('A page that had its name pointed here is turned away, whatever it asks for', async () => {
  await using house = await House.open()
  const headers = { host: `rebound.example:${house.url.port}` }
  for (const path of [
    '/api/status',
    '/health',
    '/metrics',
    '/api/events',
    '/api/openapi.json',
    '/nothing',
  ]) {
    const answer = await house.ask(path, { headers })
    expect(answer, path).toMatchObject({ status: 421, json: { code: 'wrong-host' } })
    expect(answer.json['detail']).toContain(`127.0.0.1:${house.url.port}`)
  }
  const known = await house.ask('/health', { headers: { host: `localhost:${house.url.port}` } })
  expect(known.status).toBe(200)
})

test('A page of another origin changes nothing', async () => {
  await using house = await House.open()
  house.addSource(house.addOwner('anna'), 'nas')
  const headers = { origin: 'https://evil.example', 'content-type': 'text/plain' }
  const answer = await house.ask('/api/users/anna/sources/nas/sync', {
    method: 'POST',
    headers,
    body: '',
  })
  expect(answer).toMatchObject({ status: 403, json: { code: 'cross-origin' } })
  expect(house.asked).toEqual([])
})

test('Without a token it does not serve where others can reach it, and says why', async () => {
  const parts = new House().parts({ host: '0.0.0.0' })
  await expect(createServer(parts)).rejects.toThrow(SyncError)
  await expect(createServer(parts)).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringContaining('0.0.0.0'),
  })
})

test('With a token every request but /health has to bring it', async () => {
  await using house = await House.open({ token })
  house.addOwner('anna')
  expect((await house.ask('/health')).status).toBe(200)
  for (const path of [
    '/api/status',
    '/api/tracks',
    '/metrics',
    '/api/openapi.json',
    '/nothing',
    '/api/events',
    '/health/',
    '//health',
  ]) {
    const without = await house.ask(path)
    expect(without, path).toMatchObject({ status: 401, json: { code: 'token-needed' } })
    expect(without.headers['www-authenticate']).toMatch(/^Bearer/)
  }
  const headers = { authorization: `Bearer ${token}` }
  expect((await house.ask('/api/status', { headers })).status).toBe(200)
  const wrong = await house.ask('/api/status', { headers: { authorization: 'Bearer wrong' } })
  expect(wrong.status).toBe(401)
})

test('A token in the address is not taken, and is written down nowhere', async () => {
  await using house = await House.open({ token })
  const answer = await house.ask(`/api/status?token=${token}`)
  expect(answer.status).toBe(401)
  expect(answer.text).not.toContain(token)
  const headers = { authorization: `Bearer ${token}` }
  expect((await house.ask(`/api/status?token=${token}`, { headers })).status).toBe(400)
  house.failure = new Error('broken')
  expect((await house.ask('/api/status', { headers })).status).toBe(500)
  expect(JSON.stringify(house.lines)).not.toContain(token)
})

test('A port that is taken is told as such', async () => {
  await using house = await House.open()
  const second = await createServer(new House().parts({}))
  await expect(second.listen(Number(house.url.port))).rejects.toMatchObject({
    code: 'bad-input',
    message: expect.stringMatching(
      /^Another process listens on 127\.0\.0\.1:\d+: give another port/,
    ),
  })
  await second.close()
})

test('Asked to serve on localhost it serves on one address', async () => {
  await using house = await House.open({ host: 'localhost' })
  expect(house.url.hostname).toBe('127.0.0.1')
  const client = await EventClient.open(new URL('/health', house.url))
  expect(client.answer.statusCode).toBe(200)
  client.leave()
})
