import { parseUrn as theirs } from '@dcl/urn-resolver'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isAsset, parseUrn } from './urn.ts'

const contract = '0x04e7f74e73e951c61edd80910e46c3fece5ebe80'
const ofTheFirst = '0x09305998a531fade369ebe30adf868c96a34e813'

/** What @dcl/urn-resolver makes of it, as far as we tell kinds apart. */
async function kindOfTheirs(text: string): Promise<{ kind: string; id: string } | null> {
  const urn = await theirs(text).catch(() => null)
  if (urn === null) return null
  const kinds = ['off-chain', 'blockchain-collection-v1-asset', 'blockchain-collection-v2-asset']
  if (urn.type === 'blockchain-collection-third-party') return { kind: urn.type, id: urn.itemId }
  return kinds.includes(urn.type) && 'id' in urn
    ? { kind: urn.type, id: urn.id }
    : { kind: 'other', id: '' }
}

function kindOfOurs(text: string): { kind: string; id: string } | null {
  const urn = parseUrn(text)
  return urn === null ? null : { kind: urn.kind, id: urn.id }
}

const known = [
  'urn:decentraland:off-chain:base-avatars:BaseMale',
  'urn:decentraland:off-chain:marketplace-stores:0xabc',
  'urn:decentraland:off-chain:a',
  'urn:decentraland:off-chain:a:b:c',
  'urn:decentraland:entity:bafy?=&baseUrl=https://a.example/',
  'urn:decentraland:entity:',
  `urn:decentraland:ethereum:collections-v1:${ofTheFirst}`,
  `urn:decentraland:ethereum:collections-v1:${ofTheFirst}:hat`,
  `urn:decentraland:ethereum:collections-v1:${ofTheFirst}:hat:12`,
  `urn:decentraland:ethereum:collections-v1:${ofTheFirst}:hat:twelve`,
  'urn:decentraland:ethereum:collections-v1',
  'urn:decentraland:ethereum:collections-v1:halloween_2019',
  'urn:decentraland:ethereum:collections-v1:nobody-knows-it',
  'urn:decentraland:ethereum:collections-v1:halloween_2019:hat',
  'urn:decentraland:ethereum:collections-v1:nobody-knows-it:hat',
  'urn:decentraland:matic:collections-v1:halloween_2019:hat',
  `urn:decentraland:matic:collections-v2:${contract}`,
  `urn:decentraland:matic:collections-v2:${contract}:2`,
  `urn:decentraland:MATIC:collections-v2:${contract}:2`,
  `urn:decentraland:matic:collections-v2:${contract}:0x2`,
  `urn:decentraland:matic:collections-v2:${contract}:2:123`,
  `urn:decentraland:matic:collections-v2:${contract}:two`,
  `urn:decentraland:matic:collections-v2:0X12:2`,
  `urn:decentraland:moon:collections-v2:${contract}:2`,
  `urn:decentraland:ethereum:collections-v1:${ofTheFirst}:hat:12:13`,
  'urn:decentraland:matic:collections-v2',
  `urn:decentraland:matic:collections-v2:${contract}:2:123:4`,
  `urn:decentraland:matic:collections-thirdparty:a:b:c:matic:${contract}:seven`,
  'urn:decentraland:matic:collections-thirdparty:a:b:c:matic:cats:7',
  `urn:decentraland:matic:collections-thirdparty:a:b:c:matic:${contract}:7:8`,
  'urn:decentraland:ethereum:LAND:10,-20:1',
  'urn:decentraland:moon:LAND:10,-20',
  'urn:decentraland:matic:collections-thirdparty:cats',
  'urn:decentraland:matic:collections-thirdparty:cats:wild',
  'urn:decentraland:matic:collections-thirdparty:cats:wild:lion',
  'urn:decentraland:ethereum:collections-thirdparty:cats:wild:lion',
  `urn:decentraland:matic:collections-thirdparty:cats:wild:lion:matic:${contract}:7`,
  `urn:decentraland:matic:collections-thirdparty:cats:wild:lion:matic:${contract}`,
  'urn:decentraland:ethereum:LAND:10,-20',
  'urn:decentraland:ethereum:LAND:0x0000000100000000000000000000000000000001',
  'urn:decentraland:ethereum:LAND:10000000,3',
  'urn:decentraland:ethereum:LAND:nowhere',
  'urn:decentraland:matic:LAND:10,-20',
  `urn:decentraland:ethereum:erc721:${contract}:9`,
  `urn:decentraland:ethereum:erc721:${contract}`,
  'dcl://base-avatars/eyes_00',
  'dcl://base-emotes/wave',
  'dcl://halloween_2019/hat',
  'dcl://halloween_2019/hat/12',
  'dcl://halloween_2019',
  'URN:decentraland:off-chain:base-avatars:hat',
  ' urn:decentraland:off-chain:base-avatars:hat\n',
  'urn:decentraland:off-chain:base-avatars:h%C3%A4t',
  'urn:decentraland:off-chain:base-avatars:hät',
  'urn:decentraland:off-chain:base-avatars:%zz',
  'urn:decentraland:off-chain:base-avatars:hat#brim?wide',
  'urn:elsewhere:off-chain:base-avatars:hat',
  'https://decentraland.org/hat',
  'hat',
  '',
]

describe('as @dcl/urn-resolver has it', () => {
  test.each(known)('%s', async (text) => {
    expect(kindOfOurs(text)).toEqual(await kindOfTheirs(text))
  })

  test('whatever the parts are', async () => {
    const part = fc.oneof(
      fc.constantFrom('decentraland', 'ethereum', 'matic', 'amoy', 'moon', 'off-chain', 'entity'),
      fc.constantFrom('collections-v1', 'collections-v2', 'collections-thirdparty', 'LAND'),
      fc.constantFrom('erc721', contract, ofTheFirst, 'halloween_2019', '0', '12', '0x1f', '3,4'),
      fc.string({ unit: 'binary', maxLength: 6 }),
    )
    const urn = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(':'))
    const text = fc.oneof(
      urn.map((parts) => `urn:decentraland:${parts}`),
      urn.map((parts) => `urn:${parts}`),
      fc.tuple(part, part).map(([host, item]) => `dcl://${host}/${item}`),
      fc.string({ unit: 'binary' }),
    )
    await fc.assert(
      fc.asyncProperty(text, async (one) => {
        expect(kindOfOurs(one)).toEqual(await kindOfTheirs(one))
      }),
      { numRuns: 3_000 },
    )
  })
})

test('one item has one identity, however it is written', () => {
  const byContract = parseUrn(`urn:decentraland:ethereum:collections-v1:${ofTheFirst}:hat`)
  const byName = parseUrn('urn:decentraland:ethereum:collections-v1:pm_dreamverse_eminence:hat')
  const another = parseUrn('urn:decentraland:ethereum:collections-v1:pm_dreamverse_eminence:cap')
  expect(byName?.identity).toBe(byContract?.identity)
  expect(another?.identity).not.toBe(byContract?.identity)
  const onMatic = parseUrn(`urn:decentraland:matic:collections-v1:${ofTheFirst}:hat`)
  const inCapitals = parseUrn(`urn:decentraland:MATIC:collections-v1:${ofTheFirst}:hat`)
  const onAmoy = parseUrn(`urn:decentraland:amoy:collections-v1:${ofTheFirst}:hat`)
  expect(inCapitals?.identity).toBe(onMatic?.identity)
  expect(new Set([byName, onMatic, onAmoy].map((urn) => urn?.identity)).size).toBe(3)
})

test('the kind of a thing is told from the one that somebody owns', () => {
  expect(isAsset(parseUrn(`urn:decentraland:matic:collections-v2:${contract}:2`))).toBe(true)
  expect(isAsset(parseUrn(`urn:decentraland:matic:collections-v2:${contract}:2:9`))).toBe(false)
  expect(isAsset(parseUrn('urn:decentraland:off-chain:base-avatars:hat'))).toBe(false)
})
