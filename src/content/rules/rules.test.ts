import { Buffer } from 'node:buffer'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  makeIdentity,
  signedEmote,
  signedOutfits,
  signedProfile,
  signedScene,
  signedStore,
  signedWearable,
  type SignedEntity,
} from '../../../test/content/signer.ts'
import { entityTypes, type Entity } from '../entity.ts'
import { readEntity } from './entity-file.ts'
import { lateErrors, metadataErrors, rules, structureErrors } from './rules.ts'
import { ruleDates, ruleSettings } from './settings.ts'

const identity = makeIdentity(1)
const timestamp = Date.UTC(2026, 10, 1)
const old = ruleDates.adr45 - 1

function entityOf({ entityId, file }: SignedEntity): Entity {
  const reading = readEntity(entityId, file)
  if ('errors' in reading) throw new Error(reading.errors.join(' '))
  return reading.entity
}

const by = { identity, timestamp }
const scene = entityOf(signedScene(by))
const profile = entityOf(signedProfile(by))
const wearable = entityOf(signedWearable(by))
const emote = entityOf(signedEmote(by))
const outfits = entityOf(signedOutfits(by))
const store = entityOf(signedStore(by))
const all = [scene, profile, wearable, emote, outfits, store]

test('there is a sample of every type', () => {
  expect(all.map(({ type }) => type).sort()).toEqual([...entityTypes].sort())
})

describe.each(all)('a good $type', (entity) => {
  test('has no errors', () => {
    expect(structureErrors(entity)).toEqual([])
    expect(metadataErrors(entity)).toEqual([])
    expect(lateErrors(entity, identity.address)).toEqual([])
  })

  test('needs metadata that fit', () => {
    const text = `The metadata for this entity type (${entity.type}) is not valid.`
    for (const metadata of [undefined, null, 'text', [], {}]) {
      const errors = metadataErrors({ ...entity, metadata })
      expect(errors[0]).toBe(text)
      expect(errors.length).toBeGreaterThan(1)
    }
    const none = { ...entity, metadata: undefined }
    expect(metadataErrors({ ...none, timestamp: old })).toEqual([])
    expect(metadataErrors({ ...none, timestamp: old + 1 })).not.toEqual([])
  })

  test('may have any metadata at any time, and nothing is thrown', () => {
    const times = fc.constantFrom(timestamp, 1, ...Object.values(ruleDates))
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), times, (metadata, time) => {
        const odd = { ...entity, metadata, timestamp: time }
        metadataErrors(odd)
        lateErrors(odd, identity.address)
      }),
    )
  })
})

describe('the structure', () => {
  test.each([
    [{ pointers: ['a', 'b', 'a'] }, 'There are repeated pointers in your request.'],
    [{ pointers: [] }, 'The entity needs to be pointed by one or more pointers.'],
    [{ id: 'bafy' }, "This hash 'bafy' is not valid. It should be IPFS v2 format."],
    [
      { content: [{ file: 'a', hash: '../../etc/passwd' }] },
      "This hash '../../etc/passwd' is not valid. It should be IPFS v2 format.",
    ],
  ])('%j', (change, error) => {
    expect(structureErrors({ ...scene, ...change })).toEqual([error])
    expect(structureErrors({ ...scene, ...change, timestamp: old })).toEqual([error])
  })

  test('hashes of the first form are good before ADR-45 only', () => {
    const hash = 'QmRN6wdp1S2A5EtjW9A3M1vKSBuQQGcgvuhoMUoEz4iiT5'
    const first: Entity = { ...scene, id: hash, content: [{ file: 'a', hash }] }
    expect(structureErrors({ ...first, timestamp: old })).toEqual([])
    expect(structureErrors({ ...first, timestamp: old + 1 })).toHaveLength(2)
  })

  test('of errors without number a hundred are told', () => {
    const content = Array.from({ length: 1_000 }, (_, index) => ({ file: 'a', hash: `${index}` }))
    const errors = structureErrors({ ...scene, content })
    expect(errors).toHaveLength(101)
    expect(errors.at(-1)).toBe('There are 900 errors more.')
    expect(structureErrors({ ...scene, content: content.slice(0, 100) })).toHaveLength(100)
  })
})

describe('metadata', () => {
  test('every error of the schema is told', () => {
    const errors = metadataErrors({ ...scene, metadata: { main: 1, scene: { parcels: [] } } })
    expect(errors).toEqual([
      'The metadata for this entity type (scene) is not valid.',
      'must be string',
      "must have required property 'base'",
      'must NOT have fewer than 1 items',
      'must contain at least 1 valid item(s)',
    ])
  })

  test('another version is refused since ADR-45', () => {
    const error =
      'Upload failed: only entities v3 are allowed after ([ADR-45](http://adr.decentraland.org/adr/ADR-45)).'
    expect(metadataErrors({ ...scene, version: 'v2' })).toEqual([error])
    expect(metadataErrors({ ...scene, version: 'v2', timestamp: old + 1 })).toEqual([error])
    expect(metadataErrors({ ...scene, version: 'v2', timestamp: old })).toEqual([])
  })

  test.each([
    ['a method in the place of its name', { hasOwnProperty: 1 }],
    ['keys that are no list', { merkleProof: { hashingKeys: 5 } }],
    ['an id that is no text', { id: 5 }],
    [
      'a range without end',
      { mappings: { matic: { [`0x${'0'.repeat(40)}`]: [{ type: 'range', from: 'x', to: '1' }] } } },
    ],
  ])('where the schema itself stumbles it is an error: %s', (_, odd) => {
    for (const item of [wearable, emote]) {
      const metadata = { ...thirdParty(item), ...odd }
      const [text] = metadataErrors({ ...item, metadata })
      expect(text).toBe(`The metadata for this entity type (${item.type}) is not valid.`)
    }
  })

  test.each([
    ['ranges', ranges(2_001)],
    ['long lists', [{ type: 'multiple', ids: Array.from({ length: 2_001 }, (_, id) => `${id}`) }]],
    ['long numbers', [{ type: 'single', id: '9'.repeat(79) }]],
    ['lists for numbers', [{ type: 'range', from: '1', to: [['9'.repeat(1_000_000)]] }]],
    ['texts for lists', [{ type: 'multiple', ids: '9'.repeat(1_000_000) }]],
  ])('mappings that would take for ever are not looked through: %s', (_, list) => {
    const metadata = {
      ...thirdParty(wearable),
      mappings: { matic: { [`0x${'0'.repeat(40)}`]: list } },
    }
    expect(metadataErrors({ ...wearable, metadata })).toEqual([
      'The metadata for this entity type (wearable) is not valid.',
      'There are more mappings than can be looked through.',
    ])
  })

  test("a thousand mappings are, and those of a scene are nobody's concern", () => {
    const mappings = { matic: { [`0x${'0'.repeat(40)}`]: ranges(1_000) } }
    expect(
      metadataErrors({ ...wearable, metadata: { ...thirdParty(wearable), mappings } }),
    ).toEqual([])
    const many = { ...(scene.metadata as object), mappings: { a: { b: ranges(2_001) } } }
    expect(metadataErrors({ ...scene, metadata: many })).toEqual([])
  })
})

function ranges(count: number): readonly object[] {
  return Array.from({ length: count }, (_, n) => ({
    type: 'range',
    from: `${n * 2}`,
    to: `${n * 2 + 1}`,
  }))
}

/** The metadata of an item as a third party's are. */
function thirdParty({ metadata }: Entity): object {
  const { collectionAddress, rarity, ...rest } = metadata as Record<string, unknown>
  expect([collectionAddress, rarity]).not.toContain(undefined)
  const merkleProof = { index: 0, proof: [], hashingKeys: ['id', 'name'], entityHash: 'ab' }
  return { ...rest, content: {}, merkleProof }
}

test('what is late is about the type first, then about who signs', () => {
  const another = makeIdentity(2).address
  expect(lateErrors(profile, another)[0]).toMatch('You can only alter your own profile.')
  expect(lateErrors({ ...profile, metadata: {} }, another)[0]).toMatch('must have emotes')
})

describe('settings', () => {
  test('are plain data', () => {
    expect(structuredClone(ruleSettings)).toEqual(ruleSettings)
  })

  test('move a date', () => {
    const dates = { ...ruleDates, adr45: timestamp + 1 }
    const later = rules({ ...ruleSettings, dates })
    expect(later.metadataErrors({ ...scene, metadata: {} })).toEqual([])
    expect(metadataErrors({ ...scene, metadata: {} })).not.toEqual([])
  })

  test.each(Object.entries(ruleDates))('%s is a moment in whole hours', (_, date) => {
    expect(date % 3_600_000).toBe(0)
  })
})

test('a file of the network is read as it was signed', () => {
  const file = Buffer.from(JSON.stringify({ ...scene, pointers: ['X,Y'], id: undefined }))
  expect(readEntity(scene.id, file)).toMatchObject({ entity: { pointers: ['x,y'] } })
})
