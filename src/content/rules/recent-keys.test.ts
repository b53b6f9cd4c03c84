import { expect, test } from 'vitest'
import { maxKeys, RecentKeys } from './recent-keys.ts'

test('a key lasts from when it was set last', () => {
  const keys = new RecentKeys<number>(10)
  keys.set('a', 1, 0)
  keys.set('b', 2, 5)
  keys.set('a', 3, 8)
  expect(keys.get('a', 10)).toBe(3)
  expect(keys.count(14)).toBe(2)
  expect(keys.get('b', 15)).toBeUndefined()
  expect(keys.count(17)).toBe(1)
  expect(keys.count(18)).toBe(0)
})

test('of more keys than there is room for the oldest goes', () => {
  const keys = new RecentKeys<true>(1_000)
  for (let index = 0; index <= maxKeys; index++) keys.set(`${index}`, true, 0)
  expect(keys.count(0)).toBe(maxKeys)
  expect(keys.get('0', 0)).toBeUndefined()
  expect(keys.get('1', 0)).toBe(true)
})

test('nothing is kept for no time', () => {
  const keys = new RecentKeys<true>(0)
  keys.set('a', true, 0)
  expect(keys.count(0)).toBe(0)
})
