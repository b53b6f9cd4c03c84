import type { Readable } from 'node:stream'
import { Pool } from './undici.ts'
import { throwIfAborted } from '../abort.ts'
import type { Clock } from '../clock.ts'
import { SyncError } from '../errors.ts'
import type { AddressPolicy } from './address-policy.ts'
import { guardedConnector, type Resolve, systemResolve } from './connector.ts'
import { type Endpoint, parseUrl } from './endpoint.ts'
import { networkFailure, type Scope, statusFailure } from './failure.ts'
import { retryAfterMs } from './retry-after.ts'

export interface RemoteHostParts {
  readonly endpoint: Endpoint
  readonly policy: AddressPolicy
  readonly clock: Clock
  /** Value of the Authorization header; goes to this origin and nowhere else. */
  readonly authorization?: string
  readonly limits?: Partial<RemoteLimits>
  /** How names become addresses; the system's way by default. */
  readonly resolve?: Resolve
}

export interface RemoteLimits {
  /** Connections at once. */
  readonly connections: number
  /** Milliseconds for name, connection and TLS. */
  readonly connectMs: number
  /** Milliseconds until the headers of an answer. */
  readonly headersMs: number
  /** Milliseconds without a byte of the body. */
  readonly idleMs: number
}

export interface RemoteRequest {
  readonly method: 'GET' | 'HEAD' | 'PROPFIND' | 'POST' | 'PUT' | 'DELETE'
  /** Percent-encoded, begins with `/`. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export interface RemoteResponse {
  readonly status: number
  /** The path that answered, after redirects. */
  readonly path: string
  /** By its name in lower case; the first, where there are several. */
  readonly header: (name: string) => string | undefined
  /** Must be read, destroyed or given to `discard`. Fails with errors of the network, not with SyncErrors. */
  readonly body: Readable
}

/**
 * One web server, asked over a small pool of kept connections that passes the address guard.
 * Follows redirects on its own origin only, three at most and never of a request that changes something;
 * any other redirect is handed back as it is. There is no total deadline but the caller's signal.
 */
export class RemoteHost {
  readonly endpoint: Endpoint
  readonly #clock: Clock
  readonly #pool: Pool
  readonly #headers: Readonly<Record<string, string>>

  constructor({ endpoint, policy, clock, authorization, limits, resolve }: RemoteHostParts) {
    const { connections, connectMs, headersMs, idleMs } = { ...defaultLimits, ...limits }
    this.endpoint = endpoint
    this.#clock = clock
    this.#headers = {
      'user-agent': 'roundelay',
      ...(authorization === undefined ? {} : { authorization }),
    }
    this.#pool = new Pool(endpoint.origin, {
      connections,
      pipelining: 1,
      headersTimeout: headersMs,
      bodyTimeout: idleMs,
      connect: guardedConnector({
        host: endpoint.host,
        port: endpoint.port,
        policy,
        resolve: resolve ?? systemResolve,
        timeoutMs: connectMs,
      }),
    })
  }

  /** Sends a request; any status is an answer. Throws what `networkFailure` makes of a failure. */
  async request(request: RemoteRequest, signal: AbortSignal): Promise<RemoteResponse> {
    let response = await this.#send(request, signal)
    for (let hops = 0; hops < maxRedirects; hops++) {
      const path = this.#redirect(request, response)
      if (path === null) break
      discard(response.body)
      response = await this.#send({ ...request, path }, signal)
    }
    return response
  }

  /** The error that an answer stands for; its body is let go of. */
  failure(response: RemoteResponse, what: string, scope: Scope): SyncError {
    discard(response.body)
    const { status } = response
    if (redirects.has(status)) return this.#strayed(response, what, scope)
    const wait = retryAfterMs(response.header('retry-after'), this.#clock.now())
    return statusFailure(status, what, { scope, retryAfterMs: wait })
  }

  /** Ends all connections, requests in flight included. */
  async close(): Promise<void> {
    await this.#pool.destroy()
  }

  async #send(request: RemoteRequest, signal: AbortSignal): Promise<RemoteResponse> {
    const { method, path, headers, body } = request
    const what = `${method} on ${this.endpoint.host}`
    throwIfAborted(signal, what)
    try {
      const answer = await this.#pool.request({
        method,
        path,
        headers: { ...this.#headers, ...headers },
        body: body ?? null,
        signal,
      })
      return {
        status: answer.statusCode,
        path,
        header: (name) => first(answer.headers[name]),
        body: answer.body,
      }
    } catch (thrown) {
      throw networkFailure(thrown, what, signal)
    }
  }

  /** Where to go on, on this origin; null when there is nowhere to go. */
  #redirect(request: RemoteRequest, response: RemoteResponse): string | null {
    if (!redirects.has(response.status) || !repeatable.has(request.method)) return null
    const target = this.#target(response)
    return target?.origin === this.endpoint.origin ? target.pathname + target.search : null
  }

  #target(response: RemoteResponse): URL | null {
    return parseUrl(response.header('location') ?? '', this.endpoint.origin + response.path)
  }

  #strayed(response: RemoteResponse, what: string, scope: Scope): SyncError {
    const target = this.#target(response)
    const where = target === null ? 'nowhere' : target.origin
    const code = scope === 'root' ? 'bad-address' : 'file-forbidden'
    const message = `${what} was sent on to ${where}, which is not followed.`
    return new SyncError(code, message, { status: response.status })
  }
}

/** Lets go of a body that nobody wants: reads on a little to keep the connection, breaks it off beyond that. */
export function discard(body: Readable): void {
  let left = maxDiscardedBytes
  body.on('error', () => undefined)
  body.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) body.destroy()
  })
}

/** Ends a body that nobody wants, and its connection with it. */
export function breakOff(body: Readable): void {
  body.on('error', () => undefined).destroy()
}

/** Value of the Authorization header for a user name and password (RFC 7617, UTF-8). */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

const defaultLimits: RemoteLimits = {
  connections: 32,
  connectMs: 10_000,
  headersMs: 30_000,
  idleMs: 30_000,
}

const maxRedirects = 3
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const repeatable: ReadonlySet<string> = new Set(['GET', 'HEAD', 'PROPFIND'])
const maxDiscardedBytes = 65_536

function first(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}
