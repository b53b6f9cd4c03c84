import { Readable } from 'node:stream'
import { throwIfAborted } from '../../src/base/abort.ts'
import { SyncError } from '../../src/base/errors.ts'
import { parseEndpoint, type Endpoint } from '../../src/base/remote/endpoint.ts'
import { statusFailure } from '../../src/base/remote/failure.ts'
import {
  discard,
  type RemoteRequest,
  type RemoteResponse,
} from '../../src/base/remote/remote-host.ts'
import type { DeploymentOffer } from '../../src/content/entity.ts'
import { hashV1 } from '../../src/content/hashing.ts'
import type { PeerHost } from '../../src/content/peers/peer-client.ts'
import { readEntity } from '../../src/content/rules/entity-file.ts'
import type { SignedEntity } from '../content/signer.ts'

/** 200, no headers and nothing in it unless told otherwise. */
export interface PeerAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | Readable
}

export type Answering =
  | PeerAnswer
  | ((query: URLSearchParams, signal: AbortSignal) => PeerAnswer | Promise<PeerAnswer>)

/** The web server of a peer, in memory: answers what it is told to. */
export class MemoryPeer implements PeerHost {
  readonly endpoint: Endpoint
  /** What was asked for, each with its query. */
  readonly asked: string[] = []
  /** What was asked for last. */
  last: RemoteRequest | null = null
  /** Headers of all its answers. */
  headers: Readonly<Record<string, string>> = {}
  isAway = false
  isClosed = false
  readonly #answers = new Map<string, Answering>()

  constructor(name = 'peer') {
    this.endpoint = parseEndpoint(`http://${name}.example/content`)
  }

  on(path: string, answer: Answering): this {
    this.#answers.set(path, answer)
    return this
  }

  json(path: string, value: unknown): this {
    return this.on(path, { body: Buffer.from(JSON.stringify(value)) })
  }

  has({ entityId, file, contents }: SignedEntity): this {
    for (const [hash, body] of [[entityId, file] as const, ...contents]) {
      this.on(`/contents/${hash}`, { body })
    }
    return this
  }

  /** Has a snapshot file; gives its hash. */
  hasSnapshot(...lines: readonly object[]): string {
    const texts = lines.map((line) => `${JSON.stringify(line)}\n`)
    const body = Buffer.from(['### Decentraland json snapshot\n', ...texts].join(''))
    const hash = hashV1(body)
    this.on(`/contents/${hash}`, { body })
    return hash
  }

  lacks(hash: string): this {
    this.#answers.delete(`/contents/${hash}`)
    return this
  }

  /** How often this content was asked for. */
  askedFor(hash: string): number {
    return this.asked.filter((path) => path === `/contents/${hash}`).length
  }

  async request(request: RemoteRequest, signal: AbortSignal): Promise<RemoteResponse> {
    const url = new URL(request.path, 'http://peer.example')
    const path = url.pathname.replace('/content/', '/')
    this.asked.push(path + url.search)
    this.last = request
    throwIfAborted(signal, path)
    if (this.isAway) throw new SyncError('unreachable', 'Nobody is there.')
    const told = this.#answers.get(path) ?? { status: 404 }
    const answer = typeof told === 'function' ? await told(url.searchParams, signal) : told
    const { status = 200, headers = {}, body = new Uint8Array(0) } = answer
    return {
      status,
      path: request.path,
      header: (name) => ({ ...this.headers, ...headers })[name],
      body: body instanceof Readable ? body : Readable.from([Buffer.from(body)]),
    }
  }

  failure({ status, body }: RemoteResponse, what: string, scope: 'root' | 'item'): SyncError {
    discard(body)
    return statusFailure(status, what, { scope })
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

/** What a peer says of it. */
export function offered({ entityId, file, authChain }: SignedEntity): DeploymentOffer {
  const reading = readEntity(entityId, file)
  if ('errors' in reading) throw new Error(reading.errors.join())
  const { type: entityType, pointers, timestamp: entityTimestamp } = reading.entity
  return { entityId, entityType, pointers, entityTimestamp, authChain }
}

/** A row of its changes. */
export function delta(signed: SignedEntity, localTimestamp: number): object {
  return { ...offered(signed), localTimestamp }
}
