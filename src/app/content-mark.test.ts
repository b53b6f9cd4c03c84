import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { folderTrouble } from './content-mark.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mark-'))
})
afterEach(() => rm(root, { recursive: true }))

function databaseOf(): Parameters<typeof folderTrouble>[0]['store'] {
  const facts = new Map<string, string>()
  return {
    fact: async (name) => facts.get(name) ?? null,
    setFact: async (name, value) => void facts.set(name, value),
  }
}

test('the first folder is the one; another one is told, and can be made the one', async () => {
  const store = databaseOf()
  const [one, other] = [join(root, 'one'), join(root, 'other')]
  expect(await folderTrouble({ store, folder: one })).toBeNull()
  expect(await folderTrouble({ store, folder: one })).toBeNull()
  const trouble = await folderTrouble({ store, folder: other })
  const [, mark = '', path = ''] = /write (\S+) to (\S+)/.exec(trouble ?? '') ?? []
  await mkdir(other)
  await writeFile(path, `${mark}\n`)
  expect(await folderTrouble({ store, folder: other })).toBeNull()
})

test('a database that is made anew takes the folder that is there', async () => {
  const folder = join(root, 'one')
  await folderTrouble({ store: databaseOf(), folder })
  const store = databaseOf()
  expect(await folderTrouble({ store, folder })).toBeNull()
  expect(await folderTrouble({ store, folder: join(root, 'other') })).toContain('is not the one')
})
