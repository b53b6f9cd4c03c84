import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { distinctNames, fold } from './spelling.ts'

it('folds case, Unicode form and white space, and leaves accents and other words apart', () => {
  for (const text of ['Björk Straße', 'BJÖRK STRASSE', ' bjo\u0308rk \t straẞe\n']) {
    expect(fold(text)).toBe('björk strasse')
  }
  expect(fold('ΣΊΣΥΦΟΣ')).toBe(fold('σίσυφοσ'))
  expect(fold('Bjork')).not.toBe(fold('Björk'))
  expect(fold('AC/DC  Live')).toBe('ac/dc live')
})

it('folds no further what is folded, and the same in either Unicode form', () => {
  for (let point = 0; point < 0x3_0000; point++) {
    const char = String.fromCodePoint(point)
    const folded = fold(char)
    if (fold(folded) !== folded) expect.fail(`U+${point.toString(16)} folds further`)
    if (fold(char.normalize('NFD')) !== folded) expect.fail(`U+${point.toString(16)} by its form`)
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(fold(fold(text))).toBe(fold(text))
    }),
  )
})

it('keeps each name once, the first spelling of it, and none that is empty', () => {
  expect(distinctNames([' Anna', '', 'ANNA', 'Bob ', ' '])).toEqual(['Anna', 'Bob'])
})
