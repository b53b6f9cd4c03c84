import { Buffer } from 'node:buffer'
import { Readable } from 'node:stream'
import { throwIfAborted } from '../../src/base/abort.ts'
import type { Clock } from '../../src/base/clock.ts'
import { SyncError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import type { Endpoint } from '../../src/base/remote/endpoint.ts'
import { statusFailure, type Scope } from '../../src/base/remote/failure.ts'
import type { RemoteRequest, RemoteResponse } from '../../src/base/remote/remote-host.ts'
import type { PeerHost } from '../../src/content/peers/peer-client.ts'

/** What a node's HTTP face answered. */
export interface Told {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
}

/** What may happen to messages on their way. */
export interface Weather {
  isCut: boolean
  /** Milliseconds that a message takes at most, each way. */
  delayMs: number
  /** Of so many messages in one, the answer breaks off in its middle; of as many, the question arrives twice. */
  trouble: number
}

export interface LinkParts {
  readonly endpoint: Endpoint
  readonly weather: Weather
  readonly clock: Clock
  readonly random: Random
  /** Null: there is nobody. */
  readonly ask: (request: RemoteRequest) => Promise<Told | null>
}

/** The web server of another node, as seen over a network that may do anything but change bytes. */
export class Link implements PeerHost {
  readonly endpoint: Endpoint
  readonly #parts: LinkParts

  constructor(parts: LinkParts) {
    this.endpoint = parts.endpoint
    this.#parts = parts
  }

  async request(request: RemoteRequest, signal: AbortSignal): Promise<RemoteResponse> {
    const { weather, random, ask } = this.#parts
    throwIfAborted(signal, 'Asking a peer')
    await this.#travel(signal)
    if (random() < weather.trouble) await ask(request)
    const told = await ask(request)
    await this.#travel(signal)
    if (told === null) throw this.#unreachable()
    const { status, headers, bytes } = told
    return {
      status,
      path: request.path,
      header: (name) => headers[name],
      body: this.#body(bytes),
    }
  }

  failure({ status, body }: RemoteResponse, what: string, scope: Scope): SyncError {
    body.destroy()
    return statusFailure(status, what, { scope })
  }

  async close(): Promise<void> {
    // There are no connections.
  }

  async #travel(signal: AbortSignal): Promise<void> {
    const { weather, random, clock } = this.#parts
    await clock.sleep(Math.floor(random() * weather.delayMs), signal)
    if (weather.isCut) throw this.#unreachable()
  }

  #body(bytes: Uint8Array): Readable {
    const { weather, random } = this.#parts
    if (random() >= weather.trouble) return Readable.from([Buffer.from(bytes)])
    return Readable.from(broken(bytes.subarray(0, bytes.length / 2)))
  }

  #unreachable(): SyncError {
    return new SyncError('unreachable', `Nobody answers at ${this.endpoint.host}.`)
  }
}

async function* broken(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield Buffer.from(bytes)
  throw new SyncError('interrupted', 'The connection broke.')
}
