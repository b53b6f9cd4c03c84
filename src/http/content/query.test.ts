import { expect, test } from 'vitest'
import { all, entityTypeOf, first, integer, storable } from './query.ts'

test('numbers are read as parseInt does, and nothing is what makes no sense', () => {
  const read = (n: string | string[]): number | undefined => integer({ n }, 'n')
  expect(['1', ' 7', '12abc', '-5', '1.9', '1e3', '0x10'].map(read)).toEqual([
    1,
    7,
    12,
    -5,
    1,
    1,
    undefined,
  ])
  expect([read('0'), read(''), read('abc'), read('NaN'), integer({}, 'n')]).toEqual(
    Array.from({ length: 5 }, () => undefined),
  )
  expect(read(['3', '4'])).toBe(3)
  expect([read('9'.repeat(30)), read(`-${'9'.repeat(400)}`)]).toEqual([
    Number.MAX_SAFE_INTEGER,
    -Number.MAX_SAFE_INTEGER,
  ])
})

test('a name may stand once, several times or not at all', () => {
  const query = { a: 'x', b: ['y', 'z'], c: '' }
  expect(['a', 'b', 'c', 'd'].map((name) => first(query, name))).toEqual([
    'x',
    'y',
    undefined,
    undefined,
  ])
  expect(['a', 'b', 'd'].map((name) => all(query, name))).toEqual([['x'], ['y', 'z'], []])
})

test('types may be written in the ways that the network takes', () => {
  expect(['scene', 'SCENE', 'scenes', ' Profiles ', 'outfits', 'stores'].map(entityTypeOf)).toEqual(
    ['scene', 'scene', 'scene', 'profile', 'outfits', 'store'],
  )
  expect(['', 's', 'house', 'toString', 'scene,profile', 'outfit'].map(entityTypeOf)).toEqual(
    Array.from({ length: 6 }, () => null),
  )
})

test('nobody has a NUL', () => {
  expect(storable(['a', 'b\0', '\0', 'c'])).toEqual(['a', 'c'])
})
