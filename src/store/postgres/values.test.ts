import { expect, test } from 'vitest'
import { rowsOf } from '../sql/sql.ts'
import { jsonParameter, parameter } from './values.ts'

test('what PostgreSQL cannot keep in a text is replaced, the rest is written as it reads it', () => {
  expect(parameter('a\0b')).toBe('a\uFFFDb')
  expect(parameter(['x', '\0'])).toBe('{"x","\uFFFD"}')
  for (const text of ['', 'Müller 🎵', String.raw`\u0000`]) expect(parameter(text)).toBe(text)
  expect(parameter(null)).toBeNull()
  expect([7, 1.5, -1e21].map(parameter)).toEqual(['7', '1.5', '-1e+21'])
  expect(parameter(new Uint8Array([1, 2, 255]).subarray(1))).toEqual(Buffer.from([2, 255]))
  expect(parameter([])).toBe('{}')
  expect(parameter([1, null, 'NULL', 'a"b\\c', '{,}'])).toBe(
    String.raw`{1,NULL,"NULL","a\"b\\c","{,}"}`,
  )
})

test('bytes stand in an array as hex', () => {
  const bytes = new Uint8Array([9, 0, 34, 92, 255])
  expect(parameter([bytes.subarray(1), null, new Uint8Array()])).toBe(
    String.raw`{"\\x00225cff",NULL,"\\x"}`,
  )
})

test('in JSON it is replaced where it is an escape, and not where a text speaks of one', () => {
  const kept = { name: String.raw`\u0000 \ud800 \\u0000`, tab: '\t\u0001"\\', pair: '🎵' }
  expect(jsonParameter(rowsOf([kept]))).toBe(rowsOf([kept]))
  const lost = { nul: 'a\0', high: '\ud83c!', low: '!\udfb5', both: '\\\0\\\\\udc00' }
  expect(JSON.parse(String(jsonParameter(rowsOf([lost]))))).toEqual([
    { nul: 'a\uFFFD', high: '\uFFFD!', low: '!\uFFFD', both: '\\\uFFFD\\\\\uFFFD' },
  ])
})
