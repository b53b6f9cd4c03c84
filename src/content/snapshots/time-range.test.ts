import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstMs, isCovered, rangesUntil, type TimeRange } from './time-range.ts'

const dayMs = 86_400_000
const days = ({ init, end }: TimeRange): number => (end - init) / dayMs

test('the ranges that a server of the network had on 2026-11-21 at 19:17', () => {
  const ranges = rangesUntil(Date.parse('2026-11-21T19:17:00Z'))
  expect(ranges.map(days)).toEqual([
    ...Array.from({ length: 7 }, () => 336),
    ...Array.from({ length: 5 }, () => 28),
    ...Array.from({ length: 3 }, () => 7),
    ...Array.from({ length: 3 }, () => 1),
  ])
  expect(ranges[0]?.init).toBe(Date.parse('2020-01-01T00:00:00Z'))
  expect(ranges[6]?.end).toBe(1_781_049_600_000)
  expect(ranges.at(-1)?.end).toBe(1_795_219_200_000)
})

test('there is none before the first day is over', () => {
  expect(rangesUntil(0)).toEqual([])
  expect(rangesUntil(firstMs + dayMs - 1)).toEqual([])
  expect(rangesUntil(firstMs + dayMs)).toEqual([{ init: firstMs, end: firstMs + dayMs }])
})

test('a bigger block is made once one of each smaller size comes behind it', () => {
  const at = (day: number): number[] => rangesUntil(firstMs + day * dayMs).map(days)
  expect(at(7)).toEqual([1, 1, 1, 1, 1, 1, 1])
  expect(at(8)).toEqual([7, 1])
  expect(at(35)).toEqual([7, 7, 7, 7, 1, 1, 1, 1, 1, 1, 1])
  expect(at(36)).toEqual([28, 7, 1])
  expect(at(371)[0]).toBe(28)
  expect(at(372)).toEqual([336, 28, 7, 1])
})

test('at any time all whole days are in one range, and yesterday’s blocks lie in those of today', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40_000 }), fc.nat(dayMs - 1), (day, rest) => {
      const ranges = rangesUntil(firstMs + day * dayMs + rest)
      expect(isCovered({ init: firstMs, end: firstMs + day * dayMs }, ranges)).toBe(true)
      for (const range of ranges) expect([336, 28, 7, 1]).toContain(days(range))
      const borders = new Set(rangesUntil(firstMs + (day - 1) * dayMs).map(({ init }) => init))
      for (const { init } of ranges.slice(0, -1)) expect(borders.has(init)).toBe(true)
    }),
  )
})

test('parts cover a whole if they leave no gap and overlap nowhere', () => {
  const part = (init: number, end: number): TimeRange => ({ init, end })
  expect(isCovered(part(0, 3), [part(0, 1), part(1, 3)])).toBe(true)
  expect(isCovered(part(0, 3), [part(0, 1), part(2, 3)])).toBe(false)
  expect(isCovered(part(0, 3), [part(0, 2), part(1, 3)])).toBe(false)
  expect(isCovered(part(0, 3), [part(0, 1)])).toBe(false)
  expect(isCovered(part(0, 3), [])).toBe(false)
})
