import { l1Contracts } from '@dcl/catalyst-contracts'
import { SyncError } from '../../base/errors.ts'
import type { Log } from '../../base/log.ts'
import type { JsonRpc } from '../json-rpc.ts'
import { AbiAnswer, callData, uintWord } from './dao-abi.ts'
import { listed, maxPeers, type PeerAddress, type PeerList, peerUrl } from './peer-list.ts'

/** Where the DAO keeps its list of servers, on each network. */
export const daoContracts = {
  mainnet: l1Contracts.mainnet.catalyst,
  sepolia: l1Contracts.sepolia.catalyst,
} as const

export type DaoNetwork = keyof typeof daoContracts

export interface DaoPeersParts {
  /** A server that speaks JSON-RPC of the contract's network. */
  readonly rpc: JsonRpc
  /** `0x` and 40 digits. */
  readonly contract: string
  readonly log: Log
}

/**
 * The servers that the DAO has voted for, as its contract has them: `catalystCount()`, `catalystIds(uint256)` and
 * `catalystById(bytes32)`, which gives id, owner and domain first. A domain becomes `https://<domain>/content`; one that
 * begins with `http://` is left out, as all servers of the network do.
 */
export class DaoPeers implements PeerList {
  readonly name: string
  readonly #parts: DaoPeersParts

  /** Throws `bad-input` for what is no contract's address. */
  constructor(parts: DaoPeersParts) {
    if (!/^0x[\da-f]{40}$/i.test(parts.contract)) {
      const message = `The contract with the list of peers is 0x and 40 digits, not "${parts.contract}".`
      throw new SyncError('bad-input', message)
    }
    this.#parts = parts
    this.name = `contract ${parts.contract}`
  }

  /**
   * Reads one by one what the newest block says. Where a server is taken off the list in between, the last place is
   * empty, and the contract refuses to tell it: the list is read once more later.
   */
  async read(signal: AbortSignal): Promise<readonly PeerAddress[]> {
    const count = await this.#count(signal)
    const domains: (string | null)[] = []
    while (domains.length < count) {
      const places = Array.from(
        { length: Math.min(maxCalls, count - domains.length) },
        (_, n) => domains.length + n,
      )
      domains.push(...(await Promise.all(places.map((place) => this.#domain(place, signal)))))
    }
    const { peers, unusable } = listed(domains, contentOf)
    if (unusable > 0) {
      this.#parts.log.warn({ list: this.name, unusable }, 'peers that make no sense left out')
    }
    return peers
  }

  async #count(signal: AbortSignal): Promise<number> {
    const count = (await this.#call('catalystCount()', [], signal)).number(0)
    if (count <= maxPeers) return count
    throw new SyncError('protocol', `The ${this.name} has more than ${maxPeers} servers.`)
  }

  async #domain(place: number, signal: AbortSignal): Promise<string | null> {
    const found = await this.#call('catalystIds(uint256)', [uintWord(place)], signal)
    const id = found.word(0)
    const server = await this.#call('catalystById(bytes32)', [id], signal)
    if (!server.word(0).equals(id)) {
      throw new SyncError(
        'protocol',
        `The ${this.name} tells of another server than was asked for.`,
      )
    }
    return server.text(2, maxDomainBytes)
  }

  async #call(
    signature: string,
    words: readonly Uint8Array[],
    signal: AbortSignal,
  ): Promise<AbiAnswer> {
    const { rpc, contract } = this.#parts
    const request = { to: contract, data: callData(signature, words) }
    const answer = await rpc.call('eth_call', [request, 'latest'], signal)
    return new AbiAnswer(answer, `${signature} of the ${this.name}`)
  }
}

/** Servers that are asked for at once. */
const maxCalls = 8
const maxDomainBytes = 512

/** Throws for a domain that is not one. */
function contentOf(domain: string): string {
  const [, scheme, rest = ''] = /^(?:([a-z][a-z\d+.-]*):\/\/)?(.*)$/is.exec(domain.trim()) ?? []
  if (scheme !== undefined && scheme.toLowerCase() !== 'https') {
    throw new SyncError('bad-address', `A server of the DAO is at ${scheme}:, not https:.`)
  }
  const url = peerUrl(`https://${rest}`)
  return url.endsWith('/content') ? url : `${url}/content`
}
