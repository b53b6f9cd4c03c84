import { describe, expect, test } from 'vitest'
import { jainIndex, median, percentile } from './statistics.ts'

describe('a percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)

  test('is a value that was measured, by nearest rank', () => {
    expect(percentile(hundred, 0.99)).toBe(99)
    expect(percentile(hundred, 1)).toBe(100)
    expect(percentile([4, 1, 3], 0.34)).toBe(3)
  })

  test('compares numbers, not their digits', () => {
    expect(percentile([9, 10, 100], 0.99)).toBe(100)
  })

  test('of nothing is an error', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError)
  })
})

test('the median is the middle one, of two the lower', () => {
  expect(median([30, 10, 20])).toBe(20)
  expect(median([30, 10])).toBe(10)
})

describe("Jain's index", () => {
  test('is one when everybody has the same', () => {
    expect(jainIndex([7, 7, 7])).toBeCloseTo(1, 12)
  })

  test('is one of n when one has everything', () => {
    expect(jainIndex([0, 0, 5, 0])).toBeCloseTo(0.25, 12)
  })

  test('of one and three is 0.8', () => {
    expect(jainIndex([1, 3])).toBeCloseTo(0.8, 12)
  })

  test('of nobody is an error', () => {
    expect(() => jainIndex([0, 0])).toThrow(RangeError)
  })
})
