import { Authenticator } from '@dcl/crypto'
import {
  Emote,
  Entity,
  Outfits,
  Profile,
  Scene,
  Store,
  type ValidateFunction,
  Wearable,
} from '@dcl/schemas'
import { expect, test } from 'vitest'
import {
  makeIdentity,
  type SignedEntity,
  signedEmote,
  signedOutfits,
  signedProfile,
  signedScene,
  signedStore,
  signedWearable,
} from './signer.ts'

const parts = { identity: makeIdentity(1), timestamp: 1_795_288_697_295 }

interface Parsed {
  readonly content: readonly { hash: string }[]
  readonly metadata: unknown
}

test.each<[string, (given: typeof parts) => SignedEntity, ValidateFunction]>([
  ['profile', signedProfile, Profile.validate],
  ['scene', signedScene, Scene.validate],
  ['wearable', signedWearable, Wearable.validate],
  ['emote', signedEmote, Emote.validate],
  ['outfits', signedOutfits, Outfits.validate],
  ['store', signedStore, Store.validate],
])('a signed %s is what others take for one', async (_, make, validate) => {
  const { entityId, file, authChain, contents } = make(parts)
  const entity = JSON.parse(Buffer.from(file).toString()) as Parsed
  expect(Entity.validate({ ...entity, id: entityId }), JSON.stringify(Entity.validate.errors)).toBe(
    true,
  )
  expect(validate(entity.metadata), JSON.stringify(validate.errors)).toBe(true)
  expect(new Set(entity.content.map(({ hash }) => hash))).toEqual(new Set(contents.keys()))
  const verdict = await Authenticator.validateSignature(
    entityId,
    [...authChain] as never,
    null,
    parts.timestamp,
  )
  expect(verdict).toEqual({ ok: true })
})

test('a profile is as big as those that were measured', () => {
  expect(signedProfile(parts).file.length).toBe(788)
})
