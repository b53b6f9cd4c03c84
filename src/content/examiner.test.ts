import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { examinerParts } from '../../test/content/examiner-parts.ts'
import {
  ephemeralPayload,
  makeIdentity,
  png,
  signedEntity,
  signedProfile,
  signedScene,
  signedWearable,
  type SignedEntity,
} from '../../test/content/signer.ts'
import { MemoryBlobs } from '../../test/network/memory-blobs.ts'
import { SyncError } from '../base/errors.ts'
import type { Received } from './blobs.ts'
import { Refused } from './deploying.ts'
import { Examiner, type Contents, type ExaminerParts } from './examiner.ts'

const identity = makeIdentity(1)
const timestamp = Date.UTC(2026, 10, 1)
const by = { identity, timestamp }
const { signal } = new AbortController()

function examinerOf(parts: Partial<ExaminerParts> = {}): Examiner {
  return new Examiner({ ...examinerParts, ...parts })
}

/** What is said of an entity and the content that is here; null: it may be deployed. */
async function errorsOf(
  signed: SignedEntity,
  contents: Contents | null = null,
  examiner = examinerOf(),
): Promise<readonly string[] | null> {
  try {
    const { check } = await examiner.examine(signed, signal)
    await check(contents ?? (await uploaded(signed)), signal)
    return null
  } catch (error) {
    if (error instanceof Refused) return error.errors
    throw error
  }
}

/** All of its content, just come in. */
async function uploaded({ contents }: SignedEntity): Promise<Contents> {
  const nothing = async (): Promise<ReadonlyMap<string, number>> => new Map()
  const small = { sizes: nothing, hold: nothing, read: async () => null }
  const blobs = new MemoryBlobs(small, new Map(), () => 0)
  const received: Received[] = []
  for (const bytes of contents.values()) {
    const limits = { maxBytes: Number.MAX_SAFE_INTEGER, signal }
    received.push(await blobs.receive(Readable.from([bytes]), limits))
  }
  return { received, sizes: new Map(received.map(({ hash, size }) => [hash, size])) }
}

/** All of its content, here since long ago. */
function stored({ contents }: SignedEntity): Contents {
  return { received: [], sizes: new Map([...contents].map(([hash, { length }]) => [hash, length])) }
}

describe('an entity that is good', () => {
  it('becomes a deployment of what stands in its file', async () => {
    const { entityId, file, authChain } = signedProfile(by)
    const examined = await examinerOf().examine({ entityId, file, authChain }, signal)
    expect(examined.deployment).toMatchObject({
      entityId,
      type: 'profile',
      pointers: [identity.address],
      timestamp,
      deployer: identity.address,
      isComplete: true,
    })
  })

  it('may be deployed with its content, come in now or here since long ago', async () => {
    for (const signed of [signedProfile(by), signedScene(by), signedWearable(by)]) {
      expect(await errorsOf(signed)).toBeNull()
      expect(await errorsOf(signed, stored(signed))).toBeNull()
    }
  })
})

describe('an entity is refused', () => {
  it('N20 in the words of who verifies it, and nobody else is asked', async () => {
    const examiner = examinerOf({ wallets: { errorsOf: () => Promise.reject(new Error('asked')) } })
    const { authChain } = signedProfile({ ...by, name: 'Somebody else' })
    expect(await errorsOf({ ...signedProfile(by), authChain }, null, examiner)).toEqual([
      expect.stringContaining('The signature is invalid.'),
    ])
  })

  it('where its content is not asked for, too, if its pointers are not his who signed', async () => {
    const of = (pointers: readonly string[]): SignedEntity => {
      const { metadata } = JSON.parse(Buffer.from(signedProfile(by).file).toString()) as {
        metadata: object
      }
      return signedEntity({ ...by, type: 'profile', pointers, metadata })
    }
    const checked = async (signed: SignedEntity): Promise<void> => {
      const { checkWithoutContent } = await examinerOf().examine(signed, signal)
      await checkWithoutContent(signal)
    }
    await checked(of([identity.address]))
    for (const pointers of [[makeIdentity(2).address], [identity.address, makeIdentity(2).address]])
      await expect(checked(of(pointers))).rejects.toBeInstanceOf(Refused)
    const ownership = { errors: async () => ['It is not his.'] }
    const { checkWithoutContent } = await examinerOf({ ownership }).examine(
      of([identity.address]),
      signal,
    )
    await expect(checkWithoutContent(signal)).rejects.toThrow('It is not his.')
  })

  it('N20 if a contract that signs does not vouch for it, or there is no chain to ask', async () => {
    const key = makeIdentity(2)
    const profile = signedProfile(by)
    const payload = ephemeralPayload(key.address, timestamp + 1)
    const authChain = [
      { type: 'SIGNER', payload: identity.address, signature: '' },
      { type: 'ECDSA_EIP_1654_EPHEMERAL', payload, signature: '0x12' },
      {
        type: 'ECDSA_SIGNED_ENTITY',
        payload: profile.entityId,
        signature: key.sign(profile.entityId),
      },
    ]
    const signed = { ...profile, authChain }
    expect(await errorsOf(signed)).toEqual([expect.stringContaining('Missing provider')])
    const asked: string[] = []
    const wallets: ExaminerParts['wallets'] = {
      errorsOf: async (questions) => {
        asked.push(...questions.map(({ address }) => address))
        return []
      },
    }
    expect(await errorsOf(signed, null, examinerOf({ wallets }))).toBeNull()
    expect(asked).toEqual([identity.address])
  })

  it('N21 if any of its content is missing', async () => {
    const scene = signedScene({ ...by, files: { 'a.txt': Buffer.from('a') } })
    const { sizes } = stored(scene)
    for (const missing of sizes.keys()) {
      const others = new Map([...sizes].filter(([hash]) => hash !== missing))
      expect(await errorsOf(scene, { sizes: others, received: [] })).toEqual([
        `Couldn't fetch content file with hash: ${missing}`,
      ])
    }
  })

  it('if its content is too big, its own file counted', async () => {
    const scene = signedScene(by)
    const [hash = ''] = scene.contents.keys()
    const sizedOf = (size: number): Contents => ({ sizes: new Map([[hash, size]]), received: [] })
    const most = 15 * 1_048_576 - scene.file.length
    expect(await errorsOf(scene, sizedOf(most))).toBeNull()
    expect(await errorsOf(scene, sizedOf(most + 1))).toEqual([
      expect.stringContaining('The deployment is too big.'),
    ])
  })

  it('if something came with it that is none of its content', async () => {
    const scene = signedScene(by)
    const stray = await uploaded({ ...scene, contents: new Map([['', Buffer.from('stray')]]) })
    const received = [...(await uploaded(scene)).received, ...stray.received]
    expect(await errorsOf(scene, { ...stored(scene), received })).toEqual([
      expect.stringContaining('was uploaded but is not referenced'),
    ])
  })

  it('if the image that it is shown by is no good, where it came in now', async () => {
    const { metadata } = JSON.parse(Buffer.from(signedWearable(by).file).toString()) as {
      metadata: { id: string }
    }
    const wearable = signedEntity({
      ...by,
      type: 'wearable',
      pointers: [metadata.id],
      metadata,
      files: {
        'model.glb': Buffer.from('model'),
        'image.png': png(64, 64),
        'thumbnail.png': png(2_000, 32),
      },
    })
    expect(await errorsOf(wearable)).toEqual([
      'Invalid thumbnail image size (width = 2000 / height = 32)',
    ])
    expect(await errorsOf(wearable, stored(wearable))).toBeNull()
  })

  it('by the rules of its type only where its content has the right size', async () => {
    const [profile, other] = [signedProfile(by), makeIdentity(2)]
    const { metadata } = JSON.parse(Buffer.from(profile.file).toString()) as { metadata: object }
    const pointers = [other.address]
    const ofAnother = { ...by, type: 'profile', pointers, metadata } as const
    const [small, big] = [
      signedEntity(ofAnother),
      signedEntity({ ...ofAnother, metadata: { ...metadata, more: 'x'.repeat(2_100_000) } }),
    ]
    const late = await errorsOf(small)
    expect(late).toHaveLength(1)
    expect(late?.[0]).not.toContain('too big')
    expect(await errorsOf(big)).toEqual([expect.stringContaining('too big')])
  })

  it('last of all, and only if all else is good, by whoever knows who owns what', async () => {
    let asked = 0
    const examiner = examinerOf({
      ownership: {
        errors: async () => {
          asked++
          return ['It is not his.']
        },
      },
    })
    const scene = signedScene(by)
    expect(await errorsOf(scene, { sizes: new Map(), received: [] }, examiner)).toHaveLength(1)
    expect(asked).toBe(0)
    expect(await errorsOf(scene, null, examiner)).toEqual(['It is not his.'])
    expect(asked).toBe(1)
  })
})

it('an entity is not refused where nobody can say', async () => {
  const away = new SyncError('verifier-ended', 'The chain is away.')
  const examiner = examinerOf({ ownership: { errors: () => Promise.reject(away) } })
  await expect(errorsOf(signedProfile(by), null, examiner)).rejects.toBe(away)
  const wallets = { errorsOf: () => Promise.reject(away) }
  await expect(errorsOf(signedProfile(by), null, examinerOf({ wallets }))).rejects.toBe(away)
})
