import { describe, expect, test } from 'vitest'

test('passes', () => expect(1).toBe(1))
test('passes, too', () => expect(2).toBe(2))
test.skip('is left out', () => undefined)
describe.skip('what lies inside', () => {
  test('is left out as well', () => undefined)
})
test.todo('is not there yet')
