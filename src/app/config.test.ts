import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readConfig } from './config.ts'

test('a file named on the command line wins over the environment, which wins over a file named there', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'config-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'secret')
  await writeFile(file, 'from the file\n')
  const environment = {
    DATABASE_URL: 'from the environment',
    ROUNDELAY_TOKEN: 'from the environment',
  }
  expect(readConfig({ databaseUrlFile: file, tokenFile: file }, environment)).toMatchObject({
    databaseUrl: 'from the file',
    token: 'from the file',
  })
  const named = { ROUNDELAY_DATABASE_URL_FILE: file }
  expect(readConfig({}, { ...environment, ...named }).databaseUrl).toBe('from the environment')
  expect(readConfig({}, named).databaseUrl).toBe('from the file')
})
