import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Numbers of the promises in docs/spec/engine.md, such as `T3`. */
function promised(): string[] {
  const text = readFileSync(join(root, 'docs/spec/engine.md'), 'utf8')
  return [...text.matchAll(/^- \*\*([A-Z]\d+)\*\* /gm)].map(([, number = '']) => number)
}

/** Numbers with which names of tests begin. */
function tested(): Set<string> {
  const numbers = new Set<string>()
  for (const folder of ['test/contract', 'test/sim']) {
    for (const name of readdirSync(join(root, folder))) {
      if (!name.endsWith('.ts')) continue
      const text = readFileSync(join(root, folder, name), 'utf8')
      for (const [, number = ''] of text.matchAll(/\bit\(\s*['"`]([A-Z]\d+) /g)) numbers.add(number)
    }
  }
  return numbers
}

it('no promise of the engine has its number twice', () => {
  const numbers = promised()
  expect(numbers.length).toBeGreaterThan(30)
  expect([...new Set(numbers)]).toEqual(numbers)
})

it('every promise of the engine has a test that begins with its number, and every such test its promise', () => {
  expect([...tested()].sort()).toEqual(promised().sort())
})
