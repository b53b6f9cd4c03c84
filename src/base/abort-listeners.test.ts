import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { AbortListeners } from './abort-listeners.ts'

const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, 'abort').length

test('however many ask, a signal has one listener, and none when nobody asks any more', () => {
  const listeners = new AbortListeners()
  const { signal } = new AbortController()
  const leave = Array.from({ length: 100 }, () => listeners.add(signal, () => undefined))
  expect(listenersOf(signal)).toBe(1)
  for (const each of leave) each()
  expect(listenersOf(signal)).toBe(0)
  listeners.add(signal, () => undefined)
  expect(listenersOf(signal)).toBe(1)
})

test('those that ask are told, those that left are not, nor those of another signal', () => {
  const listeners = new AbortListeners()
  const [one, other] = [new AbortController(), new AbortController()]
  const told: string[] = []
  listeners.add(one.signal, () => told.push('a'))
  listeners.add(one.signal, () => told.push('b'))()
  const leaveLater = listeners.add(one.signal, () => told.push('c'))
  listeners.add(other.signal, () => told.push('d'))
  one.abort()
  leaveLater()
  expect(told).toEqual(['a', 'c'])
  other.abort()
  expect(told).toEqual(['a', 'c', 'd'])
})

test('whoever is told may call for others to leave', () => {
  const listeners = new AbortListeners()
  const controller = new AbortController()
  const told: string[] = []
  let leave = (): void => undefined
  listeners.add(controller.signal, () => {
    told.push('first')
    leave()
  })
  leave = listeners.add(controller.signal, () => told.push('second'))
  controller.abort()
  expect(told).toEqual(['first'])
})
