import { describe, expect, test } from 'vitest'
import {
  makeIdentity,
  signedEmote,
  signedOutfits,
  signedProfile,
  signedScene,
  signedWearable,
  type SignedEntity,
} from '../../../test/content/signer.ts'
import type { Entity } from '../entity.ts'
import { readEntity } from './entity-file.ts'
import { lateErrors } from './rules.ts'
import { ruleDates as dates } from './settings.ts'

const identity = makeIdentity(1)
const timestamp = Date.UTC(2026, 10, 1)
const by = { identity, timestamp }
const hash = 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq'
const contract = '0x04e7f74e73e951c61edd80910e46c3fece5ebe80'
const asset = `urn:decentraland:matic:collections-v2:${contract}:2`
const item = `${asset}:77`

function entityOf({ entityId, file }: SignedEntity): Entity {
  const reading = readEntity(entityId, file)
  if ('errors' in reading) throw new Error(reading.errors.join(' '))
  return reading.entity
}

function lateOf(entity: Entity, change: Partial<Entity>): readonly string[] {
  return lateErrors({ ...entity, ...change }, identity.address)
}

describe('scenes', () => {
  const scene = entityOf(signedScene(by))
  const metadata = scene.metadata as object

  test('have no configuration of a world since ADR-173', () => {
    const world = { metadata: { ...metadata, worldConfiguration: { name: 'a.dcl.eth' } } }
    expect(lateOf(scene, world)).toEqual([
      'The scene.json contains a worldConfiguration section, which is not allowed for Genesis City scenes (see ADR-173: http://adr.decentraland.org/adr/ADR-173). Please remove it and try again.',
    ])
    expect(lateOf(scene, { ...world, timestamp: dates.adr173 })).toHaveLength(1)
    expect(lateOf(scene, { ...world, timestamp: dates.adr173 - 1 })).toEqual([])
  })

  test('bring their thumbnail since ADR-236', () => {
    const thumbnail = { metadata: { ...metadata, display: { navmapThumbnail: 'map.png' } } }
    expect(lateOf(scene, thumbnail)).toEqual([
      "Scene thumbnail 'map.png' must be a file included in the deployment.",
    ])
    const content = [...scene.content, { file: 'map.png', hash }]
    expect(lateOf(scene, { ...thumbnail, content })).toEqual([])
    expect(lateOf(scene, { ...thumbnail, timestamp: dates.adr236 })).toHaveLength(1)
    expect(lateOf(scene, { ...thumbnail, timestamp: dates.adr236 - 1 })).toEqual([])
  })

  test('need no display at all', () => {
    expect(lateOf(scene, { metadata: { ...metadata, display: undefined } })).toEqual([])
    expect(lateOf(scene, { metadata: { ...metadata, display: null } })).toEqual([])
  })
})

describe.each([
  { noun: 'wearable', name: 'data', sample: entityOf(signedWearable(by)) },
  { noun: 'emote', name: 'emoteDataADR74', sample: entityOf(signedEmote(by)) },
])('a $noun', ({ noun, name, sample }) => {
  const withParts = (representations: unknown): Partial<Entity> => ({
    metadata: { ...(sample.metadata as object), [name]: { representations } },
  })

  test('is made of something', () => {
    expect(lateOf(sample, withParts([]))).toEqual([`No ${noun} representations found`])
    expect(lateOf(sample, { metadata: {} })).toEqual([`No ${noun} representations found`])
    expect(lateOf(sample, { content: [] })).toEqual(['No content found'])
  })

  test('is made of files that it brings', () => {
    expect(lateOf(sample, withParts([{ contents: ['model.glb', 'left.glb'] }]))).toEqual([
      "Representation content: 'left.glb' is not one of the content files",
    ])
  })
})

test('there were no emotes before ADR-74', () => {
  const emote = entityOf(signedEmote(by))
  expect(lateOf(emote, { timestamp: dates.adr74 })).toEqual([])
  expect(lateOf(emote, { timestamp: dates.adr74 - 1 })).toEqual([
    `The emote timestamp ${dates.adr74 - 1} is before ADR 74. Emotes did not exist before ADR 74.`,
  ])
})

describe('outfits', () => {
  const outfits = entityOf(signedOutfits(by))
  const withSlots = (slots: readonly number[], names: readonly string[] = []): Partial<Entity> => ({
    metadata: {
      outfits: slots.map((slot) => ({ slot, outfit: { wearables: [] } })),
      namesForExtraSlots: names,
    },
  })
  const wearing = (...wearables: readonly string[]): Partial<Entity> => ({
    metadata: { outfits: [{ slot: 0, outfit: { wearables } }], namesForExtraSlots: [] },
  })

  test.each([
    [withSlots([1, 2, 1]), 'Outfits slots are repeated'],
    [withSlots([1, 10]), 'Outfits slots are invalid, they must be between 0 and 9 inclusive'],
    [withSlots([-1]), 'Outfits slots are invalid, they must be between 0 and 9 inclusive'],
    [withSlots([0, 5]), 'A name must be provided if extra slots are used, but none were provided.'],
    [wearing('hat', item, 'cap'), 'Invalid wearable pointer: (hat, cap)'],
    [
      wearing(item, asset, asset),
      `Wearable pointers ${asset} should be items, not assets. The URNs must include the tokenId.`,
    ],
  ])('%j', (change, error) => {
    expect(lateOf(outfits, change)).toEqual([error])
  })

  test('may fill ten slots, the last five with a name', () => {
    expect(lateOf(outfits, withSlots([0, 4]))).toEqual([])
    expect(lateOf(outfits, withSlots([0, 9], ['somebody']))).toEqual([])
  })

  test('name no tokens before ADR-244', () => {
    expect(lateOf(outfits, { ...wearing(asset, 'hat'), timestamp: dates.adr244 - 1 })).toEqual([])
    expect(lateOf(outfits, { ...wearing(asset), timestamp: dates.adr244 })).toHaveLength(1)
    expect(lateOf(outfits, wearing(item))).toEqual([])
  })
})

describe('profiles', () => {
  const profile = entityOf(signedProfile(by))
  const emotes = [{ slot: 0, urn: 'wave' }]
  const withAvatar = (...avatars: readonly object[]): Partial<Entity> => ({
    metadata: { avatars: avatars.map((avatar) => ({ avatar: { emotes, ...avatar } })) },
  })

  test.each([
    [
      withAvatar({ wearables: ['urn:decentraland:hat'] }),
      dates.adr75,
      'Each profile wearable pointer should be a urn, for example (urn:decentraland:{protocol}:collections-v2:{contract(0x[a-fA-F0-9]+)}:{name}). Invalid pointer: (urn:decentraland:hat)',
    ],
    [
      withAvatar({ wearables: [asset] }),
      dates.adr244,
      `Wearable pointer ${asset} should be an item, not an asset. The URN must include the tokenId.`,
    ],
    [
      withAvatar({ emotes: [{ slot: 0, urn: 'no-urn' }] }),
      dates.adr74,
      'Each profile emote pointer should be a urn, for example (urn:decentraland:{protocol}:collections-v2:{contract(0x[a-fA-F0-9]+)}:{name}). Invalid pointer: (no-urn)',
    ],
    [
      withAvatar({ emotes: [{ slot: 0, urn: asset }] }),
      dates.adr244,
      `Emote pointer ${asset} should be an item, not an asset. The URN must include the tokenId.`,
    ],
    [
      withAvatar({ emotes: [{ slot: 10, urn: item }] }),
      dates.adr74,
      `The slot 10 of the emote ${item} must be a number between 0 and 9 (inclusive).`,
    ],
    [
      withAvatar({ emotes: [{ slot: -1, urn: item }] }),
      dates.adr74,
      `The slot -1 of the emote ${item} must be a number between 0 and 9 (inclusive).`,
    ],
    [withAvatar({ emotes: undefined }), dates.adr74, 'Profile must have emotes after ADR 74.'],
    [
      withAvatar({}, { emotes: [{ slot: 0, urn: 'clap' }] }),
      1,
      'Emote slot 0 should not be repeated.',
    ],
    [withAvatar({ wearables: [item, item] }), dates.adr232, 'Wearables should not be repeated.'],
    [withAvatar({ snapshots: {} }), dates.adr290Rejected, 'Avatars must not have snapshots.'],
    [
      { content: [{ file: 'face256.png', hash }] },
      dates.adr290Rejected,
      'Entity has content files when it should not: face256.png',
    ],
  ])('%j', (change, since, error) => {
    expect(lateOf(profile, change)).toEqual([error])
    expect(lateOf(profile, at(since, change))).toEqual([error])
    if (since > 1) expect(lateOf(profile, at(since - 1, change))).not.toContain(error)
  })

  /** The same at another time, with images where they were brought. */
  function at(time: number, change: Partial<Entity>): Partial<Entity> {
    if (time < dates.adr45 || time >= dates.adr290) return { ...change, timestamp: time }
    const { avatars } = change.metadata as { avatars: readonly { avatar: object }[] }
    const snapshots = { face256: hash, body: hash }
    const metadata = {
      avatars: avatars.map(({ avatar }) => ({ avatar: Object.assign({ snapshots }, avatar) })),
    }
    const content = ['face256.png', 'body.png'].map((file) => ({ file, hash }))
    return { metadata, content, timestamp: time }
  }

  test('wear what they like else', () => {
    const wearables = ['hat', item, 'urn:decentraland:off-chain:base-avatars:hat']
    const many = Array.from({ length: 10 }, (_, slot) => ({ slot, urn: item }))
    expect(lateOf(profile, withAvatar({ wearables, emotes: many }))).toEqual([])
    expect(lateOf(profile, withAvatar({ wearables, emotes: [] }))).toEqual([])
  })

  test('one avatar of two is enough to offend, and to have emotes', () => {
    const [plain, other] = [{ emotes: undefined }, { emotes: undefined, snapshots: {} }]
    expect(lateOf(profile, withAvatar({}, plain))).toEqual([])
    expect(lateOf(profile, withAvatar({}, other))).toEqual(['Avatars must not have snapshots.'])
    const repeated = withAvatar({}, { ...plain, wearables: [item, item] })
    expect(lateOf(profile, repeated)).toEqual(['Wearables should not be repeated.'])
  })

  describe('with images', () => {
    const snapshots = { face256: hash, body: hash.replace('e', 'a') }
    const content = [
      { file: 'face256.png', hash: snapshots.face256 },
      { file: 'body.png', hash: snapshots.body },
    ]
    const withImages = { ...withAvatar({ snapshots }), content }
    const before = dates.adr290 - 1
    const meanwhile = dates.adr290

    test('are good before ADR-290, and until it is meant', () => {
      expect(lateOf(profile, { ...withImages, timestamp: before })).toEqual([])
      expect(lateOf(profile, { ...withImages, timestamp: meanwhile })).toEqual([])
    })

    test('without are good from ADR-290 on, and before ADR-45', () => {
      const withoutFace = ["Couldn't find hash for face256 thumbnail file with name: 'face256'"]
      expect(lateOf(profile, { timestamp: before })).toEqual(withoutFace)
      expect(lateOf(profile, { timestamp: dates.adr45 })).toEqual(withoutFace)
      expect(lateOf(profile, { timestamp: meanwhile })).toEqual([])
      expect(lateOf(profile, { timestamp: dates.adr45 - 1 })).toEqual([])
    })

    test('one image is not enough', () => {
      const change = { ...withImages, ...withAvatar({ snapshots: { face256: hash } }) }
      expect(lateOf(profile, { ...change, timestamp: meanwhile })).toEqual([
        "Couldn't find hash for face or body thumbnails on profile metadata",
      ])
    })

    test('each avatar has both, as soon as one has any', () => {
      const none = { emotes: undefined }
      const first = { ...withImages, ...withAvatar({ snapshots }, none), timestamp: meanwhile }
      const [error] = lateOf(profile, first)
      expect(error).toMatch('face256')
      expect(lateOf(profile, { ...first, content: [] })).toEqual([error])
      const second = withAvatar({ snapshots }, { ...none, snapshots: { face256: hash } })
      expect(lateOf(profile, { ...first, ...second })).toEqual([
        "Couldn't find hash for face or body thumbnails on profile metadata",
      ])
      expect(lateOf(profile, { content, timestamp: meanwhile })).toEqual([error])
      expect(lateOf(profile, { ...withAvatar({ snapshots }), timestamp: meanwhile })).toHaveLength(
        2,
      )
    })

    test('no other files are brought', () => {
      const more = [...content, { file: 'song.mp3', hash }]
      expect(lateOf(profile, { ...withImages, content: more, timestamp: before })).toEqual([
        `This file is not expected: 'song.mp3' or its hash is invalid: '${hash}'. Please, include only valid snapshot files.`,
      ])
    })

    test('both files are brought since ADR-158', () => {
      const change = { ...withImages, content: content.slice(0, 1) }
      expect(lateOf(profile, { ...change, timestamp: dates.adr158 })).toEqual([
        "Profile entity is missing file 'body.png'",
      ])
      expect(lateOf(profile, { ...change, timestamp: dates.adr158 - 1 })).toEqual([])
    })
  })
})
