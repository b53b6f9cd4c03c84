import { expect, test } from 'vitest'
import type { Clock } from '../../base/clock.ts'
import { ServerClock } from './server-clock.ts'

function clocks(): { hands: { nowMs: number; elapsedMs: number }; server: ServerClock } {
  const hands = { nowMs: 1_000_000, elapsedMs: 500 }
  const clock: Clock = {
    now: () => hands.nowMs,
    elapsed: () => hands.elapsedMs,
    sleep: () => Promise.reject(new Error('nobody sleeps here')),
    after: () => () => undefined,
  }
  return { hands, server: new ServerClock(clock) }
}

function pass(hands: { nowMs: number; elapsedMs: number }, ms: number): void {
  hands.nowMs += ms
  hands.elapsedMs += ms
}

test('the time of a server is known once it has said it, and goes on from there', () => {
  const { hands, server } = clocks()
  expect(server.now()).toBeNull()
  server.set(7_000_000, server.asking)
  pass(hands, 40)
  expect(server.now()).toBe(7_000_040)
})

test('an answer that was long on its way tells nothing: we may have been asleep', () => {
  const { hands, server } = clocks()
  server.set(7_000_000, server.asking)
  const { asking } = server
  pass(hands, 60_000)
  server.set(7_000_001, asking)
  expect(server.now()).toBeNull()
  const again = server.asking
  pass(hands, 99)
  server.set(7_060_000, again)
  expect(server.now()).toBe(7_060_099)
})

test('what it said long ago says nothing', () => {
  const { hands, server } = clocks()
  server.set(7_000_000, server.asking)
  pass(hands, 4_999)
  expect(server.now()).toBe(7_004_999)
  pass(hands, 1)
  expect(server.now()).toBeNull()
})

test.each([
  ['we were asleep, and only one of our clocks went on', { nowMs: 60_000, elapsedMs: 10 }],
  ['our own clock was set back', { nowMs: -3_600_000, elapsedMs: 10 }],
])('nobody knows the time when %s', (_, { nowMs, elapsedMs }) => {
  const { hands, server } = clocks()
  server.set(7_000_000, server.asking)
  hands.nowMs += nowMs
  hands.elapsedMs += elapsedMs
  expect(server.now()).toBeNull()
})

test('an answer that took longer than the one before does not turn time back, a clock that was set does', () => {
  const { hands, server } = clocks()
  server.set(7_000_000, server.asking)
  pass(hands, 50)
  expect(server.now()).toBe(7_000_050)
  server.set(7_000_020, server.asking)
  expect(server.now()).toBe(7_000_050)
  pass(hands, 40)
  expect(server.now()).toBe(7_000_060)
  server.set(3_400_000, server.asking)
  expect(server.now()).toBe(3_400_000)
})
