import { Buffer } from 'node:buffer'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ephemeralChain,
  ephemeralPayload,
  makeIdentity,
  type SignedEntity,
  signedEmote,
  signedEntity,
  signedOutfits,
  signedProfile,
  signedScene,
  signedStore,
  signedWearable,
  simpleChain,
} from '../../test/content/signer.ts'
import { canonicalChain } from './auth-chain.ts'
import type { EntityType } from './entity.ts'
import { hashV0, hashV1 } from './hashing.ts'
import { rules } from './rules/rules.ts'
import { ruleSettings } from './rules/settings.ts'
import type { Verdict } from './verification.ts'
import { verifyJob } from './verify-job.ts'

const identity = makeIdentity(1)
const stranger = makeIdentity(2)
const timestamp = 1_795_288_697_295
const signing = { identity, timestamp }

function verdictOn(signed: Omit<SignedEntity, 'contents'>): Verdict {
  return verifyJob(signed, rules(ruleSettings))
}

function errorsOf(verdict: Verdict): readonly string[] {
  return verdict.isGood ? verdict.lateErrors : verdict.errors
}

/** Bytes as an entity file, signed for what they hash to. */
function fileOf(text: string): Omit<SignedEntity, 'contents'> {
  const file = Buffer.from(text)
  const entityId = hashV1(file)
  return { entityId, file, authChain: simpleChain(identity, entityId) }
}

describe('what is good', () => {
  test.each([
    ['profile', signedProfile, [identity.address]],
    ['scene', signedScene, ['0,0']],
    ['wearable', signedWearable, [`urn:decentraland:matic:collections-v2:0x${'c0'.repeat(20)}:0`]],
    ['emote', signedEmote, [`urn:decentraland:matic:collections-v2:0x${'c0'.repeat(20)}:0`]],
    ['outfits', signedOutfits, [`${identity.address}:outfits`]],
    ['store', signedStore, [`urn:decentraland:off-chain:marketplace-stores:${identity.address}`]],
  ] as const)('a %s becomes what is stored', (type, make, pointers) => {
    const signed = make(signing)
    const { entityId, file, authChain } = signed
    const parsed = JSON.parse(Buffer.from(file).toString()) as {
      content: unknown
      metadata: unknown
    }
    const start = file.length - Buffer.byteLength(JSON.stringify(parsed.metadata)) - 1
    expect(verdictOn(signed)).toEqual({
      isGood: true,
      deployment: {
        entityId,
        type,
        pointers,
        timestamp,
        deployer: identity.address,
        version: 'v3',
        content: parsed.content,
        authChain: canonicalChain(authChain),
        file,
        metadata: { start, end: file.length - 1 },
        isComplete: true,
      },
      questions: [],
      lateErrors: [],
    })
  })

  test('an entity of the years before ADR-45, by the hash of its time', () => {
    const before = 1_600_000_000_000
    const file = Buffer.from(
      JSON.stringify({ type: 'scene', pointers: ['1,1'], timestamp: before }),
    )
    const entityId = hashV0(file)
    const authChain = ephemeralChain(identity, entityId, { expiresMs: before + 1 })
    expect(verdictOn({ entityId, file, authChain })).toMatchObject({
      isGood: true,
      deployment: { entityId, metadata: null, version: 'v3', content: [] },
    })
    const late = {
      entityId: hashV0(signedProfile(signing).file),
      file: signedProfile(signing).file,
    }
    expect(errorsOf(verdictOn({ ...late, authChain }))[0]).toContain('IPFS v2')
  })

  test('a contract wallet is asked about later', () => {
    const { entityId, file } = signedProfile(signing)
    const payload = ephemeralPayload(stranger.address, timestamp + 1)
    const authChain = [
      { type: 'SIGNER', payload: identity.address, signature: '' },
      { type: 'ECDSA_EIP_1654_EPHEMERAL', payload, signature: '0x' },
      { type: 'ECDSA_SIGNED_ENTITY', payload: entityId, signature: stranger.sign(entityId) },
    ]
    const question = {
      address: identity.address,
      message: payload,
      signature: '0x',
      atMs: timestamp,
    }
    expect(verdictOn({ entityId, file, authChain })).toMatchObject({
      isGood: true,
      questions: [question],
    })
  })
})

describe('what is not', () => {
  const good = signedProfile(signing)
  const other = signedProfile({ ...signing, name: 'Else' })

  test('another hash', () => {
    expect(errorsOf(verdictOn({ ...good, file: other.file }))[0]).toContain('hash')
    for (const entityId of ['', '../../etc/passwd', hashV0(good.file).toLowerCase()]) {
      expect(verdictOn({ ...good, entityId }).isGood).toBe(false)
    }
  })

  test('no entity', () => {
    for (const text of ['', '{', 'null', '[]', '{"type":"boat"}']) {
      expect(verdictOn(fileOf(text)).isGood, text).toBe(false)
    }
  })

  test('the first that is wrong decides: structure, metadata, signature, what comes late', () => {
    const parts = { ...signing, type: 'profile' as EntityType }
    const twice = [stranger.address, stranger.address]
    const forged = (signed: SignedEntity): SignedEntity => ({
      ...signed,
      authChain: simpleChain(stranger, 'x'),
    })
    const structure = forged(signedEntity({ ...parts, pointers: twice, metadata: {} }))
    expect(errorsOf(verdictOn(structure))).toEqual(['There are repeated pointers in your request.'])
    const metadata = forged(signedEntity({ ...parts, pointers: [stranger.address], metadata: {} }))
    expect(errorsOf(verdictOn(metadata))[0]).toBe(
      'The metadata for this entity type (profile) is not valid.',
    )
    const signature = forged(good)
    expect(errorsOf(verdictOn(signature))[0]).toContain('The signature is invalid. ERROR')
    const chain = simpleChain(stranger, good.entityId)
    const late = verdictOn({ ...good, authChain: chain })
    expect(late).toMatchObject({ isGood: true, deployment: { deployer: stranger.address } })
    expect(errorsOf(late).length).toBe(1)
  })

  test('errors quote only so much of what came', () => {
    const payload = `x\nEphemeral address: x\nExpiration: ${'x'.repeat(90_000)}`
    const link = { type: 'ECDSA_EPHEMERAL', payload, signature: '0x' }
    const authChain = [good.authChain[0]!, link, good.authChain[2]!]
    const [error = ''] = errorsOf(verdictOn({ ...good, authChain }))
    expect(error).toContain('Invalid expiration date')
    expect(error.length).toBeLessThanOrEqual(1_000)
  })

  test('a key that had expired when the entity was made, though not since', () => {
    const authChain = ephemeralChain(identity, good.entityId, { expiresMs: timestamp })
    expect(errorsOf(verdictOn({ ...good, authChain }))[0]).toContain('Ephemeral key expired')
  })
})

test('where the metadata stand in the file is told only where they stand there to the byte', () => {
  const head = {
    version: 'v3',
    type: 'store',
    pointers: ['x'],
    timestamp: 1_600_000_000_000,
    content: [],
  }
  const start = JSON.stringify(head).slice(0, -1)
  const rangeOf = (text: string): string | null => {
    const signed = fileOf(text)
    const authChain = ephemeralChain(identity, signed.entityId, { expiresMs: head.timestamp + 1 })
    const verdict = verdictOn({ ...signed, authChain })
    if (!verdict.isGood) throw new Error(verdict.errors.join())
    const { file, metadata } = verdict.deployment
    return metadata && Buffer.from(file).subarray(metadata.start, metadata.end).toString()
  }
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const metadata = JSON.stringify(value)
      // What JSON.parse does not give back as it was (-0) is not there to the byte.
      const isSame = JSON.stringify(JSON.parse(metadata)) === metadata
      expect(rangeOf(`${start},"metadata":${metadata}}`)).toBe(isSame ? metadata : null)
      expect(rangeOf(`${start},"metadata":${metadata}} `)).toBeNull()
    }),
    { numRuns: 200 },
  )
  for (const [text, range] of [
    ['{"a":"ä🎵"}', '{"a":"ä🎵"}'],
    ['{"a":"\\u00e4"}', null],
    ['{ "a":1}', null],
    ['1.0', null],
    ['{"2":0,"1":0}', null],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}'],
    ['{"a":1,"a":2}', null],
  ] as const) {
    expect(rangeOf(`${start},"metadata":${text}}`), text).toBe(range)
  }
  expect(rangeOf(`${start}}`)).toBeNull()
  expect(rangeOf(`{"metadata":{"a":1},${start.slice(1)}}`)).toBeNull()
})
