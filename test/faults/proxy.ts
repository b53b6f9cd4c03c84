import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What the proxy does to connections; may be changed at any time and holds for open ones, too. */
export interface ProxyFaults {
  /** Whether connections are accepted at all; open ones are cut when this becomes false. */
  isOn: boolean
  /** Milliseconds that every piece takes, in either direction. */
  delayMs: number
  /** A connection is reset after so many bytes from the server. */
  cutAfterBytes: number
  /** A connection says nothing more after so many bytes from the server. */
  stallAfterBytes: number
  /** Bytes a second from the server, of each connection. */
  bytesPerSecond: number
}

/** A TCP proxy on the loopback that makes a good server a bad one. */
export class FaultyProxy {
  readonly faults: ProxyFaults = {
    isOn: true,
    delayMs: 0,
    cutAfterBytes: Number.POSITIVE_INFINITY,
    stallAfterBytes: Number.POSITIVE_INFINITY,
    bytesPerSecond: Number.POSITIVE_INFINITY,
  }
  /** Connections accepted so far, and the bytes that passed from client and server. */
  readonly counts = { connections: 0, fromClient: 0, fromServer: 0 }

  readonly #target: URL
  readonly #server: Server
  readonly #open = new Set<Socket>()

  constructor(target: string) {
    this.#target = new URL(target)
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client))
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#open.size
  }

  /** Listens on a free port; gives the address of the target through the proxy. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port')
    const through = new URL(this.#target)
    through.host = `127.0.0.1:${address.port}`
    return through.href
  }

  switchOff(): void {
    this.faults.isOn = false
    this.#cutAll()
  }

  switchOn(): void {
    this.faults.isOn = true
  }

  async stop(): Promise<void> {
    this.#cutAll()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #cutAll(): void {
    for (const client of this.#open) client.resetAndDestroy()
  }

  #accept(client: Socket): void {
    if (!this.faults.isOn) {
      client.resetAndDestroy()
      return
    }
    this.counts.connections++
    this.#open.add(client)
    const server = connect({
      port: Number(this.#target.port),
      host: this.#target.hostname,
      noDelay: true,
    })
    client.once('close', () => {
      this.#open.delete(client)
      server.destroy()
    })
    server.once('close', () => client.end())
    for (const socket of [client, server]) socket.on('error', () => undefined)
    void this.#upload(client, server)
    void this.#download(server, client)
  }

  async #upload(client: Socket, server: Socket): Promise<void> {
    await forward(client, server, async (chunk) => {
      this.counts.fromClient += chunk.length
      await pause(this.faults.delayMs)
      return chunk
    })
  }

  async #download(server: Socket, client: Socket): Promise<void> {
    let passed = 0
    await forward(server, client, async (chunk) => {
      const { delayMs, bytesPerSecond, cutAfterBytes, stallAfterBytes } = this.faults
      await pause(delayMs + (chunk.length / bytesPerSecond) * 1_000)
      const left = Math.min(cutAfterBytes, stallAfterBytes) - passed
      const piece = chunk.subarray(0, Math.max(0, left))
      passed += piece.length
      this.counts.fromServer += piece.length
      if (piece.length === chunk.length) return piece
      if (cutAfterBytes <= stallAfterBytes) setImmediate(() => client.resetAndDestroy())
      return piece
    })
  }
}

async function forward(
  from: Socket,
  to: Socket,
  passed: (chunk: Buffer) => Promise<Buffer>,
): Promise<void> {
  try {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      const piece = await passed(chunk)
      if (piece.length > 0 && !to.write(piece) && !to.destroyed) {
        await new Promise<void>((resolve) => {
          to.once('drain', resolve).once('close', resolve)
        })
      }
    }
    to.end()
  } catch {
    to.destroy()
  }
}

async function pause(ms: number): Promise<void> {
  if (ms > 0) await sleep(ms)
}
