import { fold } from '../../library/spelling.ts'

/**
 * The words of a text, each once: runs of letters and digits, folded, without accents of any script, and spelt as
 * somebody would who has another keyboard. At most `maxTextWords`.
 */
export function wordsOf(text: string): readonly string[] {
  const words = plain(fold(text)).match(wordPattern)
  return words === null ? [] : [...new Set(words)].slice(0, maxTextWords)
}

/** The words of what a person typed. */
export function typedWords(text: string): readonly string[] {
  return wordsOf(text.slice(0, maxSearchLength)).slice(0, maxSearchWords)
}

/** Characters of a search that are looked at. */
export const maxSearchLength = 500
/** Words of a search that are looked at. */
export const maxSearchWords = 16
/** Words by which a row is found. */
const maxTextWords = 1_000
/** Letters, digits and what is for private use; what is longer than 64 is several words. */
const wordPattern = /[\p{L}\p{N}\p{Co}]{1,64}/gu

function plain(text: string): string {
  if (isAscii.test(text)) return text
  return text
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFC')
    .replace(/[łøđðħıŋæœþ]/g, (letter) => plainLetters[letter] ?? letter)
}

const isAscii = /^[ -~]*$/

/** Letters that Unicode does not compose of a plain one and an accent. */
const plainLetters: Readonly<Record<string, string>> = {
  ł: 'l',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ħ: 'h',
  ı: 'i',
  ŋ: 'n',
  æ: 'ae',
  œ: 'oe',
  þ: 'th',
}
