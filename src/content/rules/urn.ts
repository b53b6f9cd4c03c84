import { LandUtils } from '@dcl/urn-resolver'
import collectionsOfV1 from '@dcl/urn-resolver/dist/collections-v1.js'
import contracts from '@dcl/urn-resolver/dist/contracts.js'

/** What a URN names. Of the kinds that the network knows, those that no rule asks for are `other`. */
export interface Urn {
  readonly kind: UrnKind
  /** Its last part but the token: the id of an item, the name in a registry. */
  readonly id: string
  /** The same for each way of writing the same thing. */
  readonly identity: string
}

/** In the words of the network's error texts. */
export type UrnKind =
  | 'off-chain'
  | 'blockchain-collection-v1-asset'
  | 'blockchain-collection-v2-asset'
  | 'blockchain-collection-third-party'
  | 'other'

/**
 * Reads a URN as @dcl/urn-resolver does, which waits for a promise and tries two dozen expressions a URN: 20 µs where
 * this takes one, and a profile names twenty. A test holds both against each other. null: it names nothing.
 */
export function parseUrn(text: string): Urn | null {
  try {
    const path = plain.test(text) ? text.slice(4) : pathOf(text)
    if (path === null) return null
    const parts = path.split(':')
    if (parts[0] !== 'decentraland' || parts.includes('')) return null
    return urnOf(parts.slice(1))
  } catch {
    // No URL, a broken escape, a parcel out of this world.
    return null
  }
}

/** Whether it names a kind of thing of a collection, and not the one that somebody owns (ADR-244). */
export function isAsset(urn: Urn | null): boolean {
  return (
    urn?.kind === 'blockchain-collection-v1-asset' || urn?.kind === 'blockchain-collection-v2-asset'
  )
}

/** What stands behind `urn:`. The old addresses `dcl://collection/item` become what they meant. */
function pathOf(text: string): string | null {
  const url = new URL(text)
  if (url.protocol === 'urn:') return url.pathname
  if (url.protocol !== 'dcl:') return null
  const [item = '', ...more] = url.pathname.replace(/^\//, '').split('/')
  if (more.length > 0) return null
  const isBase = url.host === 'base-avatars' || url.host === 'base-emotes'
  const registry = isBase ? 'off-chain' : 'ethereum:collections-v1'
  return new URL(`urn:decentraland:${registry}:${url.host}:${item}`).pathname
}

function urnOf(parts: readonly string[]): Urn | null {
  const [first = '', second = '', ...rest] = parts
  if (first === 'off-chain') return rest.length === 1 ? offChain(second, rest[0] ?? '') : null
  if (first === 'entity') return parts.length === 2 ? decoded(other, [second]) : null
  return spaces.get(second)?.(unescaped(first), rest) ?? null
}

function offChain(registry: string, name: string): Urn {
  const [inRegistry, id] = [unescaped(registry), unescaped(name)]
  return { kind: 'off-chain', id, identity: `off-chain:${inRegistry}:${id}` }
}

/** By contract on any network, by name on the main one. */
function collectionV1(network: string, parts: readonly string[]): Urn | null {
  const [collection, item, token, ...rest] = parts
  if (collection === undefined || rest.length > 0) return null
  const isByContract = isHex(collection) && isNetwork(network)
  if (!isByContract && network !== 'ethereum') return null
  const name = unescaped(collection)
  const address = isByContract ? name : addressesOfV1.get(name)
  if (item === undefined) return address === undefined ? null : other
  const urn = asset('blockchain-collection-v1-asset', network, address ?? name, item)
  if (token === undefined) return urn
  return isDecimal(token) ? other : null
}

function collectionV2(network: string, parts: readonly string[]): Urn | null {
  const [contract = '', item = '', token] = parts
  if (parts.length === 0 || parts.length > 3 || !isNetwork(network) || !isHex(contract)) return null
  if (parts.length === 1) return other
  if (!isHex(item) && !isDecimal(item)) return null
  if (token !== undefined) return isDecimal(token) ? other : null
  return asset('blockchain-collection-v2-asset', network, contract, item)
}

/** A provider, its collection, an item of that, and that item as it is linked to somebody's NFT. */
function thirdParty(network: string, parts: readonly string[]): Urn | null {
  if (!isNetwork(network) || contractOf(network, 'TPR') === undefined) return null
  const [provider = '', collection = '', item = '', , contract, token] = parts
  if (parts.length === 3) {
    const names = [provider, collection].map(unescaped).join(':')
    return asset('blockchain-collection-third-party', network, names, item)
  }
  const isLinked = parts.length === 6 && isHex(contract) && isDecimal(token)
  return parts.length === 1 || parts.length === 2 || isLinked ? decoded(other, parts) : null
}

function land(network: string, parts: readonly string[]): Urn | null {
  if (parts.length !== 1 || !isNetwork(network) || contractOf(network, 'LANDProxy') === undefined) {
    return null
  }
  const position = unescaped(parts[0] ?? '')
  const parcel = LandUtils.parseParcelPosition(position)
  if (Number.isInteger(parcel.x) && Number.isInteger(parcel.y))
    LandUtils.encodeTokenId(parcel.x, parcel.y)
  else LandUtils.decodeTokenId(position)
  return other
}

function erc721(network: string, parts: readonly string[]): Urn | null {
  const isGood = parts.length === 2 && isNetwork(network) && isHex(parts[0])
  return isGood ? decoded(other, parts) : null
}

function asset(kind: UrnKind, network: string, collection: string, item: string): Urn {
  const id = unescaped(item)
  const where = network === 'ethereum' ? 'mainnet' : network.toLowerCase()
  return { kind, id, identity: [kind, where, collection, id].join(':') }
}

function unescaped(part: string): string {
  return part.includes('%') ? decodeURIComponent(part) : part
}

/** Throws where a part is escaped wrongly. */
function decoded(urn: Urn, parts: readonly string[]): Urn {
  for (const part of parts) unescaped(part)
  return urn
}

function isHex(text: string | undefined): boolean {
  return text !== undefined && /^0x[a-fA-F0-9]+$/.test(text)
}

function isDecimal(text: string | undefined): boolean {
  return text !== undefined && /^[0-9]+$/.test(text)
}

function isNetwork(network: string): boolean {
  return networks.has(network.toLowerCase())
}

function contractOf(network: string, name: string): string | undefined {
  const key = network.toLowerCase()
  return contracts[key === 'ethereum' ? 'mainnet' : key]?.[name]
}

/** What a URL would leave as it is. */
const plain = /^urn:[\w:.-]+$/
const networks = new Set([
  'ethereum',
  ...Object.keys(contracts).filter((network) => network !== 'mainnet'),
])
const addressesOfV1 = new Map(
  collectionsOfV1.map(({ id, name }) => [name.replace(/^dcl:\/\//, ''), id]),
)
/** What may stand on a network, with how the rest of its names is read. */
const spaces = new Map([
  ['collections-v1', collectionV1],
  ['collections-v2', collectionV2],
  ['collections-thirdparty', thirdParty],
  ['LAND', land],
  ['erc721', erc721],
])
const other: Urn = { kind: 'other', id: '', identity: '' }
