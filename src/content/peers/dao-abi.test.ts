import { describe, expect, it, test } from 'vitest'
import { AbiAnswer, callData, uintWord } from './dao-abi.ts'

const word = (value: bigint | number): string => value.toString(16).padStart(64, '0')
const textWords = (text: string, length = Buffer.byteLength(text)): string => {
  const hex = Buffer.from(text).toString('hex')
  return word(length) + hex.padEnd(Math.ceil(hex.length / 64) * 64, '0')
}
const answer = (...words: string[]): AbiAnswer => new AbiAnswer(`0x${words.join('')}`, 'x()')
const unfit = expect.objectContaining({ code: 'protocol' })

it('writes calls as Solidity does', () => {
  expect(callData('catalystCount()')).toBe('0x18becc10')
  expect(callData('catalystIds(uint256)', [uintWord(258)])).toBe(`0x7b9b4f2c${word(258)}`)
})

it('reads a text by where it says that it lies', () => {
  expect(answer(word(32), textWords('a.example')).text(0, 512)).toBe('a.example')
  expect(answer(word(7), word(8), word(160), word(0), word(0), textWords('ü')).text(2, 512)).toBe(
    'ü',
  )
  expect(answer(word(32), textWords('')).text(0, 512)).toBe('')
})

it('gives no text that is too long or no UTF-8', () => {
  const long = 'a'.repeat(513)
  expect(answer(word(32), textWords(long)).text(0, 512)).toBeNull()
  expect(answer(word(32), textWords(long)).text(0, 513)).toBe(long)
  expect(answer(word(32), word(2), 'c328'.padEnd(64, '0')).text(0, 512)).toBeNull()
})

it('takes a number beyond all bounds for a big one', () => {
  expect(answer(word(3)).number(0)).toBe(3)
  expect(answer('f'.repeat(64)).number(0)).toBe(Number.MAX_SAFE_INTEGER)
})

describe('an answer that makes no sense', () => {
  test.each<[string, unknown]>([
    ['nothing', '0x'],
    ['no text', { result: '0x' }],
    ['null', null],
    ['no hex', `0x${'g'.repeat(64)}`],
    ['half a byte', `0x${'0'.repeat(63)}`],
    ['no 0x', word(1)],
    ['far too long', `0x${'00'.repeat(65_537)}`],
  ])('is refused: %s', (_, given) => {
    expect(() => new AbiAnswer(given, 'x()')).toThrow(unfit)
  })

  test.each<[string, string[]]>([
    ['it ends early', ['00'.repeat(31)]],
    ['the text lies behind the end', [word(64), word(1)]],
    ['the text lies at the edge of the world', ['f'.repeat(64), word(1)]],
    ['the text is longer than the answer', [word(32), word(33), word(0)]],
    ['the text is longer than anything', [word(32), 'f'.repeat(64), word(0)]],
  ])('is refused: %s', (_, words) => {
    expect(() => answer(...words).text(0, 512)).toThrow(unfit)
  })
})
