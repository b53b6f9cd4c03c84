import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import { type AddressPolicy, permitting } from '../../base/remote/address-policy.ts'
import { type Endpoint, parseEndpoint, parseUrl } from '../../base/remote/endpoint.ts'
import { listed, maxPeers, type PeerAddress, type PeerList, serverUrl } from './peer-list.ts'
import { askJson } from './peer-list-json.ts'

export interface UrlPeersParts {
  /** Where the list is. The operator typed it, so that this host and port may be anywhere. */
  readonly url: string
  readonly policy: AddressPolicy
  readonly clock: Clock
  readonly log: Log
}

/**
 * Peers that a web address names: a JSON array of addresses, or of objects with one as `baseUrl`, `address` or `url`
 * (what catalysts answer to `/lambdas/contracts/servers`). An address without a path is that of a server with its
 * content at `/content`.
 */
export class UrlPeers implements PeerList {
  readonly name: string
  readonly #parts: UrlPeersParts
  readonly #place: Place

  /** Throws `bad-address`. */
  constructor(parts: UrlPeersParts) {
    this.#parts = parts
    this.#place = placeOf(parts.url)
    this.name = `list ${this.#place.endpoint.origin}${this.#place.endpoint.path}`
  }

  async read(signal: AbortSignal): Promise<readonly PeerAddress[]> {
    const { clock, log } = this.#parts
    const { endpoint, path } = this.#place
    const policy = permitting(this.#parts.policy, endpoint.host, endpoint.port)
    const question = { endpoint, path, policy, clock, maxBytes: maxListBytes }
    const addresses = addressesOf(await askJson(question, signal), this.name)
    const { peers, unusable } = listed(addresses, serverUrl)
    if (unusable > 0) log.warn({ list: this.name, unusable }, 'peers that make no sense left out')
    return peers
  }
}

interface Place {
  readonly endpoint: Endpoint
  /** With the query. */
  readonly path: string
}

/** Bytes of a list: its thousand peers with addresses of a thousand characters. */
const maxListBytes = 1_048_576

function placeOf(address: string): Place {
  const url = parseUrl(address)
  const search = url?.search ?? ''
  if (url !== null) url.search = ''
  const endpoint = parseEndpoint(url?.href ?? address)
  return { endpoint, path: endpoint.path + search }
}

function addressesOf(answer: unknown, name: string): readonly (string | null)[] {
  if (!Array.isArray(answer)) {
    throw new SyncError('protocol', `The ${name} is no JSON array of addresses: check its address.`)
  }
  if (answer.length > maxPeers) {
    const message = `The ${name} names ${answer.length} peers, more than ${maxPeers}.`
    throw new SyncError('protocol', message)
  }
  return answer.map(addressOf)
}

function addressOf(entry: unknown): string | null {
  if (typeof entry === 'string') return entry
  if (typeof entry !== 'object' || entry === null) return null
  const named: Readonly<Record<string, unknown>> = { ...entry }
  const address = named['baseUrl'] ?? named['address'] ?? named['url']
  return typeof address === 'string' ? address : null
}
