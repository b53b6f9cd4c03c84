import { Buffer } from 'node:buffer'
import { hashV0 as theirV0, hashV1 as theirV1 } from '@dcl/hashing'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../base/random.ts'
import { ContentHash, hashV0, hashV1, isContentHash } from './hashing.ts'

const chunk = 262_144

function bytesOf(length: number): Uint8Array {
  const random = seededRandom(length)
  const bytes = new Uint8Array(length)
  const words = new Uint32Array(bytes.buffer, 0, Math.floor(length / 4))
  for (let index = 0; index < words.length; index++) words[index] = random() * 2 ** 32
  return bytes
}

function streamed(form: 0 | 1, bytes: Uint8Array, cuts: readonly number[]): string {
  const hash = new ContentHash(form)
  const borders = [0, ...cuts.toSorted((a, b) => a - b), bytes.length]
  for (const [index, border] of borders.entries()) {
    hash.update(bytes.subarray(borders[index - 1] ?? 0, border))
  }
  return hash.digest()
}

test('the vectors that everybody agrees on', () => {
  const hello = Buffer.from('hello')
  expect(hashV1(hello)).toBe('bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq')
  expect(hashV0(hello)).toBe('QmRN6wdp1S2A5EtjW9A3M1vKSBuQQGcgvuhoMUoEz4iiT5')
  const emptySnapshot = Buffer.from('### Decentraland json snapshot\n')
  expect(hashV1(emptySnapshot)).toBe('bafkreig6sfhegnp4okzecgx3v6gj6pohh5qzw6zjtrdqtggx64743rkmz4')
})

describe('as @dcl/hashing has it', () => {
  const few = [0, 1, 2, 3].flatMap((n) => [n * chunk - 1, n * chunk, n * chunk + 1])
  const sizes = [...few.filter((size) => size >= 0), 173 * chunk, 174 * chunk, 174 * chunk + 1]
  test.each([...sizes, 175 * chunk, 176 * chunk + 77, 2 * 174 * chunk, 349 * chunk + 5])(
    '%i bytes',
    async (size) => {
      const bytes = bytesOf(size)
      const expected = await theirV1(bytes)
      expect(hashV1(bytes)).toBe(expected)
      expect(streamed(1, bytes, [chunk - 1, chunk, chunk + 1])).toBe(expected)
      if (size < 4 * chunk) expect(hashV0(bytes)).toBe(await theirV0(bytes))
    },
  )

  test('however the stream is cut', async () => {
    const bytes = bytesOf(3 * chunk + 12_345)
    const [one, zero] = [await theirV1(bytes), await theirV0(bytes)]
    const cuts = fc.array(fc.integer({ min: 0, max: bytes.length }), { maxLength: 20 })
    fc.assert(
      fc.property(cuts, (places) => {
        expect(streamed(1, bytes, places)).toBe(one)
        expect(streamed(0, bytes, places)).toBe(zero)
      }),
      { numRuns: 50 },
    )
  })
})

test('a hash is letters and digits of one of two forms, and no path', () => {
  expect(isContentHash(hashV1(Buffer.from('x')))).toBe(true)
  expect(isContentHash(hashV0(Buffer.from('x')))).toBe(true)
  const good = hashV1(Buffer.from('x'))
  for (const bad of [
    '',
    'ba',
    `../${good.slice(3)}`,
    `${good}\n`,
    `${good}a`,
    good.slice(1),
    `ba${'/'.repeat(57)}`,
    'constructor',
    `/${hashV0(Buffer.from('x'))}`,
    `${hashV0(Buffer.from('x'))}/..`,
  ]) {
    expect(isContentHash(bad), bad).toBe(false)
  }
})
