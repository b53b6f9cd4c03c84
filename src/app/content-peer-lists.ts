import type { Clock } from '../base/clock.ts'
import type { Log } from '../base/log.ts'
import { addressPolicy } from '../base/remote/address-policy.ts'
import type { JsonRpc } from '../content/json-rpc.ts'
import { daoContracts, DaoPeers } from '../content/peers/dao-peers.ts'
import { parsePeers, StaticPeers } from '../content/peers/peer-list-static.ts'
import { UrlPeers } from '../content/peers/peer-list-url.ts'
import type { PeerList } from '../content/peers/peer-list.ts'
import type { ContentConfig } from './content-options.ts'

export interface PeerListsParts {
  readonly config: ContentConfig
  readonly allowHosts: readonly string[]
  readonly clock: Clock
  readonly log: Log
}

/** Whoever knows peers of a node, as its settings have it. `rpc`: an Ethereum node; null: none is known. */
export function peerLists(
  { config, allowHosts, clock, log }: PeerListsParts,
  rpc: JsonRpc | null,
): readonly PeerList[] {
  const policy = addressPolicy(allowHosts)
  const lists: PeerList[] = []
  if (config.peers.length > 0) lists.push(new StaticPeers(parsePeers(config.peers.join(','))))
  if (config.peersUrl !== null)
    lists.push(new UrlPeers({ url: config.peersUrl, policy, clock, log }))
  if (config.peersDao !== null && rpc !== null) {
    const { peersDao: name } = config
    const contract = name === 'mainnet' || name === 'sepolia' ? daoContracts[name] : name
    lists.push(new DaoPeers({ rpc, contract, log }))
  }
  return lists
}
