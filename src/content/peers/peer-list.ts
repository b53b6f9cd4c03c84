import { parseEndpoint } from '../../base/remote/endpoint.ts'

/** Where a node of the network is. */
export interface PeerAddress {
  /** What its paths begin with, as `peerUrl` writes it: `https://a.example/content`. */
  readonly url: string
  /** The operator typed it: it may be on a private network. What a list or a contract names may not, unless allowed. */
  readonly isOperators: boolean
}

/** Somebody who knows peers. */
export interface PeerList {
  /** For logs, and to remember it by: the same after a restart, nothing secret in it. */
  readonly name: string
  /** What it knows without being asked; most know nothing. */
  readonly known?: readonly PeerAddress[]
  /**
   * All that it knows now, at most `maxPeers`, in no order, perhaps several times. What makes no sense is left out; a
   * list that cannot be had whole throws, so that nobody takes a part for all. Throws what a remote throws, and
   * `protocol`.
   */
  read(signal: AbortSignal): Promise<readonly PeerAddress[]>
}

/** Peers that a list may name. */
export const maxPeers = 1_000
/** Characters of an address. */
export const maxAddressLength = 2_048

/**
 * The one way in which an address is written: host in lower case, no usual port, no slash at the end. Throws
 * `bad-address` for what is no http: or https: address, or has a password, a `?` or a `#` in it.
 */
export function peerUrl(address: string): string {
  const { origin, path } = parseEndpoint(address)
  return origin + path.replace(/\/+$/, '')
}

/** The same of a server that is named without its content part, which is then at `/content`; a path is believed. */
export function serverUrl(address: string): string {
  const url = peerUrl(address)
  return parseEndpoint(url).path === '/' ? `${url}/content` : url
}

export interface Listed {
  readonly peers: readonly PeerAddress[]
  /** How many addresses make no sense. */
  readonly unusable: number
}

/** Addresses that come from outside, as peers. `toUrl` throws for what makes no sense. */
export function listed(
  addresses: readonly (string | null)[],
  toUrl: (address: string) => string,
): Listed {
  const peers = addresses.flatMap((address) => {
    const url = address === null ? null : urlOrNull(address, toUrl)
    return url === null ? [] : [{ url, isOperators: false }]
  })
  return { peers, unusable: addresses.length - peers.length }
}

/** All of these, each once. What the operator typed stays his, whoever else names it. */
export function joined(lists: readonly (readonly PeerAddress[])[]): readonly PeerAddress[] {
  const byUrl = new Map<string, PeerAddress>()
  for (const peer of lists.flat()) {
    if (peer.isOperators || !byUrl.has(peer.url)) byUrl.set(peer.url, peer)
  }
  return [...byUrl.values()]
}

/** Without the node itself, where it is known by this address; null: it does not know its own. */
export function others(
  peers: readonly PeerAddress[],
  ownUrl: string | null,
): readonly PeerAddress[] {
  if (ownUrl === null) return peers
  const own = new Set([peerUrl(ownUrl).toLowerCase(), serverUrl(ownUrl).toLowerCase()])
  return peers.filter(({ url }) => !own.has(url.toLowerCase()))
}

function urlOrNull(address: string, toUrl: (address: string) => string): string | null {
  if (address.length > maxAddressLength) return null
  try {
    return toUrl(address)
  } catch {
    return null
  }
}
