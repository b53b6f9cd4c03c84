import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  failed,
  health,
  recovered,
  rested,
  stopped,
  succeeded,
  type Breaker,
  type Setback,
} from './breaker.ts'
import { defaultPolicy as policy } from './policy.ts'

const seed = 20_200_217

const fresh: Breaker = {
  health: health.well,
  restUntilMs: null,
  trips: 0,
  failures: 0,
  recent: 0,
  fenceFloor: 0,
  okMs: null,
}

function setback(more: Partial<Setback> = {}): Setback {
  return { nowMs: 1_000, fence: 7, random: () => 0.5, policy, ...more }
}

function times(count: number, step: (before: Breaker) => Breaker, from = fresh): Breaker {
  let after = from
  for (let n = 0; n < count; n++) after = step(after)
  return after
}

it('opens at the fifth failure in a row, and remembers which tasks were claimed before', () => {
  const four = times(4, (each) => failed(each, setback()))
  expect(four.health).toBe(health.well)
  expect(failed(succeeded(four, 1), setback()).health).toBe(health.well)
  expect(failed(four, setback())).toMatchObject({
    health: health.resting,
    restUntilMs: 16_000,
    fenceFloor: 7,
    failures: 0,
    trips: 1,
  })
})

it('opens when eleven of the last twenty failed, though never five in a row', () => {
  let breaker = fresh
  let results = 0
  while (breaker.health === health.well && results < 100) {
    breaker = results++ % 3 === 0 ? succeeded(breaker, 1) : failed(breaker, setback())
  }
  expect(results).toBeGreaterThan(15)
  expect(results).toBeLessThanOrEqual(20)
  let even = fresh
  for (let n = 0; n < 100; n++) even = n % 2 === 0 ? succeeded(even, 1) : failed(even, setback())
  expect(even.health).toBe(health.well)
})

it('opens at once when the source wants to be left alone, for as long as it says', () => {
  expect(failed(fresh, setback({ retryAfterMs: 600_000 })).restUntilMs).toBe(601_000)
  expect(failed(fresh, setback({ retryAfterMs: 0 })).health).toBe(health.resting)
  const tooLong = failed(fresh, setback({ retryAfterMs: 99 * policy.restMaxMs }))
  expect(tooLong.restUntilMs).toBe(1_000 + policy.restMaxMs)
})

it('rests twice as long each time, until a task succeeds', () => {
  const rests = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((trips) => {
    const { restUntilMs } = rested({ ...fresh, trips }, setback())
    return (restUntilMs ?? 0) - 1_000
  })
  expect(rests).toEqual([15, 30, 60, 120, 240, 480, 960, 1_800, 1_800].map((each) => each * 1_000))
  const passed = recovered(
    times(3, (each) => rested(each, setback())),
    5_000,
  )
  expect(passed).toMatchObject({ health: health.well, restUntilMs: null, trips: 3, okMs: 5_000 })
  expect(succeeded(passed, 6_000)).toMatchObject({ trips: 0, okMs: 6_000 })
})

it('stops for a person, and forgets no count by it', () => {
  const breaker = stopped(
    times(3, (each) => failed(each, setback())),
    setback({ fence: 9 }),
    'list',
  )
  expect(breaker).toMatchObject({
    health: health.stopped,
    restUntilMs: null,
    fenceFloor: 9,
    failures: 3,
  })
})

it('a peer rests instead, for as long as any source does', () => {
  const breaker = stopped(fresh, setback({ fence: 9 }), 'peer')
  const restUntilMs = 1_000 + policy.restMaxMs
  expect(breaker).toMatchObject({ health: health.resting, restUntilMs, fenceFloor: 9 })
})

it('whatever happens, a rest has an end within its bounds, and only the resting rest', () => {
  const events = fc.array(
    fc.record({
      does: fc.constantFrom('fails', 'fails', 'succeeds', 'passes', 'rests'),
      chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      retryAfterMs: fc.option(fc.nat(10_000_000), { nil: undefined, freq: 5 }),
    }),
    { minLength: 80, maxLength: 300 },
  )
  fc.assert(
    fc.property(events, (events) => {
      let breaker = fresh
      for (const { does, chance, retryAfterMs } of events) {
        const at = setback({ random: () => chance, retryAfterMs })
        if (does === 'passes') breaker = recovered(breaker, at.nowMs)
        else if (does === 'rests') breaker = rested(breaker, at)
        else if (does === 'succeeds') breaker = succeeded(breaker, at.nowMs)
        else if (breaker.health === health.well) breaker = failed(breaker, at)
        expect(breaker.restUntilMs === null).toBe(breaker.health !== health.resting)
        const restMs = (breaker.restUntilMs ?? at.nowMs + policy.restBaseMs) - at.nowMs
        expect(restMs).toBeGreaterThanOrEqual(policy.restBaseMs * 0.75)
        expect(restMs).toBeLessThanOrEqual(policy.restMaxMs * 1.25)
        expect(breaker.recent).toBeLessThan(2 ** 20)
      }
    }),
    { seed },
  )
})

it('one more success within a second is no news, unless something went wrong before', () => {
  const well = { ...fresh, okMs: 1_000 }
  expect(succeeded(well, 1_999)).toBe(well)
  expect(succeeded(well, 2_000)).toMatchObject({ okMs: 2_000 })
  // A clock that was set back.
  expect(succeeded(well, 999)).toMatchObject({ okMs: 999 })
  for (const flaw of [{ failures: 1 }, { recent: 2 }, { trips: 1 }]) {
    expect(succeeded({ ...well, ...flaw }, 1_500)).toMatchObject({ okMs: 1_500 })
  }
})
