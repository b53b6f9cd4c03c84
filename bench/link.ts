/**
 * A slow line between a client and a server: a TCP proxy that delivers every byte later, in order, no faster than the
 * line. All connections share one line each way. A new connection pays a round trip before its first byte, as a handshake
 * does. What it leaves out: loss, and TCP's slow start.
 */
import { createServer, connect, type Server, type Socket } from 'node:net'
import type { Clock } from '../src/base/clock.ts'

export interface LinkOptions {
  /** Of the server, on this machine. */
  readonly port: number
  readonly roundTripMs: number
  /** Each way, shared by all connections. */
  readonly bitsPerSecond: number
  readonly clock: Clock
}

/** What crossed the line since it was opened. */
export interface LinkCounters {
  /** Bytes that the client received; what was still under way when it hung up is not counted. */
  readonly toClientBytes: number
  readonly toServerBytes: number
  readonly connections: number
}

export interface Link {
  readonly port: number
  readonly counters: () => LinkCounters
  readonly close: () => Promise<void>
}

export async function openLink(options: LinkOptions): Promise<Link> {
  const counters = { toClientBytes: 0, toServerBytes: 0, connections: 0 }
  const down = makeLine(options, (bytes) => (counters.toClientBytes += bytes))
  const up = makeLine(options, (bytes) => (counters.toServerBytes += bytes))
  const open = new Set<Socket>()
  const server = createServer(
    { allowHalfOpen: true, noDelay: true, pauseOnConnect: true },
    (client) => {
      counters.connections += 1
      const upstream = connect({
        host: '127.0.0.1',
        port: options.port,
        allowHalfOpen: true,
        noDelay: true,
      })
      for (const socket of [client, upstream]) {
        open.add(socket)
        socket.once('close', () => open.delete(socket))
        // A death is carried over by `close`, which follows.
        socket.on('error', () => undefined)
      }
      carry(upstream, client, down)
      options.clock.after(options.roundTripMs, () => carry(client, upstream, up))
    },
  )
  await listen(server)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The link has no port.')
  return {
    port: address.port,
    counters: () => ({ ...counters }),
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

/** Bytes of one connection that may be under way in one direction: enough for one connection to fill the line. */
const windowBytes = 256 * 1024

/** One direction. Whatever is put on it comes out in the same order, after its turn on the wire and half a round trip. */
interface Line {
  send(bytes: number, deliver: () => void): void
  count(bytes: number): void
}

function makeLine(
  { roundTripMs, bitsPerSecond, clock }: LinkOptions,
  count: (bytes: number) => void,
): Line {
  const underWay: { readonly due: number; readonly deliver: () => void }[] = []
  /** Timers count whole milliseconds: what is due within this is due. */
  const toleranceMs = 0.5
  let wireFreeAt = 0
  let isWaiting = false
  const deliverDue = (): void => {
    isWaiting = false
    let delivered = 0
    for (const { due, deliver } of underWay) {
      if (due - clock.elapsed() > toleranceMs) break
      delivered += 1
      deliver()
    }
    underWay.splice(0, delivered)
    wait()
  }
  const wait = (): void => {
    const next = underWay[0]
    if (next === undefined || isWaiting) return
    isWaiting = true
    clock.after(Math.max(0, Math.floor(next.due - clock.elapsed())), deliverDue)
  }
  return {
    count,
    send: (bytes, deliver) => {
      wireFreeAt = Math.max(clock.elapsed(), wireFreeAt) + (bytes * 8000) / bitsPerSecond
      underWay.push({ due: wireFreeAt + roundTripMs / 2, deliver })
      wait()
    },
  }
}

/** Carries what `from` says to `to`, its end and its death included; reads on only while the window has room and `to` takes it. */
function carry(from: Socket, to: Socket, line: Line): void {
  let underWayBytes = 0
  from.on('data', (chunk: Buffer) => {
    underWayBytes += chunk.length
    if (underWayBytes >= windowBytes) from.pause()
    line.send(chunk.length, () => {
      const settle = (): void => {
        underWayBytes -= chunk.length
        if (underWayBytes < windowBytes) from.resume()
      }
      if (!to.writable) return settle()
      line.count(chunk.length)
      if (to.write(chunk)) settle()
      else to.once('drain', settle)
    })
  })
  from.once('end', () => line.send(0, () => to.end()))
  from.once('close', () => line.send(0, () => to.destroySoon()))
  from.resume()
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
}
