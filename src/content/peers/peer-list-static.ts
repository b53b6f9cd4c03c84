import { asSyncError, SyncError } from '../../base/errors.ts'
import {
  maxAddressLength,
  maxPeers,
  type PeerAddress,
  type PeerList,
  peerUrl,
} from './peer-list.ts'

/** Peers that the operator typed. */
export class StaticPeers implements PeerList {
  readonly name = 'operator'
  readonly known: readonly PeerAddress[]

  constructor(peers: readonly PeerAddress[]) {
    this.known = peers
  }

  read(): Promise<readonly PeerAddress[]> {
    return Promise.resolve(this.known)
  }
}

/**
 * Peers as they are typed: `https://a.example/content,https://b.example/content`. An address is taken as it stands:
 * nothing is added to its path. Throws `bad-input`, which tells the place of what cannot be used and not the text, in
 * which a password may be.
 */
export function parsePeers(text: string): readonly PeerAddress[] {
  const addresses = text.split(',').map((address) => address.trim())
  if (addresses.length > maxPeers) {
    throw new SyncError('bad-input', `${addresses.length} peers are more than ${maxPeers}.`)
  }
  return addresses.map((address, index) => ({
    url: typedUrl(address, index + 1),
    isOperators: true,
  }))
}

function typedUrl(address: string, place: number): string {
  if (address.length > maxAddressLength) {
    const message = `Peer ${place}: the address is longer than ${maxAddressLength} characters.`
    throw new SyncError('bad-input', message)
  }
  try {
    return peerUrl(address)
  } catch (thrown) {
    const { message } = asSyncError(thrown)
    const example = 'Write it like https://a.example/content.'
    throw new SyncError('bad-input', `Peer ${place}: ${message} ${example}`, { cause: thrown })
  }
}
