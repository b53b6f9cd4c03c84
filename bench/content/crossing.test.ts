import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Crossing, since, topicOf } from './crossing.ts'

let server: Server
let port: number

beforeAll(async () => {
  server = createServer((request, response) => {
    response.end(request.url === '/content/contents/x' ? 'x'.repeat(100_000) : 'y')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  // It listens on a port.
  port = (server.address() as AddressInfo).port
})

afterAll(() => void server.close())

test('every way leads to the same node, and what goes over them is counted by what it is about', async () => {
  await using crossing = new Crossing(port)
  const ways = await crossing.open(3)
  expect(new Set(ways).size).toBe(3)
  const ask = async (way: number | undefined, path: string): Promise<string> =>
    (await fetch(`http://127.0.0.1:${way}/content${path}`)).text()
  await ask(ways[0], '/status')
  const before = crossing.counters
  expect(await ask(ways[0], '/contents/x')).toHaveLength(100_000)
  expect(await ask(ways[1], '/freshest?from=1')).toBe('y')
  expect(await ask(ways[2], '/snapshots')).toBe('y')
  const { content, feed, other } = since(before, crossing.counters)
  expect(content.requests).toBe(1)
  expect(content.bytes).toBeGreaterThan(100_000)
  expect(content.bytes).toBeLessThan(101_000)
  expect(feed.requests).toBe(2)
  expect(feed.bytes).toBeLessThan(1_000)
  expect(other).toEqual({ requests: 0, bytes: 0 })
})

test.each([
  ['GET /content/contents/bafk HTTP/1.1\r\n', 'content'],
  ['GET /content/pointer-changes?from=1 HTTP/1.1', 'feed'],
  ['GET /content/freshest/news?since=1', 'feed'],
  ['GET /content/snapshots', 'feed'],
  ['GET /content/challenge', 'other'],
  ['entities of a body', null],
])('%s is about %s', (line, topic) => {
  expect(topicOf(line)).toBe(topic)
})
