import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const src = join(root, 'src')

/** Folder to the folders it may import, as ARCHITECTURE.md says. */
function importTable(): Map<string, Set<string>> {
  const text = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8')
  const rows = text.matchAll(/^\| `(\w+)`\s*\|[^|]*\|([^|]*)\|$/gm)
  return new Map(
    [...rows].map(([, folder = '', allowed = '']) => [
      folder,
      new Set(
        allowed
          .split(',')
          .map((name) => name.trim())
          .filter((name) => name !== ''),
      ),
    ]),
  )
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
}

const table = importTable()
const files = sourceFiles(src).filter((file) => relative(src, file).includes('/'))
const layerOf = (file: string): string => relative(src, file).split('/')[0] ?? ''

describe('the table in ARCHITECTURE.md', () => {
  it('has a row for every folder and a folder for every row', () => {
    const folders = readdirSync(src, { withFileTypes: true }).filter((entry) => entry.isDirectory())
    expect([...table.keys()].sort()).toEqual(folders.map(({ name }) => name).sort())
  })

  it('allows every import there is', () => {
    const broken: string[] = []
    for (const file of files.filter((name) => !name.endsWith('.test.ts'))) {
      const from = layerOf(file)
      for (const [, path = ''] of readFileSync(file, 'utf8').matchAll(
        /(?:from |import |import\(\s*)'(\.[^']+)'/g,
      )) {
        const target = resolve(dirname(file), path)
        const to = layerOf(target)
        const isAllowed = to === from || (table.get(from)?.has(to) ?? false)
        if (!isAllowed) broken.push(`${relative(root, file)} imports ${relative(root, target)}`)
      }
    }
    expect(broken).toEqual([])
  })
})

describe('the house rules', () => {
  it('time is told by base/clock.ts alone', () => {
    const tellers = files
      .filter((file) => !file.endsWith('.test.ts') && !file.endsWith('base/clock.ts'))
      .filter((file) =>
        /new Date\(\)|performance\.now|node:timers/.test(readFileSync(file, 'utf8')),
      )
    expect(tellers.map((file) => relative(root, file))).toEqual([])
  })

  it('no file is named for what it is not', () => {
    const vague = files.filter((file) =>
      /\/(utils?|helpers?|common|misc|manager|service-manager)\b/.test(file),
    )
    expect(vague).toEqual([])
  })

  it('production stays below 120 packages', () => {
    // The lock file is npm's own.
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean; devOptional?: boolean }>
    }
    const production = Object.entries(lock.packages).filter(
      ([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true,
    )
    expect(production.length).toBeLessThan(120)
  })

  it('the lock file names no download address', () => {
    expect(readFileSync(join(root, 'package-lock.json'), 'utf8')).not.toContain('"resolved"')
  })
})
