import { SnapshotSyncDeployment } from '@dcl/schemas'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeIdentity, signedProfile } from '../../test/content/signer.ts'
import { isForeign, parseOffer } from './offer.ts'

const { entityId, authChain } = signedProfile({ identity: makeIdentity(1), timestamp: 5 })
const good = { entityId, entityType: 'profile', pointers: ['0xA'], authChain, entityTimestamp: 5 }

test('an offer has what belongs there and nothing else, its pointers in lower case', () => {
  const links = authChain.map((link) => ({ ...link, more: 1 }))
  expect(parseOffer({ ...good, authChain: links, localTimestamp: 7, metadata: {} })).toEqual({
    ...good,
    pointers: ['0xa'],
  })
  expect(
    parseOffer({ ...good, entityId: `Qm${'a'.repeat(44)}`, entityTimestamp: 0 }),
  ).not.toBeNull()
})

test.each<[string, Record<string, unknown>]>([
  ['a hash that leads elsewhere', { entityId: '../../etc/passwd' }],
  ['a hash that is too short', { entityId: entityId.slice(1) }],
  ['a hash with a line end', { entityId: `${entityId.slice(1)}\n` }],
  ['no hash', { entityId: 7 }],
  ['a type of nothing', { entityType: 'toString' }],
  ['no type', { entityType: null }],
  ['no pointer', { pointers: [] }],
  ['pointers that are none', { pointers: 'a' }],
  ['a pointer that is none', { pointers: ['a', 1] }],
  ['a pointer that no database keeps', { pointers: ['a\0'] }],
  ['half of a character', { pointers: ['\uD800'] }],
  ['a pointer without end', { pointers: ['a'.repeat(513)] }],
  ['pointers without end', { pointers: Array.from({ length: 10_001 }, (_, n) => `${n}`) }],
  ['a time before 1970', { entityTimestamp: -1 }],
  ['a part of a millisecond', { entityTimestamp: 1.5 }],
  ['a time beyond all numbers', { entityTimestamp: 2 ** 53 }],
  ['a time as text', { entityTimestamp: '5' }],
  ['no chain', { authChain: [] }],
  ['a chain that is none', { authChain: {} }],
  ['a link that is none', { authChain: [null] }],
  ['a chain without end', { authChain: Array.from({ length: 11 }, () => authChain[0]) }],
])('%s is no offer', (_, wrong) => {
  expect(parseOffer({ ...good, ...wrong })).toBeNull()
})

test('what is longer than any entity could be offers nothing', () => {
  const pointers = Array(200).fill('a'.repeat(500)) as string[]
  expect(parseOffer({ ...good, pointers })).not.toBeNull()
  expect(parseOffer({ ...good, pointers: [...pointers, 'b'] })).toBeNull()
})

test('no JSON at all makes it throw, nor does it take what the network does not', () => {
  const isTheirs = (value: unknown): boolean => SnapshotSyncDeployment.validate(value)
  expect(isTheirs(good)).toBe(true)
  const field = fc.oneof(fc.jsonValue(), fc.constantFrom(...Object.values(good)))
  const mixed = fc.record(Object.fromEntries(Object.keys(good).map((name) => [name, field])), {
    requiredKeys: [],
  })
  fc.assert(
    fc.property(fc.oneof(mixed, fc.jsonValue()), (value) => {
      const isOffer = parseOffer(value) !== null
      expect(isOffer && !isTheirs(value)).toBe(false)
      expect(isOffer && isForeign(value)).toBe(false)
    }),
  )
})

test('a kind of entity that is not known yet is foreign, and no fault', () => {
  expect(isForeign({ ...good, entityType: 'hologram' })).toBe(true)
  expect(parseOffer({ ...good, entityType: 'hologram' })).toBeNull()
  for (const value of [good, { ...good, entityType: '' }, { entityType: 'hologram' }, null, 'x']) {
    expect(isForeign(value)).toBe(false)
  }
})
