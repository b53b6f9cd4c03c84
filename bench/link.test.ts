import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { systemClock } from '../src/base/clock.ts'
import { type Link, openLink } from './link.ts'

const roundTripMs = 40
const open: { close: () => unknown }[] = []

afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close()
})

async function serve(answer: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    answer(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(server)
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function link(port: number, bitsPerSecond = 100_000_000): Promise<Link> {
  const made = await openLink({ port, roundTripMs, bitsPerSecond, clock: systemClock })
  open.push(made)
  return made
}

const echo = (socket: Socket): unknown => socket.pipe(socket)

describe('a link', () => {
  test('delivers every byte in order, both ways, and counts them', async () => {
    const sent = Buffer.from(
      Array.from({ length: 300_000 }, (_, index) => (index * 7 + (index >> 8)) % 256),
    )
    const { port, counters } = await link(await serve(echo))
    const client = connect(port, '127.0.0.1')
    client.end(sent)
    const received = await buffer(client)
    expect(received.equals(sent)).toBe(true)
    expect(counters()).toEqual({
      toClientBytes: sent.length,
      toServerBytes: sent.length,
      connections: 1,
    })
  })

  test('takes two round trips for the first answer of a connection and one for the next', async () => {
    const { port } = await link(await serve(echo))
    const client = connect(port, '127.0.0.1')
    const ask = async (): Promise<number> => {
      const start = performance.now()
      client.write('?')
      await once(client, 'data')
      return performance.now() - start
    }
    await once(client, 'connect')
    const [first, second] = [await ask(), await ask()]
    client.destroy()
    expect(first).toBeGreaterThan(2 * roundTripMs - 4)
    expect(second).toBeGreaterThan(roundTripMs - 2)
    expect(second).toBeLessThan(first)
  })

  test('is shared: two connections together are no faster than the line', async () => {
    const bytes = 100_000
    const { port } = await link(await serve((socket) => socket.end(Buffer.alloc(bytes))), 8_000_000)
    const start = performance.now()
    const answers = await Promise.all(
      [1, 2].map(async () => (await buffer(connect(port, '127.0.0.1'))).length),
    )
    expect(answers).toEqual([bytes, bytes])
    expect(performance.now() - start).toBeGreaterThan(200)
  })

  test('holds a bounded amount of what the client does not read', async () => {
    let accepted = 0
    const upstream = await serve((socket) => {
      const more = (): void => {
        while (socket.write(Buffer.alloc(65_536))) accepted += 65_536
        socket.once('drain', more)
      }
      more()
    })
    const { port } = await link(upstream)
    const client = connect(port, '127.0.0.1')
    client.pause()
    let [before, looks] = [-1, 0]
    while (before !== accepted && looks < 20) {
      before = accepted
      looks += 1
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    client.destroy()
    // The link stops taking from the server once its window and the buffers of the operating system are full.
    expect(before).toBe(accepted)
    expect(accepted).toBeGreaterThan(0)
  })

  test('tells the server that the client has hung up', async () => {
    const accepted: Socket[] = []
    const { port } = await link(
      await serve((socket) => {
        accepted.push(socket)
        socket.resume()
        socket.once('end', () => socket.end())
      }),
    )
    const client = connect(port, '127.0.0.1')
    await once(client, 'connect')
    client.write('!')
    while (accepted[0] === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
    client.destroy()
    await once(accepted[0], 'close')
    expect(accepted).toHaveLength(1)
  })
})
