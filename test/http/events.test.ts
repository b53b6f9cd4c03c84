import { expect, test } from 'vitest'
import { heartbeatMs, maxWatchers, stuckMs } from '../../src/http/broadcast.ts'
import { VirtualClock } from '../sim/virtual-clock.ts'
import { EventClient } from './event-client.ts'
import { House, until } from './house.ts'

const path = '/api/events'

test('The state comes at once, and again whenever it is another', async () => {
  await using house = await House.open()
  house.addSource(house.addOwner('anna'), 'nas', { state: 'new' })
  const client = await EventClient.open(new URL(path, house.url))
  expect(client.answer.headers).toMatchObject({
    'content-type': 'text/event-stream',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  expect(await client.block()).toBe('retry: 2000')
  expect((await client.status()).users).toMatchObject([
    { name: 'anna', sources: [{ name: 'nas', state: 'new' }] },
  ])
  house.change(1, { state: 'listing' })
  expect((await client.status()).users[0]?.sources[0]?.state).toBe('listing')
  house.change(1, { state: 'waiting' })
  expect((await client.status()).users[0]?.sources[0]?.state).toBe('waiting')
  client.leave()
})

test('A thousand changes at once are one event, and it tells the last of them', async () => {
  await using house = await House.open()
  house.addSource(house.addOwner('anna'), 'nas', { state: 'new' })
  const client = await EventClient.open(new URL(path, house.url))
  await client.status()
  for (let i = 0; i < 1_000; i++) house.change(1, { address: `https://drive.example/${i}` })
  const told: (string | undefined)[] = []
  while (told.at(-1) !== 'https://drive.example/999') {
    told.push((await client.status()).users[0]?.sources[0]?.address)
  }
  expect(told.length).toBeLessThanOrEqual(2)
  client.leave()
})

test('Who asks for one user sees that one, and an unknown one is a 404 before any event', async () => {
  await using house = await House.open()
  house.addOwner('anna')
  house.addOwner('bob')
  const client = await EventClient.open(new URL(`${path}?user=bob`, house.url))
  expect((await client.status()).users.map((user) => user.name)).toEqual(['bob'])
  client.leave()
  expect(await house.ask(`${path}?user=carl`)).toMatchObject({
    status: 404,
    json: { code: 'unknown-user' },
  })
})

test('Who asks the same shares one look, and when all have left nobody looks any more', async () => {
  await using house = await House.open()
  house.addOwner('anna')
  const clients: EventClient[] = []
  for (let i = 0; i < 10; i++) clients.push(await EventClient.open(new URL(path, house.url)))
  await Promise.all(clients.map((client) => client.status()))
  expect(house.looks).toBe(1)
  expect(house.listeners.size).toBe(1)
  for (const client of clients) client.leave()
  await until(
    () => house.listeners.size === 0,
    () => new Promise(setImmediate),
  )
})

test('When nothing happens a comment shows every 15 s that the connection is alive', async () => {
  const clock = new VirtualClock()
  await using house = await House.open({ clock })
  house.addOwner('anna')
  const client = await EventClient.open(new URL(path, house.url))
  await client.status()
  const startMs = clock.elapsed()
  let block: string | null = ''
  const reading = client.block().then((read) => {
    block = read
  })
  await until(
    () => block !== '',
    () => clock.step(startMs + heartbeatMs),
  )
  await reading
  expect(block).toBe(': still here')
  expect(clock.elapsed() - startMs).toBe(heartbeatMs)
  client.leave()
})

test('A client that reads nothing gets the latest state only, and holds up nobody', async () => {
  const clock = new VirtualClock()
  await using house = await House.open({ clock })
  house.addSource(house.addOwner('anna'), 'nas')
  const slow = await EventClient.open(new URL(path, house.url))
  const quick = await EventClient.open(new URL(path, house.url))
  await Promise.all([slow.status(), quick.status()])
  slow.answer.pause()
  // Far more than what sockets take on both sides; less time than after which it would be let go.
  const changes = 200
  let seen = 0
  for (let i = 1; i <= changes; i++) {
    house.change(1, { address: `https://drive.example/${'x'.repeat(100_000)}/${i}` })
    const next = quick.status().then(() => seen++)
    await until(
      () => seen === i,
      () => clock.step(clock.elapsed() + 250),
    )
    await next
  }
  slow.answer.resume()
  const told: (string | undefined)[] = []
  const reading = (async () => {
    while (told.at(-1)?.endsWith(`/${changes}`) !== true) {
      told.push((await slow.status()).users[0]?.sources[0]?.address)
    }
  })()
  await until(
    () => told.at(-1)?.endsWith(`/${changes}`) === true,
    () => clock.step(clock.elapsed()),
  )
  await reading
  expect(told.length).toBeLessThan(changes)
  slow.leave()
  quick.leave()
})

test('A client that takes nothing for a minute is let go', async () => {
  const clock = new VirtualClock()
  await using house = await House.open({ clock })
  house.addSource(house.addOwner('anna'), 'nas')
  const client = await EventClient.open(new URL(path, house.url))
  await client.status()
  client.answer.pause()
  const startMs = clock.elapsed()
  let changes = 0
  await until(
    () => house.listeners.size === 0,
    () => {
      house.change(1, { address: 'x'.repeat(1_000_000) + changes++ })
      return clock.step(clock.elapsed() + 250)
    },
  )
  expect(clock.elapsed() - startMs).toBeGreaterThanOrEqual(stuckMs)
})

test('The server closes at once though live streams are open', async () => {
  const clock = new VirtualClock()
  const house = await House.open({ clock })
  house.addOwner('anna')
  const clients = await Promise.all([1, 2, 3].map(() => EventClient.open(new URL(path, house.url))))
  await Promise.all(clients.map((client) => client.status()))
  // The clock stands still, so nobody is waited for.
  await house.server.close()
  for (const client of clients) expect(await client.block()).toBeNull()
  expect(house.listeners.size).toBe(0)
})

test('The server closes after a while though a client takes nothing', async () => {
  const clock = new VirtualClock()
  const house = await House.open({ clock })
  house.addSource(house.addOwner('anna'), 'nas', { address: 'x'.repeat(50_000_000) })
  const client = await EventClient.open(new URL(path, house.url))
  client.answer.pause()
  await until(
    () => house.looks > 0,
    () => new Promise(setImmediate),
  )
  let isClosed = false
  const closing = house.server.close().then(() => {
    isClosed = true
  })
  const startMs = clock.elapsed()
  await until(
    () => isClosed,
    () => clock.step(startMs + 5_000),
  )
  await closing
  expect(house.listeners.size).toBe(0)
})

test('No more than so many watch at the same time, and a place that is left is free again', async () => {
  await using house = await House.open()
  house.addOwner('anna')
  const clients = await Promise.all(
    Array.from({ length: maxWatchers }, () => EventClient.open(new URL(path, house.url))),
  )
  const refused = await house.ask(path)
  expect(refused).toMatchObject({
    status: 503,
    json: { code: 'too-many-watchers', remedy: 'retry' },
  })
  expect(refused.headers['retry-after']).toMatch(/^\d+$/)
  clients[0]?.leave()
  let again: EventClient | null = null
  await until(
    () => again?.answer.statusCode === 200,
    async () => {
      again = await EventClient.open(new URL(path, house.url))
    },
  )
})

test('A HEAD opens no stream', async () => {
  await using house = await House.open()
  expect((await house.ask(path, { method: 'HEAD' })).status).toBe(404)
  expect(house.listeners.size).toBe(0)
})
