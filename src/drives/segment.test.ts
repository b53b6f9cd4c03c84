import { assert, pre, property, string, uint8Array } from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  bytesOfSegment,
  canonicalSegment,
  segmentOfBytes,
  shownName,
  shownPath,
} from './segment.ts'

describe('segments of keys', () => {
  test.each([
    ['plain.mp3', 'plain.mp3'],
    ['caf%c3%a9', 'caf%C3%A9'],
    ['café', 'caf%C3%A9'],
    ['cafe\u0301', 'cafe%CC%81'],
    ['%28live%29', '(live)'],
    ['a+b&c', 'a%2Bb%26c'],
    ['%E9t%E9', '%E9t%E9'],
    ['100%', '100%'],
    ['100%25', '100%25'],
    ['50%zz é', '50%zz%20%C3%A9'],
    ['%F0%9D%84%9E', '%F0%9D%84%9E'],
    ['a%0Ab', 'a%0Ab'],
    ['%ED%A0%80', '%ED%A0%80'],
  ])('"%s" is written %s', (raw, canonical) => expect(canonicalSegment(raw)).toBe(canonical))

  test.each(['', '.', '..', '%2e', '%2E%2e', 'a%2fb', 'a%2Fb', 'nul%00', '%E9%2F', '%E9%00'])(
    '"%s" is no name',
    (raw) => expect(canonicalSegment(raw)).toBeNull(),
  )

  test('the canonical form of a canonical form is itself, and the bytes come back', () => {
    const bytes = uint8Array({ minLength: 1, maxLength: 40 })
    assert(
      property(bytes, (bytes) => {
        const segment = segmentOfBytes(bytes)
        pre(segment !== null)
        expect(canonicalSegment(segment)).toBe(segment)
        expect(new Uint8Array(bytesOfSegment(segment))).toEqual(bytes)
      }),
    )
  })

  test('names of text are shown as they are', () => {
    assert(
      property(string({ minLength: 1, unit: 'grapheme' }), (name) => {
        const segment = canonicalSegment(encodeURIComponent(name))
        pre(segment !== null)
        expect(shownName(segment)).toBe(name)
      }),
    )
  })

  test('bytes that are no text are shown as far as they can be', () => {
    expect(shownPath('caf%E9/100%')).toEqual(['caf\ufffd', '100%'])
    expect(shownPath('')).toEqual([])
  })
})
