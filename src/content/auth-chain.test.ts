import { Authenticator } from '@dcl/crypto'
import { AuthChain as TheirChain } from '@dcl/schemas'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ephemeralChain,
  ephemeralPayload,
  makeIdentity,
  simpleChain,
} from '../../test/content/signer.ts'
import { seededRandom } from '../base/random.ts'
import { canonicalChain, checkAuthChain, deployerOf, parseAuthChain } from './auth-chain.ts'
import type { AuthChain, AuthLink } from './entity.ts'

const atMs = 1_795_288_697_295
const entityId = 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq'
const owner = makeIdentity(1)
const other = makeIdentity(2)

async function theirs(chain: AuthChain, id: string, date: number): Promise<string | null> {
  // Links as they come from outside.
  const links = chain as Parameters<typeof Authenticator.validateSignature>[1]
  const { ok, message } = await Authenticator.validateSignature(id, links, null, date)
  return ok ? null : `The signature is invalid. ${message}`
}

function ours(chain: AuthChain, id: string, date: number): string | null {
  const verdict = checkAuthChain(chain, id, date)
  return verdict.isGood ? null : verdict.error
}

/** What it says in so many words, where the words are the reference's and not those of its libraries. */
function agreed(error: string | null): string | null {
  return (
    error?.replace(
      /(Link type: \w+\. )(?!Invalid signer|Invalid eph|Invalid exp|Ephemeral).*/s,
      '$1…',
    ) ?? null
  )
}

async function compare(chain: AuthChain, id = entityId, date = atMs): Promise<string | null> {
  const told = ours(chain, id, date)
  expect(agreed(told), JSON.stringify(chain)).toBe(agreed(await theirs(chain, id, date)))
  return told
}

function changed(chain: AuthChain, index: number, change: Partial<AuthLink>): AuthChain {
  return chain.map((link, at) => (at === index ? { ...link, ...change } : link))
}

function checksummed(text: string): string {
  return text.replace(/[a-f]/g, (digit, at: number) => (at % 3 === 0 ? digit.toUpperCase() : digit))
}

/** A chain over so many keys, each handing its authority to the next. */
function longChain(keys: number, seed: number): AuthChain {
  const signers = Array.from({ length: keys }, (_, n) => makeIdentity(seed * 100 + n))
  const chain: AuthLink[] = [{ payload: signers[0]!.address, signature: '', type: 'SIGNER' }]
  for (const [index, next] of signers.slice(1).entries()) {
    const payload = ephemeralPayload(next.address, atMs + 1_000)
    chain.push({ payload, signature: signers[index]!.sign(payload), type: 'ECDSA_EPHEMERAL' })
  }
  const signature = signers.at(-1)!.sign(entityId)
  return [...chain, { payload: entityId, signature, type: 'ECDSA_SIGNED_ENTITY' }]
}

describe('as @dcl/crypto judges it', () => {
  test('good chains of every length', async () => {
    for (let seed = 0; seed < 20; seed++) {
      expect(await compare(longChain(1 + (seed % 9), seed))).toBeNull()
    }
  })

  test('a key that has just expired, or is about to', async () => {
    const until = (expiresMs: number): AuthChain => ephemeralChain(owner, entityId, { expiresMs })
    expect(await compare(until(atMs + 1))).toBeNull()
    expect(await compare(until(atMs))).toBe(
      `The signature is invalid. ERROR. Link type: ECDSA_EPHEMERAL. Ephemeral key expired. Expiration: ${atMs}. Test: ${atMs}.`,
    )
    expect(await compare(until(atMs - 1))).toContain('expired')
  })

  test('whoever else signed', async () => {
    const stolen = changed(simpleChain(owner, entityId), 0, { payload: other.address })
    expect(await compare(stolen)).toBe(
      `The signature is invalid. ERROR. Link type: ECDSA_SIGNED_ENTITY. Invalid signer address. Expected: ${other.address}. Actual: ${owner.address}.`,
    )
  })

  test('the final authority, to the letter', async () => {
    const chain = simpleChain(owner, entityId)
    expect(await compare(chain, `${entityId}x`)).toContain('Invalid final authority')
    expect(await compare(simpleChain(owner, entityId.toUpperCase()))).toContain('final authority')
    expect(await compare(chain.slice(0, 1))).toContain('Invalid final authority')
    expect(await compare([])).toContain('Invalid final authority')
    expect(await compare(chain.slice(1))).toContain('Malformed')
    expect(await compare([chain[0]!, ...chain])).toContain('Malformed')
    expect(await compare([...chain, ...chain.slice(1)])).toContain('Invalid signer address')
  })

  test('addresses in whatever case', async () => {
    const upper = checksummed(owner.address)
    expect(await compare(changed(simpleChain(owner, entityId), 0, { payload: upper }))).toBeNull()
    const zeroX = owner.address.replace('0x', '0X')
    expect(await compare(changed(simpleChain(owner, entityId), 0, { payload: zeroX }))).toBeNull()
    const payload = ephemeralPayload(checksummed(other.address), atMs + 1)
    const link = { payload, signature: owner.sign(payload), type: 'ECDSA_EPHEMERAL' }
    const last = { payload: entityId, signature: other.sign(entityId), type: 'ECDSA_SIGNED_ENTITY' }
    const first = { payload: owner.address, signature: null, type: 'SIGNER' }
    expect(await compare([first, link, last])).toBeNull()
  })

  const plain = ephemeralPayload(other.address, atMs + 1)
  const [line1, line2, line3] = plain.split('\n')
  test.each([
    plain.replaceAll('\n', '\r\n'),
    `\r${plain}\r\r`,
    `${plain}\nand more\nlines`,
    `${plain}\n`,
    `Anything at all\n${line2}\n${line3}`,
    `\n${line2}\n${line3}`,
    `${line1}\n${line3}\n${line2}`,
    `${line1}\n ${line2}\n${line3}`,
    `${line1}\n${line2} \n${line3}`,
    `${line1}\n${line2}`,
    line1!,
    '',
    `${line1}\n${line2?.toLowerCase()}\n${line3}`,
    `${line1}\n${line2}\nExpiration: `,
    `${line1}\n${line2}\nExpiration: tomorrow`,
    `${line1}\n${line2}\nExpiration: 2031`,
    `${line1}\n${line2}\nExpiration: Sat, 12 Jul 2031 10:00:00 GMT`,
    `${line1}\n${line2}\nExpiration: 2031-07-12T10:00:00`,
    `${line1}\n${line2}\nExpiration: +275760-09-13T00:00:00.000Z`,
    `${line1}\n${line2}\nExpiration: +999999-01-01T00:00:00.000Z`,
    `${line1}\n${line2}\nExpiration: 2031-02-31T10:00:00Z (what)`,
    `${line1}\nEphemeral address: \n${line3}`,
    `${line1}\nEphemeral address: nobody\n${line3}`,
  ])('the payload %j', async (payload) => {
    // What is signed has no carriage returns.
    const signature = owner.sign(payload.replaceAll('\r', ''))
    await compare([
      { payload: owner.address, signature: '', type: 'SIGNER' },
      { payload, signature, type: 'ECDSA_EPHEMERAL' },
      { payload: entityId, signature: other.sign(entityId), type: 'ECDSA_SIGNED_ENTITY' },
    ])
    const unseen = changed(ephemeralChain(owner, entityId, { expiresMs: atMs + 1 }), 1, { payload })
    await compare(unseen)
  })

  test('chains that were tampered with, in three hundred ways', async () => {
    const random = seededRandom(4)
    const pick = (bound: number): number => Math.floor(random() * bound)
    const tamper: ((chain: AuthChain, index: number) => AuthChain)[] = [
      (chain, index) =>
        changed(chain, index, { signature: flipped(chain[index]?.signature ?? '') }),
      (chain, index) => changed(chain, index, { payload: flipped(chain[index]?.payload ?? '') }),
      (chain, index) => chain.toSpliced(index, 1),
      (chain, index) => chain.toSpliced(pick(chain.length), 0, chain[index]!),
      (chain, index) => chain.toSpliced(pick(chain.length), 1, chain[index]!),
      (chain) => chain.toReversed(),
      (chain, index) => changed(chain, index, { type: types[pick(types.length)]! }),
      (chain, index) => changed(chain, index, { signature: [null, '', '0x', '0x00'][pick(4)]! }),
      (chain, index) => changed(chain, index, { payload: chain[index]!.payload.toUpperCase() }),
      (chain, index) =>
        changed(chain, index, {
          signature: withV(chain[index]!.signature!, [0, 1, 2, 26, 27, 28, 29][pick(7)]!),
        }),
    ]
    function flipped(text: string): string {
      const at = pick(text.length)
      const code = text.charCodeAt(at)
      return Number.isNaN(code)
        ? 'x'
        : text.slice(0, at) + String.fromCharCode(code ^ (1 << pick(5))) + text.slice(at + 1)
    }
    let good = 0
    for (let run = 0; run < 300; run++) {
      const chain = longChain(1 + pick(3), run)
      const told = await compare(tamper[run % tamper.length]!(chain, pick(chain.length)))
      if (told === null) good++
    }
    expect(good).toBeGreaterThan(10)
    expect(good).toBeLessThan(150)
  })
})

const types = ['SIGNER', 'ECDSA_EPHEMERAL', 'ECDSA_SIGNED_ENTITY']

function withV(signature: string, v: number): string {
  return signature === '' ? '' : signature.slice(0, 130) + v.toString(16).padStart(2, '0')
}

test('contract wallets come back as questions, and everything behind them is judged', () => {
  const payload = ephemeralPayload(other.address, atMs + 1)
  const chain = [
    { payload: owner.address, signature: '', type: 'SIGNER' },
    { payload: `${payload}\r`, signature: 'aBcd', type: 'ECDSA_EIP_1654_EPHEMERAL' },
    { payload: entityId, signature: other.sign(entityId), type: 'ECDSA_SIGNED_ENTITY' },
  ]
  const question = { address: owner.address, message: payload, signature: '0xaBcd', atMs }
  expect(checkAuthChain(chain, entityId, atMs)).toEqual({
    isGood: true,
    questions: [{ ...question, linkType: 'ECDSA_EIP_1654_EPHEMERAL' }],
  })
  expect(ours(chain, entityId, atMs + 1)).toContain('EIP_1654_EPHEMERAL. Ephemeral key expired')
  expect(ours(changed(chain, 2, { signature: owner.sign(entityId) }), entityId, atMs)).toContain(
    'Invalid signer address',
  )
  expect(ours(changed(chain, 1, { signature: 'abc' }), entityId, atMs)).toContain('hex')
  const toNobody = changed(chain, 0, { payload: '0xnobody' })
  expect(ours(toNobody, entityId, atMs)).toContain('Invalid validation')
  const signed = { payload: entityId, signature: '0x', type: 'ECDSA_EIP_1654_SIGNED_ENTITY' }
  expect(checkAuthChain([chain[0]!, signed], entityId, atMs)).toMatchObject({
    isGood: true,
    questions: [{ address: owner.address, message: entityId, signature: '0x' }],
  })
})

describe('a chain out of what somebody sent', () => {
  const good = ephemeralChain(owner, entityId, { expiresMs: atMs })

  test('holds what belongs there and nothing else', () => {
    const more = good.map((link) => ({ more: 1, ...link }))
    expect(parseAuthChain(more)).toEqual(good)
    expect(deployerOf(good)).toBe(owner.address)
  })

  test('is no longer than a row of a feed can be', () => {
    const long = (length: number): object => ({ ...good.at(-1), payload: 'x'.repeat(length) })
    expect(parseAuthChain([...good, long(90_000)])).not.toBeNull()
    expect(parseAuthChain([...good, long(90_000), long(90_000)])).toBeNull()
  })

  test('is told with its keys in one order', () => {
    const turned = [
      { type: 'SIGNER', payload: owner.address, signature: null },
      { signature: '0x', type: 'ECDSA_SIGNED_ENTITY', payload: 'x' },
      { type: 'SIGNER', payload: 'y' },
    ]
    expect(canonicalChain(turned)).toBe(
      `[{"payload":"${owner.address}","signature":null,"type":"SIGNER"},` +
        '{"payload":"x","signature":"0x","type":"ECDSA_SIGNED_ENTITY"},{"payload":"y","type":"SIGNER"}]',
    )
  })

  test('is one where @dcl/schemas says so', () => {
    const text = fc.constantFrom('', 'x', '0x00', null, undefined, 7, {})
    const type = fc.constantFrom(
      'SIGNER',
      'ECDSA_EPHEMERAL',
      'ECDSA_EIP_1654_SIGNED_ENTITY',
      'OTHER',
      1,
    )
    const link = fc.oneof(
      {
        weight: 9,
        arbitrary: fc.record({ payload: text, signature: text, type }, { requiredKeys: [] }),
      },
      { weight: 1, arbitrary: fc.constantFrom(null, 'x', 1, []) },
    )
    const value = fc.oneof(
      { weight: 9, arbitrary: fc.array(link, { maxLength: 3 }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(null, undefined, {}, 'x', { length: 1, 0: good[0] }),
      },
    )
    fc.assert(
      fc.property(value, (sent) => {
        // As it arrives: without what JSON cannot say.
        const json = JSON.stringify(sent)
        const parsed: unknown = json === undefined ? undefined : JSON.parse(json)
        expect(parseAuthChain(parsed) !== null).toBe(TheirChain.validate(parsed))
      }),
      { numRuns: 2_000 },
    )
    const [first, , last] = good
    for (const [count, isOne] of [
      [9, true],
      [10, false],
    ] as const) {
      const long = [first, ...Array.from({ length: count }, () => last)]
      expect([parseAuthChain(long) !== null, TheirChain.validate(long)]).toEqual([isOne, isOne])
    }
    for (const [length, isOne] of [
      [100_000, true],
      [100_001, false],
    ] as const) {
      const wide = [first, { ...last, payload: 'x'.repeat(length) }]
      expect([parseAuthChain(wide) !== null, TheirChain.validate(wide)]).toEqual([isOne, isOne])
    }
  })
})

test('nobody signs by being named like the entity', () => {
  const chain = [{ payload: entityId, signature: '', type: 'SIGNER' }]
  expect(ours(chain, entityId, atMs)).toContain('Invalid final authority')
})
