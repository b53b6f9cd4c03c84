import { Buffer } from 'node:buffer'
import { describe, expect, test } from 'vitest'
import {
  makeIdentity,
  png,
  signedEmote,
  signedProfile,
  signedScene,
  signedWearable,
  type SignedEntity,
} from '../../../test/content/signer.ts'
import {
  contentErrors,
  contentRules,
  thumbnailHash,
  type ContentClaim,
  type ContentFacts,
} from './content-rules.ts'
import { readEntity } from './entity-file.ts'
import { ruleDates as dates, ruleSettings } from './settings.ts'

const by = { identity: makeIdentity(1), timestamp: Date.UTC(2026, 10, 1) }
const megabyte = 1_048_576
const hash = 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq'

interface Posted {
  readonly claim: ContentClaim
  readonly facts: ContentFacts
}

/** What a node knows when all of it was uploaded. */
function posted({ entityId, file, contents }: SignedEntity): Posted {
  const reading = readEntity(entityId, file)
  if ('errors' in reading) throw new Error(reading.errors.join(' '))
  const { id: _, ...entity } = reading.entity
  const claim = { entityId, ...entity }
  const thumbnail = contents.get(thumbnailHash(claim, entity.metadata) ?? '')
  const facts = {
    fileSize: file.length,
    sizes: new Map([...contents].map(([one, bytes]) => [one, bytes.length])),
    uploaded: new Set([entityId, ...contents.keys()]),
    thumbnail:
      thumbnail === undefined ? null : { size: thumbnail.length, head: thumbnail.subarray(0, 64) },
    metadata: entity.metadata,
  }
  return { claim, facts }
}

function errorsOf(
  { claim, facts }: Posted,
  change: Partial<ContentFacts> & Partial<ContentClaim> = {},
): readonly string[] {
  return contentErrors({ ...claim, ...change }, { ...facts, ...change })
}

const scene = posted(signedScene({ ...by, pointers: ['0,0', '0,1'] }))
const profile = posted(signedProfile(by))
const wearable = posted(signedWearable(by))
const emote = posted(signedEmote(by))

test('what was uploaded whole is good', () => {
  for (const each of [scene, profile, wearable, emote]) expect(errorsOf(each)).toEqual([])
})

test('what was stored before need not be uploaded', () => {
  for (const each of [scene, profile, wearable, emote]) {
    expect(errorsOf(each, { uploaded: new Set(), thumbnail: null })).toEqual([])
  }
})

describe('the size', () => {
  const tooBig = (limit: number, type: string, max: number, total: number): string =>
    `The deployment is too big. The maximum allowed size per pointer is ${limit} MB for ${type}. You can upload up to ${max} bytes but you tried to upload ${total}.`
  const sized = (each: Posted, bytes: number): ReadonlyMap<string, number> =>
    new Map([...each.facts.sizes.keys()].map((one, index) => [one, index === 0 ? bytes : 0]))

  test('is counted a pointer', () => {
    const max = 2 * 15 * megabyte
    expect(errorsOf(scene, { sizes: sized(scene, max), fileSize: 0 })).toEqual([])
    expect(errorsOf(scene, { sizes: sized(scene, max + 1), fileSize: 0 })).toEqual([
      tooBig(15, 'scene', max, max + 1),
    ])
  })

  test('the entity file counts', () => {
    const max = 2 * megabyte
    expect(errorsOf(profile, { fileSize: max })).toEqual([])
    expect(errorsOf(profile, { fileSize: max + 1 })).toEqual([tooBig(2, 'profile', max, max + 1)])
  })

  test('content that is listed twice counts once', () => {
    const content = Array.from({ length: 3 }, () => ({ file: 'a', hash }))
    const sizes = new Map([[hash, 10 * megabyte]])
    expect(errorsOf(scene, { content, sizes, uploaded: new Set(), pointers: ['0,0'] })).toEqual([])
  })

  test('content that is nowhere has none', () => {
    const content = [{ file: 'a', hash }]
    expect(errorsOf(scene, { content })).toEqual([`Couldn't fetch content file with hash: ${hash}`])
  })

  test.each([
    ['store', 1],
    ['outfits', 1],
    ['emote', 3],
    ['wearable', 3],
  ] as const)('of a %s is %i MB', (type, limit) => {
    const change = { type, content: [], uploaded: new Set<string>(), pointers: ['a'] }
    const [error] = errorsOf(profile, { ...change, fileSize: limit * megabyte + 1 })
    expect(error).toBe(tooBig(limit, type, limit * megabyte, limit * megabyte + 1))
    expect(errorsOf(profile, { ...change, fileSize: limit * megabyte })).not.toContain(error)
  })

  test('of a skin is 9 MB, of which its models take 8', () => {
    const metadata = { ...(wearable.facts.metadata as object), data: { category: 'skin' } }
    const skin = { metadata, sizes: sized(wearable, 8 * megabyte) }
    expect(errorsOf(wearable, skin)).toEqual([])
    expect(errorsOf(wearable, { ...skin, fileSize: megabyte + 1 })).toEqual([
      tooBig(9, 'wearable', 9 * megabyte, 9 * megabyte + 1),
    ])
    expect(errorsOf(wearable, { metadata, sizes: sized(wearable, 8 * megabyte + 1) })).toEqual([
      modelTooBig('wearable', 8, 8 * megabyte + 1),
    ])
  })

  test('did not matter before the launch, and before ADR-45 only of what was uploaded', () => {
    const sizes = sized(scene, 100 * megabyte)
    expect(errorsOf(scene, { sizes, timestamp: dates.launch })).toEqual([])
    expect(errorsOf(scene, { sizes, timestamp: dates.launch + 1 })).toHaveLength(1)
    const old = dates.adr45 - 1
    expect(errorsOf(scene, { sizes, timestamp: old, uploaded: new Set() })).toEqual([])
    expect(errorsOf(profile, { timestamp: old, fileSize: 100 * megabyte })).toEqual([])
    expect(errorsOf(profile, { timestamp: old + 1, fileSize: 100 * megabyte })).toHaveLength(1)
  })
})

function modelTooBig(type: string, limit: number, bytes: number): string {
  return `The deployment is too big. The maximum allowed size for ${type} model files is ${limit} MB. You can upload up to ${limit * megabyte} bytes but you tried to upload ${bytes}.`
}

describe.each([
  { type: 'wearable', item: wearable },
  { type: 'emote', item: emote },
])('the thumbnail of a $type', ({ type, item }) => {
  const name = thumbnailHash(item.claim, item.facts.metadata) ?? ''
  const withHead = (head: Uint8Array): Partial<ContentFacts> => ({
    thumbnail: { size: head.length, head: head.subarray(0, 64) },
  })

  test('is one of its files', () => {
    expect(item.facts.sizes.has(name)).toBe(true)
    const metadata = { ...(item.facts.metadata as object), thumbnail: 'else.png' }
    expect(errorsOf(item, { metadata })).toEqual([
      "Couldn't find hash for thumbnail file with name: else.png",
    ])
    expect(errorsOf(item, { metadata, timestamp: dates.adr45 - 1 })).toEqual([])
    expect(errorsOf(item, { metadata, timestamp: dates.adr45 })).toHaveLength(1)
  })

  test('is a PNG', () => {
    expect(errorsOf(item, withHead(Buffer.from('ffd8ffe0', 'hex')))).toEqual([
      "Invalid or unknown image format. Only 'PNG' format is accepted.",
    ])
    expect(errorsOf(item, withHead(png(9, 9).subarray(0, 20)))).toEqual([
      "Couldn't parse thumbnail, please check image format.",
    ])
    expect(errorsOf(item, withHead(Buffer.from('hello'))).length).toBe(1)
    expect(
      errorsOf(item, { ...withHead(Buffer.from('hello')), timestamp: dates.adr45 - 1 }),
    ).toEqual([])
  })

  test('has 1,024 pixels each way at most', () => {
    expect(errorsOf(item, withHead(png(1_024, 1_024)))).toEqual([])
    for (const [width, height] of [
      [1_025, 1],
      [1, 1_025],
    ] as const) {
      expect(errorsOf(item, withHead(png(width, height)))).toEqual([
        `Invalid thumbnail image size (width = ${width} / height = ${height})`,
      ])
    }
    expect(errorsOf(item, withHead(png(0, 4)))).toEqual([
      "Couldn't validate thumbnail size for file thumbnail.png",
    ])
  })

  test('takes a megabyte at most, and the rest two', () => {
    const sizes = (thumbnail: number, rest: number): ReadonlyMap<string, number> => {
      const others = [...item.facts.sizes.keys()].filter((one) => one !== name)
      return new Map([
        [name, thumbnail],
        ...others.map((one, n) => [one, n === 0 ? rest : 0] as const),
      ])
    }
    const change = { fileSize: 0 }
    expect(errorsOf(item, { ...change, sizes: sizes(megabyte, 2 * megabyte) })).toEqual([])
    expect(errorsOf(item, { ...change, sizes: sizes(megabyte + 1, 0) })).toEqual([
      'The thumbnail is too big. The maximum allowed size for thumbnail model files is 1 MB. You can upload up to 1048576 bytes but you tried to upload 1048577.',
    ])
    const models = { ...change, sizes: sizes(0, 2 * megabyte + 1) }
    expect(errorsOf(item, models)).toEqual([modelTooBig(type, 2, 2 * megabyte + 1)])
    expect(errorsOf(item, { ...models, timestamp: dates.adr45 })).toHaveLength(1)
    expect(errorsOf(item, { ...models, timestamp: dates.adr45 - 1 })).toEqual([])
  })
})

describe('the face of a profile', () => {
  const metadata = { avatars: [{ avatar: { snapshots: { face256: hash, body: hash } } }] }
  const old = {
    metadata,
    timestamp: dates.adr290 - 1,
    content: [{ file: 'face256.png', hash }],
    sizes: new Map([[hash, 10]]),
    uploaded: new Set([hash]),
  }
  const withFace = (image: Uint8Array): Partial<ContentFacts> => ({
    thumbnail: { size: image.length, head: image.subarray(0, 64) },
  })

  test('is the file to look into', () => {
    expect(thumbnailHash(profile.claim, metadata)).toBe(hash)
    expect(thumbnailHash(profile.claim, profile.facts.metadata)).toBeNull()
    expect(thumbnailHash(scene.claim, { thumbnail: 'bin/index.js' })).toBeNull()
  })

  test('had 256 pixels each way until ADR-290', () => {
    expect(errorsOf(profile, { ...old, ...withFace(png(256, 256)) })).toEqual([])
    expect(errorsOf(profile, { ...old, ...withFace(png(256, 255)) })).toEqual([
      'Invalid face256 thumbnail image size (width = 256 / height = 255)',
    ])
    const now = { ...old, timestamp: by.timestamp }
    expect(errorsOf(profile, { ...now, ...withFace(png(256, 255)) })).toEqual([])
  })
})

describe('files', () => {
  test('that were uploaded are listed', () => {
    const uploaded = new Set([...scene.facts.uploaded, hash])
    expect(errorsOf(scene, { uploaded })).toEqual([
      `This hash was uploaded but is not referenced in the entity: ${hash}`,
    ])
  })

  test('that are listed were uploaded or are stored, at any time', () => {
    const change = { content: [{ file: 'a', hash }], uploaded: new Set<string>() }
    expect(errorsOf(scene, { ...change, timestamp: dates.adr45 - 1 })).toEqual([
      `This hash is referenced in the entity but was not uploaded or previously available: ${hash}`,
    ])
  })

  test('come behind what was wrong with the entity, and that behind the size', () => {
    const uploaded = new Set([hash])
    const lateErrors = ['There is something wrong.']
    expect(errorsOf(scene, { uploaded, lateErrors })).toEqual(lateErrors)
    expect(errorsOf(scene, { lateErrors, fileSize: 100 * megabyte })[0]).toMatch('too big')
  })
})

test('the dates are those of the settings', () => {
  const later = contentRules({ ...ruleSettings, dates: { ...dates, launch: by.timestamp } })
  expect(later(scene.claim, { ...scene.facts, fileSize: 100 * megabyte })).toEqual([])
})
