import { collect } from '../../base/collect.ts'
import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { AddressPolicy } from '../../base/remote/address-policy.ts'
import type { Endpoint } from '../../base/remote/endpoint.ts'
import { RemoteHost } from '../../base/remote/remote-host.ts'

export interface JsonQuestion {
  readonly endpoint: Endpoint
  /** With its query; the endpoint's own path is not looked at. */
  readonly path: string
  readonly policy: AddressPolicy
  /** Bytes of the answer. */
  readonly maxBytes: number
  readonly clock: Clock
}

/**
 * Asks once for JSON, over a connection of its own: for what is asked for twice an hour. A redirect is followed on its
 * own origin only. Throws what the remote's failure is, `bad-address` where it sends elsewhere, `protocol` where the
 * answer is too long, packed or no JSON. There is no total deadline but the signal.
 */
export async function askJson(question: JsonQuestion, signal: AbortSignal): Promise<unknown> {
  const { endpoint, path, policy, clock, maxBytes } = question
  const limits = { connections: 1 }
  const remote = new RemoteHost({ endpoint, policy, clock, limits })
  const what = `GET ${endpoint.origin}${path.replace(/\?.*/s, '')}`
  try {
    const headers = { accept: 'application/json' }
    const response = await remote.request({ method: 'GET', path, headers }, signal)
    if (response.status !== 200) throw remote.failure(response, what, 'root')
    return parsed(await collect(response.body, maxBytes, signal, what), what)
  } finally {
    await remote.close()
  }
}

function parsed(body: Buffer, what: string): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch (cause) {
    throw new SyncError('protocol', `${what} was answered with what is no JSON.`, { cause })
  }
}
