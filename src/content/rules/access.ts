import type { Entity } from '../entity.ts'
import { noErrors } from './rule.ts'
import type { RuleSettings } from './settings.ts'
import { parseUrn, type UrnKind } from './urn.ts'

/**
 * Who may point where, as far as it can be told without asking a chain (ADR-51, access): the rest is `Ownership`.
 * `deployer` is the address that begins the auth chain.
 */
export function accessErrors(
  entity: Entity,
  deployer: string,
  settings: RuleSettings,
): readonly string[] {
  const { type, pointers, timestamp } = entity
  if (type === 'scene' && pointers.some((pointer) => pointer.startsWith('default'))) {
    return [sceneForm]
  }
  const signer = deployer.toLowerCase()
  const isDecentraland = settings.decentralandAddresses.includes(signer)
  if (timestamp <= settings.dates.launch && isDecentraland) return noErrors
  return rules[type](entity, { signer, isDecentraland })
}

interface Signer {
  /** The address, in lower case. */
  readonly signer: string
  readonly isDecentraland: boolean
}

const rules: Record<Entity['type'], (entity: Entity, by: Signer) => readonly string[]> = {
  scene: sceneErrors,
  profile: profileErrors,
  outfits: outfitsErrors,
  store: storeErrors,
  wearable: itemErrors,
  emote: itemErrors,
}

function sceneErrors({ pointers }: Entity): readonly string[] {
  return pointers
    .filter((pointer) => {
      const numbers = pointer.split(',').map((part) => Number.parseInt(part, 10))
      return numbers.length !== 2 || numbers.some(Number.isNaN)
    })
    .map((pointer) => `${sceneForm} Invalid pointer: ${pointer}`)
}

function profileErrors({ pointers }: Entity, by: Signer): readonly string[] {
  const [pointer = '', ...more] = pointers
  if (more.length > 0) {
    return [
      `Only one pointer is allowed when you create a Profile. Received: ${pointers.join(',')}`,
    ]
  }
  if (pointer.startsWith('default')) {
    return by.isDecentraland ? noErrors : ['Only Decentraland can add or modify default profiles']
  }
  if (!isAddress(pointer)) return ['The given pointer is not a valid ethereum address.']
  if (pointer === by.signer) return noErrors
  return [
    `You can only alter your own profile. The pointer address and the signer address are different (pointer:${pointer} signer: ${by.signer}).`,
  ]
}

function outfitsErrors({ pointers }: Entity, by: Signer): readonly string[] {
  const [pointer = '', ...more] = pointers
  if (more.length > 0) {
    return [
      `Only one pointer is allowed when you create an Outfits. Received: ${pointers.join(',')}`,
    ]
  }
  const [address = '', word, ...rest] = pointer.split(':')
  if (word !== 'outfits' || rest.length > 0) {
    return ['The pointer is not valid. It should be in the format: <address>:outfits']
  }
  if (!isAddress(address))
    return ['The address of the given pointer is not a valid ethereum address.']
  if (address === by.signer) return noErrors
  return [
    `You can only alter your own outfits. The address of the pointer and the signer address are different (pointer:${pointer} signer: ${by.signer}).`,
  ]
}

function storeErrors({ pointers }: Entity, by: Signer): readonly string[] {
  const [pointer = '', ...more] = pointers
  if (more.length > 0) {
    return [`Only one pointer is allowed when you create a Store. Received: ${pointers.join(',')}`]
  }
  const urn = parseUrn(pointer)
  if (urn?.kind !== 'off-chain') {
    return [
      `Store pointers should be a urn, for example (urn:decentraland:off-chain:marketplace-stores:{address}). Invalid pointer: ${pointer}`,
    ]
  }
  const address = urn.id.toLowerCase()
  if (address === by.signer) return noErrors
  return [
    `You can only alter your own store. The pointer address and the signer address are different (address:${address} signer: ${by.signer}).`,
  ]
}

/** One item, which may be written in several ways. What is off the chain or of the first collections is Decentraland's. */
function itemErrors({ type, pointers }: Entity, by: Signer): readonly string[] {
  const urns = pointers.map((pointer) => ({ pointer, urn: parseUrn(pointer) }))
  const broken = urns.find(({ urn }) => urn === null || urn.kind === 'other')
  if (broken !== undefined) {
    return [
      `Item pointers should be a urn, for example (urn:decentraland:{protocol}:collections-v2:{contract(0x[a-fA-F0-9]+)}:{id}). Invalid pointer: (${broken.pointer})`,
    ]
  }
  if (new Set(urns.map(({ urn }) => urn?.identity)).size > 1) {
    return [`Only one pointer is allowed when you create an item. Received: ${pointers.join(',')}`]
  }
  const [pointer = '', kind = 'other'] = [urns[0]?.pointer, urns[0]?.urn?.kind]
  const kinds = itemKinds.filter((each) => type === 'wearable' || each !== v1Asset)
  if (!kinds.includes(kind)) {
    return [
      `For the entity type: ${type}, the asset with urn type: ${kind} is invalid. Valid urn types for this entity: ${kinds.join(',')}`,
    ]
  }
  const isTheirs = kind === 'off-chain' || kind === v1Asset
  if (!isTheirs || by.isDecentraland) return noErrors
  return [
    `The provided Eth Address '${by.signer}' does not have access to the following item: '${pointer}'`,
  ]
}

function isAddress(text: string): boolean {
  return /^0x[a-f0-9]{40}$/.test(text)
}

const sceneForm =
  'Scene pointers should only contain two integers separated by a comma, for example (10,10) or (120,-45).'
const v1Asset = 'blockchain-collection-v1-asset'
const itemKinds: readonly UrnKind[] = [
  'off-chain',
  v1Asset,
  'blockchain-collection-v2-asset',
  'blockchain-collection-third-party',
]
