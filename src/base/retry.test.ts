import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { backoffMs } from './retry.ts'

const limits = { baseMs: 5_000, maxMs: 3_600_000 }

it('waits twice as long each time, up to the limit', () => {
  const waits = [0, 1, 2, 3, 9, 10, 1_000].map((attempt) => backoffMs(attempt, limits, () => 0.5))
  expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 2_560_000, 3_600_000, 3_600_000])
})

it('never waits less than half, nor more than one and a half times as long', () => {
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
  fc.assert(
    fc.property(fc.nat(2_000), chance, (attempt, chance) => {
      const waitMs = backoffMs(attempt, limits, () => chance)
      const wholeMs = backoffMs(attempt, limits, () => 0.5)
      expect(waitMs).toBeGreaterThanOrEqual(wholeMs / 2 - 1)
      expect(waitMs).toBeLessThanOrEqual(wholeMs * 1.5 + 1)
    }),
    { seed: 20_200_217 },
  )
})
