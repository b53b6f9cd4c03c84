import { Buffer } from 'node:buffer'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { makeIdentity, signedProfile } from '../../../test/content/signer.ts'
import {
  maxDepth,
  maxEntityBytes,
  maxPointerLength,
  maxPointers,
  maxValues,
  readEntity,
} from './entity-file.ts'
import { jsonExtent } from './json-bounds.ts'

const id = 'bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq'
const good = {
  version: 'v3',
  type: 'scene',
  pointers: ['0,0', 'A,B'],
  timestamp: 1_795_180_797_030,
  content: [{ file: 'a/b.glb', hash: id }],
  metadata: { main: 'a' },
}

function read(value: unknown): ReturnType<typeof readEntity> {
  return readEntity(id, Buffer.from(JSON.stringify(value)))
}

function errorsOf(reading: ReturnType<typeof readEntity>): readonly string[] {
  return 'errors' in reading ? reading.errors : []
}

describe('an entity file', () => {
  test('becomes an entity, with its pointers in lower case', () => {
    expect(read(good)).toEqual({ entity: { ...good, id, pointers: ['0,0', 'a,b'] } })
  })

  test('is of version 3 and without content where it does not say', () => {
    const { type, pointers, timestamp } = good
    const expected = {
      entity: { version: 'v3', type, pointers: ['0,0', 'a,b'], timestamp, content: [], id },
    }
    expect(read({ type, pointers, timestamp })).toEqual(expected)
    for (const content of [null, '', 0, false]) {
      expect(read({ type, pointers, timestamp, version: null, content })).toEqual(expected)
    }
  })

  test('may hold what is no UTF-8 and begin with a byte order mark, as the network has it', () => {
    const text = JSON.stringify({ ...good, metadata: '?' })
    const bytes = Buffer.from(`\uFEFF${text}`)
    bytes[bytes.indexOf('"?"') + 1] = 0xff
    expect(readEntity(id, bytes)).toMatchObject({ entity: { metadata: '\uFFFD' } })
  })

  test('is good when our own signer made it', () => {
    const { file, entityId } = signedProfile({
      identity: makeIdentity(1),
      timestamp: good.timestamp,
    })
    expect(readEntity(entityId, file)).toMatchObject({ entity: { id: entityId, type: 'profile' } })
  })

  const types =
    'Please set a valid type. It must be one of scene,profile,wearable,store,emote,outfits'
  const noJson = 'Failed to parse the entity file. Please make sure that it is a valid json.'
  test.each([
    [[], noJson],
    ['text', noJson],
    [null, noJson],
    [{ ...good, type: 'Scene' }, `${types}. We got 'Scene'`],
    [{ ...good, type: undefined }, `${types}. We got 'undefined'`],
    [{ ...good, type: { toString: 1 } }, `${types}. We got '{"toString":1}'`],
    [{ ...good, pointers: 'a' }, 'Please set valid pointers'],
    [{ ...good, pointers: [1] }, 'Please set valid pointers'],
    [{ ...good, pointers: ['a\u0000'] }, 'Please set valid pointers'],
    [{ ...good, pointers: ['a\uD800'] }, 'Please set valid pointers'],
    [{ ...good, pointers: ['a'.repeat(513)] }, 'Please set valid pointers'],
    [{ ...good, pointers: Array(maxPointers + 1).fill('a') }, 'Please set valid pointers'],
    [{ ...good, pointers: Array(201).fill('a'.repeat(500)) }, 'Please set valid pointers'],
    [{ ...good, timestamp: 0 }, 'Please set a valid timestamp. We got 0'],
    [{ ...good, timestamp: '1' }, 'Please set a valid timestamp. We got 1'],
    [{ ...good, timestamp: -1 }, 'Please set a valid timestamp. We got -1'],
    [{ ...good, timestamp: 1.5 }, 'Please set a valid timestamp. We got 1.5'],
    [{ ...good, timestamp: 8.64e15 + 1 }, 'Please set a valid timestamp. We got 8640000000000001'],
    [{ ...good, version: 3 }, 'Please set a valid version. We got 3'],
    [{ ...good, content: {} }, 'Expected an array as content'],
    [{ ...good, content: [null] }, 'Content must contain a file name and a file hash'],
    [{ ...good, content: [{ file: 'a' }] }, 'Content must contain a file name and a file hash'],
    [
      { ...good, content: [{ file: '', hash: id }] },
      'Content must contain a file name and a file hash',
    ],
    [
      { ...good, content: [{ file: 1, hash: id }] },
      'Please make sure that all file names and a file hashes are valid strings',
    ],
    [
      { ...good, content: [{ file: 'a\u0000', hash: id }] },
      'Please make sure that all file names and a file hashes are valid strings',
    ],
  ])('is refused: %j', (value, error) => {
    expect(errorsOf(read(value))).toEqual([error])
  })

  test('is refused where it is no JSON, and nothing of it is believed', () => {
    for (const text of ['', '{', '{"type":"scene"', 'NaN', '{"type":"scene"}{}']) {
      expect(errorsOf(readEntity(id, Buffer.from(text)))).toEqual([noJson])
    }
  })
})

describe('a file that is out of bounds', () => {
  test('begins one byte, one pointer, one character, one value behind the last that is good', () => {
    const text = JSON.stringify(good)
    expect(readEntity(id, Buffer.from(text.padEnd(maxEntityBytes)))).toHaveProperty('entity')
    const pointers = [...Array(maxPointers - 1).fill('a'), 'a'.repeat(maxPointerLength)]
    expect(read({ ...good, pointers })).toHaveProperty('entity')
    const { values } = jsonExtent(Buffer.from(JSON.stringify({ ...good, metadata: [0] })))
    const metadata = Array(maxValues - values + 1).fill(0)
    expect(read({ ...good, metadata })).toHaveProperty('entity')
    expect(read({ ...good, timestamp: 8.64e15 })).toHaveProperty('entity')
    expect(read({ ...good, metadata: [...metadata, 0] })).toHaveProperty('errors')
  })

  test('too long', () => {
    const file = Buffer.alloc(maxEntityBytes + 1, ' ')
    file.write('{}')
    expect(errorsOf(readEntity(id, file))).toEqual([
      'The entity file is too big. It may have up to 10485760 bytes and has 10485761.',
    ])
  })

  test('too deep, brackets in texts apart', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    const withMetadata = (json: string): Buffer =>
      Buffer.from(
        JSON.stringify({ ...good, metadata: 0 }).replace('"metadata":0', `"metadata":${json}`),
      )
    expect(readEntity(id, withMetadata(nested(maxDepth - 1)))).toHaveProperty('entity')
    expect(readEntity(id, withMetadata(JSON.stringify(`"\\${nested(1_000)}`)))).toHaveProperty(
      'entity',
    )
    const error = 'The entity file is nested more than 64 levels deep.'
    expect(errorsOf(readEntity(id, withMetadata(nested(maxDepth))))).toEqual([error])
    expect(errorsOf(readEntity(id, withMetadata(nested(4_000_000))))).toEqual([error])
  })

  test('too many values', () => {
    const many = Buffer.from(JSON.stringify({ ...good, metadata: Array(maxValues + 1).fill(0) }))
    expect(errorsOf(readEntity(id, many))).toEqual([
      'The entity file holds more than 100000 values.',
    ])
  })

  test('an error quotes no more than a line of it', () => {
    const [error = ''] = errorsOf(read({ ...good, type: 'x'.repeat(1_000_000) }))
    expect(error).toHaveLength(1_000)
    const [whole = ''] = errorsOf(read({ ...good, timestamp: 'x'.repeat(963) }))
    expect(whole).toBe(`Please set a valid timestamp. We got ${'x'.repeat(963)}`)
  })
})

describe('whatever the bytes are, the answer is an entity or an error', () => {
  const isAnswer = (reading: ReturnType<typeof readEntity>): boolean =>
    'entity' in reading
      ? reading.entity.id === id && Number.isSafeInteger(reading.entity.timestamp)
      : reading.errors.length > 0

  test('bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => isAnswer(readEntity(id, bytes))),
    )
  })

  test('JSON', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), (text) => isAnswer(readEntity(id, Buffer.from(text)))),
    )
  })

  test('entities with anything in the place of each field', () => {
    const fields = {
      version: fc.oneof(fc.constant('v3'), fc.jsonValue()),
      type: fc.oneof(fc.constant('scene'), fc.jsonValue()),
      pointers: fc.oneof(fc.array(fc.string({ unit: 'binary' })), fc.jsonValue()),
      timestamp: fc.oneof(fc.integer(), fc.jsonValue()),
      content: fc.oneof(
        fc.array(fc.record({ file: fc.string(), hash: fc.jsonValue() })),
        fc.jsonValue(),
      ),
      metadata: fc.jsonValue(),
    }
    fc.assert(
      fc.property(fc.record(fields, { requiredKeys: [] }), (value) => isAnswer(read(value))),
      { numRuns: 1_000 },
    )
  })

  test('a good file with some bytes of it changed', () => {
    const file = Buffer.from(JSON.stringify(good))
    const change = fc.tuple(fc.nat(file.length - 1), fc.integer({ min: 0, max: 255 }))
    fc.assert(
      fc.property(fc.array(change, { maxLength: 5 }), (changes) => {
        const bytes = Buffer.from(file)
        for (const [index, byte] of changes) bytes[index] = byte
        return isAnswer(readEntity(id, bytes))
      }),
      { numRuns: 1_000 },
    )
  })
})
