import { collect } from '../../base/collect.ts'
import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { AddressPolicy } from '../../base/remote/address-policy.ts'
import type { Endpoint } from '../../base/remote/endpoint.ts'
import { discard, RemoteHost, type RemoteResponse } from '../../base/remote/remote-host.ts'
import type { Resolve } from '../../base/remote/connector.ts'

export interface JsonQuestion {
  readonly endpoint: Endpoint
  /** With its query; the endpoint's own path is not looked at. */
  readonly path: string
  readonly policy: AddressPolicy
  /** Bytes of the answer. */
  readonly maxBytes: number
  readonly clock: Clock
  readonly resolve?: Resolve
}

/**
 * Asks once for JSON, over a connection of its own: for what is asked for twice an hour. A redirect is followed on its
 * own origin only. Throws what the remote's failure is, `bad-address` where it sends elsewhere, `protocol` where the
 * answer is too long or no JSON. There is no total deadline but the signal.
 */
export async function askJson(question: JsonQuestion, signal: AbortSignal): Promise<unknown> {
  const { endpoint, path, policy, clock, maxBytes, resolve } = question
  const limits = { connections: 1 }
  const via = resolve === undefined ? {} : { resolve }
  const remote = new RemoteHost({ endpoint, policy, clock, limits, ...via })
  const what = `GET ${endpoint.origin}${path.replace(/\?.*/s, '')}`
  try {
    const headers = { accept: 'application/json' }
    const response = await remote.request({ method: 'GET', path, headers }, signal)
    if (response.status !== 200) throw remote.failure(response, what, 'root')
    return parsed(await collect(plainBody(response, what), maxBytes, signal, what), what)
  } finally {
    await remote.close()
  }
}

/** Nothing was asked for but bytes as they are. */
function plainBody(response: RemoteResponse, what: string): RemoteResponse['body'] {
  const coding = response.header('content-encoding') ?? 'identity'
  if (coding.toLowerCase() === 'identity') return response.body
  discard(response.body)
  throw new SyncError('protocol', `${what} was answered packed, which nobody asked for.`)
}

function parsed(body: Buffer, what: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw new SyncError('protocol', `${what} was answered with what is no JSON.`, { cause })
  }
}
