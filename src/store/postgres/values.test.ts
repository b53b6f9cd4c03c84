import { expect, test } from 'vitest'
import { rowsOf } from '../sql/sql.ts'
import { storable, storableJson } from './values.ts'

test('what PostgreSQL cannot keep in a text is replaced, the rest is left alone', () => {
  expect(storable('a\0b')).toBe('a\uFFFDb')
  expect(storable(['x', '\0'])).toEqual(['x', '\uFFFD'])
  for (const value of ['', 'Müller 🎵', String.raw`\u0000`, 7, null, [1, 2], []]) {
    expect(storable(value)).toBe(value)
  }
})

test('in JSON it is replaced where it is an escape, and not where a text speaks of one', () => {
  const kept = { name: String.raw`\u0000 \ud800 \\u0000`, tab: '\t\u0001"\\', pair: '🎵' }
  expect(storableJson(rowsOf([kept]))).toBe(rowsOf([kept]))
  const lost = { nul: 'a\0', high: '\ud83c!', low: '!\udfb5', both: '\\\0\\\\\udc00' }
  expect(JSON.parse(String(storableJson(rowsOf([lost]))))).toEqual([
    { nul: 'a\uFFFD', high: '\uFFFD!', low: '!\uFFFD', both: '\\\uFFFD\\\\\uFFFD' },
  ])
})
