import { describe, expect, test } from 'vitest'
import type { Entity, EntityType } from '../entity.ts'
import { accessErrors } from './access.ts'
import { ruleDates, ruleSettings } from './settings.ts'

const signer = `0x${'Ab'.repeat(20)}`
const address = signer.toLowerCase()
const another = `0x${'cd'.repeat(20)}`
const [decentraland = ''] = ruleSettings.decentralandAddresses
const timestamp = Date.UTC(2026, 10, 1)
const contract = '0x04e7f74e73e951c61edd80910e46c3fece5ebe80'
const ofTheFirst = '0x09305998a531fade369ebe30adf868c96a34e813'

function errorsOf(
  type: EntityType,
  pointers: readonly string[],
  deployer = signer,
  at = timestamp,
): readonly string[] {
  const entity: Entity = { id: '', version: 'v3', type, pointers, timestamp: at, content: [] }
  return accessErrors(entity, deployer, ruleSettings)
}

const sceneForm =
  'Scene pointers should only contain two integers separated by a comma, for example (10,10) or (120,-45).'
const itemForm =
  'Item pointers should be a urn, for example (urn:decentraland:{protocol}:collections-v2:{contract(0x[a-fA-F0-9]+)}:{id}). Invalid pointer: '
const wearableKinds =
  'off-chain,blockchain-collection-v1-asset,blockchain-collection-v2-asset,blockchain-collection-third-party'
const store = (name: string): string => `urn:decentraland:off-chain:marketplace-stores:${name}`
const v1 = `urn:decentraland:ethereum:collections-v1:${ofTheFirst}:hat`
const v2 = `urn:decentraland:matic:collections-v2:${contract}:2`
const base = 'urn:decentraland:off-chain:base-avatars:hat'

test.each<[EntityType, readonly string[]]>([
  ['scene', ['0,0', '-10,120']],
  ['profile', [address]],
  ['outfits', [`${address}:outfits`]],
  ['store', [store(address)]],
  ['wearable', [v2]],
  ['wearable', ['urn:decentraland:matic:collections-thirdparty:cats:wild:lion']],
  ['emote', [v2]],
])('everybody may deploy a %s to what is his: %j', (type, pointers) => {
  expect(errorsOf(type, pointers)).toEqual([])
})

test.each<[EntityType, readonly string[], string]>([
  ['scene', ['default1'], sceneForm],
  ['scene', ['0,0', 'default1'], sceneForm],
  ['scene', ['x,1'], `${sceneForm} Invalid pointer: x,1`],
  ['scene', ['1,y'], `${sceneForm} Invalid pointer: 1,y`],
  ['scene', ['1,2,3'], `${sceneForm} Invalid pointer: 1,2,3`],
  [
    'profile',
    [address, another],
    `Only one pointer is allowed when you create a Profile. Received: ${address},${another}`,
  ],
  ['profile', ['default1'], 'Only Decentraland can add or modify default profiles'],
  ['profile', ['somebody'], 'The given pointer is not a valid ethereum address.'],
  [
    'profile',
    [another],
    `You can only alter your own profile. The pointer address and the signer address are different (pointer:${another} signer: ${address}).`,
  ],
  [
    'outfits',
    [`${address}:outfits`, 'a'],
    `Only one pointer is allowed when you create an Outfits. Received: ${address}:outfits,a`,
  ],
  ['outfits', [address], 'The pointer is not valid. It should be in the format: <address>:outfits'],
  [
    'outfits',
    [`${address}:outfits:more`],
    'The pointer is not valid. It should be in the format: <address>:outfits',
  ],
  [
    'outfits',
    ['somebody:outfits'],
    'The address of the given pointer is not a valid ethereum address.',
  ],
  [
    'outfits',
    [`${another}:outfits`],
    `You can only alter your own outfits. The address of the pointer and the signer address are different (pointer:${another}:outfits signer: ${address}).`,
  ],
  [
    'store',
    [store(address), 'a'],
    `Only one pointer is allowed when you create a Store. Received: ${store(address)},a`,
  ],
  [
    'store',
    [address],
    `Store pointers should be a urn, for example (urn:decentraland:off-chain:marketplace-stores:{address}). Invalid pointer: ${address}`,
  ],
  [
    'store',
    [store(another)],
    `You can only alter your own store. The pointer address and the signer address are different (address:${another} signer: ${address}).`,
  ],
  ['wearable', [v2, 'hat'], `${itemForm}(hat)`],
  ['wearable', [`${v2}:77`], `${itemForm}(${v2}:77)`],
  [
    'wearable',
    [v2, base],
    `Only one pointer is allowed when you create an item. Received: ${v2},${base}`,
  ],
  [
    'wearable',
    [base],
    `The provided Eth Address '${address}' does not have access to the following item: '${base}'`,
  ],
  [
    'wearable',
    [v1],
    `The provided Eth Address '${address}' does not have access to the following item: '${v1}'`,
  ],
  [
    'emote',
    [v1],
    `For the entity type: emote, the asset with urn type: blockchain-collection-v1-asset is invalid. Valid urn types for this entity: ${wearableKinds.replace('blockchain-collection-v1-asset,', '')}`,
  ],
])('nobody may deploy a %s to %j', (type, pointers, error) => {
  expect(errorsOf(type, pointers)).toEqual([error])
})

describe('Decentraland', () => {
  test.each<[EntityType, readonly string[]]>([
    ['profile', ['default1']],
    ['wearable', [base]],
    ['wearable', [v1]],
    ['wearable', [v1, v1.replace(ofTheFirst, 'pm_dreamverse_eminence')]],
    ['emote', [base]],
  ])('may deploy a %s to %j', (type, pointers) => {
    expect(errorsOf(type, pointers, decentraland.toUpperCase().replace('X', 'x'))).toEqual([])
  })

  test('might do anything before the launch but deploy default scenes', () => {
    expect(errorsOf('profile', [address], decentraland, ruleDates.launch)).toEqual([])
    expect(errorsOf('profile', [address], decentraland, ruleDates.launch + 1)).toHaveLength(1)
    expect(errorsOf('profile', [address], another, ruleDates.launch)).toHaveLength(1)
    expect(errorsOf('scene', ['default1'], decentraland, ruleDates.launch)).toEqual([sceneForm])
  })

  test('is whom the settings name', () => {
    const entity: Entity = {
      id: '',
      version: 'v3',
      type: 'profile',
      timestamp,
      content: [],
      pointers: ['default1'],
    }
    const settings = { ...ruleSettings, decentralandAddresses: [address] }
    expect(accessErrors(entity, signer, settings)).toEqual([])
    expect(accessErrors(entity, decentraland, settings)).toHaveLength(1)
  })
})
