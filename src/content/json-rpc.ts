import { collect } from '../base/collect.ts'
import { SyncError } from '../base/errors.ts'
import { networkFailure } from '../base/remote/failure.ts'
import type { RemoteHost, RemoteResponse } from '../base/remote/remote-host.ts'

/** A server of a blockchain that answers calls (JSON-RPC 2.0, EIP-1474). */
export interface JsonRpc {
  /**
   * What the server gives for a call. Throws what the connection's failure is, `protocol` where it makes no sense, and
   * where the server says no (`refusalCode` tells its code) `unavailable` or `rate-limited`.
   */
  call(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown>
}

/** The code with which a server said no to a call; null for every other error. */
export function refusalCode(error: unknown): number | null {
  return error instanceof SyncError && error.cause instanceof Refusal ? error.cause.code : null
}

export interface HttpJsonRpcParts {
  readonly host: RemoteHost
  /** What stands behind the host's path, with its `?`; nothing unless told otherwise. */
  readonly query?: string
}

/** JSON-RPC over HTTP: one call a request. The path is the host's; it and the query may hold a key: no message names them. */
export class HttpJsonRpc implements JsonRpc {
  readonly #host: RemoteHost
  readonly #query: string
  #calls = 0

  constructor({ host, query = '' }: HttpJsonRpcParts) {
    this.#host = host
    this.#query = query
  }

  async call(method: string, params: readonly unknown[], signal: AbortSignal): Promise<unknown> {
    const { host, path: place } = this.#host.endpoint
    const path = place + this.#query
    const what = `${method} of ${host}`
    const headers = { 'content-type': 'application/json', accept: 'application/json' }
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++this.#calls, method, params })
    const response = await this.#host.request({ method: 'POST', path, headers, body }, signal)
    if (response.status !== 200) throw this.#host.failure(response, what, 'root')
    return resultOf(await this.#read(response, what, signal), what)
  }

  async #read({ body }: RemoteResponse, what: string, signal: AbortSignal): Promise<unknown> {
    try {
      const bytes = await collect(body, maxAnswerBytes, signal, what)
      return JSON.parse(bytes.toString('utf8')) as unknown
    } catch (thrown) {
      if (thrown instanceof SyntaxError) throw senseless(what)
      throw networkFailure(thrown, what, signal)
    }
  }
}

/** What the server of a chain said no with, and why. */
class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

function resultOf(answer: unknown, what: string): unknown {
  if (typeof answer !== 'object' || answer === null) throw senseless(what)
  const { result, error } = answer as { readonly result?: unknown; readonly error?: unknown }
  if (error === undefined || error === null) {
    if (result === undefined) throw senseless(what)
    return result
  }
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  const text = typeof message === 'string' ? message.slice(0, maxMessageLength) : 'no message'
  const cause = new Refusal(typeof code === 'number' ? code : 0, text)
  throw new SyncError(
    cause.code === limitExceeded ? 'rate-limited' : 'unavailable',
    `${what} was refused with ${cause.code}: ${text}.`,
    { cause },
  )
}

function senseless(what: string): SyncError {
  return new SyncError('protocol', `${what} was not answered in JSON-RPC.`)
}

const maxAnswerBytes = 1_048_576
const maxMessageLength = 200
/** EIP-1474. */
const limitExceeded = -32_005
