/**
 * Several addresses that all lead to one node, and what goes over them: a peer each, as whoever follows them sees it. Only
 * bytes are handed on; what they belong to is told by the line that a request begins with.
 */
import { once } from 'node:events'
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net'

/** What a request is about. */
export type Topic = 'content' | 'feed' | 'other'

export interface Traffic {
  readonly requests: number
  /** Of the answers, with their headers. */
  readonly bytes: number
}

export type Counters = Readonly<Record<Topic, Traffic>>

export class Crossing implements AsyncDisposable {
  readonly #target: number
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  #counters: Record<Topic, Traffic> = { content: none, feed: none, other: none }

  /** `target` is a port of this machine. */
  constructor(target: number) {
    this.#target = target
  }

  /** Ports that lead there from now on. */
  async open(count: number): Promise<readonly number[]> {
    return Promise.all(Array.from({ length: count }, () => this.#listen()))
  }

  get counters(): Counters {
    return { ...this.#counters }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(this.#servers.map((server) => once(server.close(), 'close')))
  }

  async #listen(): Promise<number> {
    const server = createServer({ noDelay: true }, (near) => this.#join(near))
    this.#servers.push(server)
    await once(server.listen(0, '127.0.0.1'), 'listening')
    // It listens on a port, and not on a pipe.
    return (server.address() as AddressInfo).port
  }

  #join(near: Socket): void {
    const far = connect({ port: this.#target, host: '127.0.0.1', noDelay: true })
    let topic: Topic = 'other'
    near.on('data', (chunk) => {
      // Nobody asks twice over a connection before he has an answer.
      const found = topicOf(chunk.toString('latin1', 0, lineBytes))
      if (found === null) return
      topic = found
      this.#count(topic, { requests: 1, bytes: 0 })
    })
    far.on('data', (chunk) => this.#count(topic, { requests: 0, bytes: chunk.length }))
    near.pipe(far)
    far.pipe(near)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        this.#sockets.delete(one)
        other.destroy()
      })
    }
  }

  #count(topic: Topic, { requests, bytes }: Traffic): void {
    const before = this.#counters[topic]
    this.#counters[topic] = { requests: before.requests + requests, bytes: before.bytes + bytes }
  }
}

/** What went since. */
export function since(before: Counters, now: Counters): Counters {
  const topic = (name: Topic): Traffic => ({
    requests: now[name].requests - before[name].requests,
    bytes: now[name].bytes - before[name].bytes,
  })
  return { content: topic('content'), feed: topic('feed'), other: topic('other') }
}

/** Null: no request begins here. */
export function topicOf(line: string): Topic | null {
  const path = /^(?:GET|POST|HEAD) (\S+)/.exec(line)?.[1]
  if (path === undefined) return null
  if (path.includes('/contents/')) return 'content'
  return /\/(?:pointer-changes|freshest|snapshots)\b/.test(path) ? 'feed' : 'other'
}

const none: Traffic = { requests: 0, bytes: 0 }
const lineBytes = 200
