import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { defaultPolicy as policy } from './policy.ts'
import { narrowed, widened, type Window } from './window.ts'

const seed = 20_200_217
const start: Window = { window: policy.windowStart, streak: 0 }

function quick(window: Window, times: number): Window {
  let after = window
  for (let n = 0; n < times; n++) after = widened(after, policy.quickMs, policy)
  return after
}

it('doubles when as many tasks as it holds were quick, up to its limit', () => {
  expect(quick(start, 3).window).toBe(4)
  expect(quick(start, 4)).toEqual({ window: 8, streak: 0 })
  expect(quick(start, 4 + 8 + 16).window).toBe(32)
  expect(quick(start, 1_000).window).toBe(policy.windowMax)
})

it('a slow success begins the count anew', () => {
  const almost = quick(start, 3)
  const slow = widened(almost, policy.quickMs + 1, policy)
  expect(quick(slow, 3).window).toBe(4)
  expect(quick(slow, 4).window).toBe(8)
})

it('halves when the remote slows down, and for nothing else', () => {
  for (const code of ['rate-limited', 'unavailable', 'timeout'] as const) {
    expect(narrowed({ window: 32, streak: 9 }, code)).toEqual({ window: 16, streak: 0 })
  }
  for (const code of ['unparsable', 'internal', 'auth', 'changed'] as const) {
    expect(narrowed({ window: 32, streak: 9 }, code)).toEqual({ window: 32, streak: 9 })
  }
})

it('whatever happens, at least one task and at most the limit may be in flight', () => {
  const events = fc.array(fc.constantFrom('quick', 'slow', 'timeout', 'internal'), {
    minLength: 80,
    maxLength: 300,
  })
  fc.assert(
    fc.property(events, (events) => {
      let window = start
      for (const event of events) {
        if (event === 'quick' || event === 'slow') {
          window = widened(window, event === 'quick' ? 1 : policy.quickMs + 1, policy)
        } else window = narrowed(window, event === 'timeout' ? 'timeout' : 'internal')
        expect(window.window).toBeGreaterThanOrEqual(1)
        expect(window.window).toBeLessThanOrEqual(policy.windowMax)
        expect(window.streak).toBeLessThanOrEqual(window.window)
      }
    }),
    { seed },
  )
})
