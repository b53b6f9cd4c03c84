import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { advance, classOrder, expectation, stride, timeCharge } from './fair.ts'

const seed = 20_200_217

interface Lane {
  readonly weight: number
  vt: number
  served: number
}

/** Serves the lane with the smallest virtual time, so many times. */
function serve(lanes: readonly Lane[], turns: number, costMs: (lane: Lane) => number | null): void {
  for (let n = 0; n < turns; n++) {
    const lane = lanes.reduce((best, other) => (other.vt < best.vt ? other : best))
    const cost = costMs(lane)
    lane.vt += cost === null ? advance('tasks', 0, lane.weight) : timeCharge(cost, lane.weight)
    lane.served += cost ?? 1
  }
}

function lanesOf(weights: readonly number[]): Lane[] {
  return weights.map((weight) => ({ weight, vt: 0, served: 0 }))
}

const weights = fc.array(fc.integer({ min: 1, max: 16 }), { minLength: 2, maxLength: 6 })

it('lanes that always have something are served by their weights, to within a task each', () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 80, max: 400 }), (weights, turns) => {
      const lanes = lanesOf(weights)
      serve(lanes, turns, () => null)
      for (const one of lanes) {
        for (const other of lanes) {
          const apart = Math.abs(one.served / one.weight - other.served / other.weight)
          expect(apart).toBeLessThanOrEqual(1 / one.weight + 1 / other.weight)
        }
      }
    }),
    { seed },
  )
})

it('a turn of every lane is exactly its weight: after a whole round all stand at the same point', () => {
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 20 }), (weights, rounds) => {
      const lanes = lanesOf(weights)
      serve(lanes, rounds * weights.reduce((sum, weight) => sum + weight, 0), () => null)
      expect(new Set(lanes.map(({ vt }) => vt))).toEqual(new Set([rounds * stride]))
    }),
    { seed },
  )
})

it('charged by time, slot time is shared by the weights, whatever the tasks cost', () => {
  fc.assert(
    fc.property(
      weights,
      fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 6, maxLength: 6 }),
      (weights, costs) => {
        const lanes = lanesOf(weights)
        serve(lanes, 400, (lane) => costs[lanes.indexOf(lane)] ?? 1)
        const most = Math.max(...costs)
        for (const one of lanes) {
          for (const other of lanes) {
            const apart = Math.abs(one.served / one.weight - other.served / other.weight)
            expect(apart).toBeLessThanOrEqual(2 * most)
          }
        }
      },
    ),
    { seed },
  )
})

it('every turn moves a lane, in whole steps', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e7, noNaN: true }),
      fc.integer({ min: 1, max: 16 }),
      (usedMs, weight) => {
        const charge = timeCharge(usedMs, weight)
        expect(Number.isSafeInteger(charge)).toBe(true)
        expect(charge).toBeGreaterThanOrEqual(1)
      },
    ),
    { seed },
  )
})

it('what is expected of a queue lies between what was expected and what was used', () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(100_000), (before, used) => {
      const after = expectation(before, used)
      expect(after).toBeGreaterThanOrEqual(Math.min(before, used))
      expect(after).toBeLessThanOrEqual(Math.max(before, used))
      if (before !== used) expect(Math.abs(after - used)).toBeLessThan(Math.abs(before - used))
    }),
    { seed },
  )
})

it('of 16 turns, two are offered to syncs first, one to background work, and all others to whoever waits', () => {
  const first = Array.from({ length: 16 }, (_, turn) => classOrder(turn)[0])
  const count = (workClass: number): number => first.filter((each) => each === workClass).length
  expect([count(0), count(1), count(2)]).toEqual([13, 2, 1])
  for (let turn = 0; turn < 32; turn++) {
    expect(new Set(classOrder(turn))).toEqual(new Set([0, 1, 2]))
  }
})
