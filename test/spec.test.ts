import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** What is promised where, with a letter and a number such as `T3`, and where that is tested. */
const sides = [
  {
    side: 'the engine',
    page: 'docs/spec/engine.md',
    letters: /^[A-MO-Z]/,
    folders: ['test/contract', 'test/sim'],
  },
  {
    side: 'content nodes',
    page: 'docs/spec/content.md',
    letters: /^N/,
    folders: ['test/contract', 'test/network'],
  },
] as const

/** Numbers of the promises on a page. */
function promised(page: string): string[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^- \*\*([A-Z]\d+)\*\* /gm)].map(([, number = '']) => number)
}

/** Numbers with which names of tests begin. */
function tested(folders: readonly string[], letters: RegExp): Set<string> {
  const numbers = new Set<string>()
  for (const folder of folders) {
    for (const name of readdirSync(join(root, folder))) {
      if (!name.endsWith('.ts')) continue
      const text = readFileSync(join(root, folder, name), 'utf8')
      for (const [, number = ''] of text.matchAll(nameOfTest)) {
        if (letters.test(number)) numbers.add(number)
      }
    }
  }
  return numbers
}

/** Of one test, or of one for each of several cases. */
const nameOfTest = /(?:\b(?:it|test)|\])(?: as const\))?\(\s*['"`]([A-Z]\d+) /g

describe.each(sides)('what is promised of $side', ({ page, letters, folders }) => {
  it('has its number once', () => {
    const numbers = promised(page)
    expect(numbers.length).toBeGreaterThan(25)
    expect([...new Set(numbers)]).toEqual(numbers)
  })

  it('has a test that begins with its number, and every such test its promise', () => {
    expect([...tested(folders, letters)].sort()).toEqual(promised(page).sort())
  })
})
