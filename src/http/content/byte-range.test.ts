import { expect, test } from 'vitest'
import { rangeOf } from './byte-range.ts'

test.each([
  ['bytes=0-0', { start: 0, end: 1 }],
  ['bytes=0-9', { start: 0, end: 10 }],
  ['bytes=3-', { start: 3, end: 10 }],
  ['bytes=9-', { start: 9, end: 10 }],
  ['bytes=-1', { start: 9, end: 10 }],
  ['bytes=-10', { start: 0, end: 10 }],
  ['bytes=-11', { start: 0, end: 10 }],
  ['bytes=5-99999999999999999999', { start: 5, end: 10 }],
  [' bytes=1-2 ', { start: 1, end: 3 }],
  ['bytes=10-', 'none'],
  ['bytes=10-10', 'none'],
  ['bytes=99999999999999999999-', 'none'],
  ['bytes=-0', 'none'],
  ['bytes=2-1', 'all'],
  ['bytes=-', 'all'],
  ['bytes=', 'all'],
  ['bytes=0-1,2-3', 'all'],
  ['bytes=0--1', 'all'],
  ['bytes=0x1-2', 'all'],
  ['Bytes 0-1', 'all'],
  [undefined, 'all'],
] as const)('%s of ten bytes', (header, asked) => expect(rangeOf(header, 10)).toEqual(asked))

test('nothing has no part', () => {
  expect(['bytes=0-', 'bytes=0-0', 'bytes=-1'].map((header) => rangeOf(header, 0))).toEqual([
    'none',
    'none',
    'none',
  ])
})
