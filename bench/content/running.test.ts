import { expect, test } from 'vitest'
import type { StageOptions } from './measured.ts'
import { deploy } from './network-stages.ts'
import { checkActive, openFolder, startNode } from './node.ts'
import { fewProfiles } from './profiles-stage.ts'
import { scaled } from './sizes.ts'

const notes: string[] = []
const options: StageOptions = {
  sizes: { ...scaled(1), profiles: 20, deployments: 20 },
  runs: 1,
  peer: null,
  wants: (id) => ['bootstrap', 'deploy'].includes(id),
  note: (text) => notes.push(text),
}

test('a new node takes up what another one has, as built', async () => {
  const { bootstrap, 'bootstrap-cpu': cpu } = await fewProfiles(options)
  expect(bootstrap?.value).toBeGreaterThan(0)
  expect(cpu?.value).toBeGreaterThan(0)
  expect(notes.at(-1)).toMatch(/^bootstrap: \d+\.\d s, \d+\.\d\d ms of processor each, \d+ MB$/)
})

test('a node takes what clients deploy, as built', async () => {
  expect((await deploy(options)).deploy?.value).toBeGreaterThan(0)
  expect(notes.at(-1)).toMatch(/^deploy: \d+ a second/)
})

test('what is not there is no figure', async () => {
  await using folder = await openFolder()
  await using node = await startNode(folder.path)
  await expect(checkActive(node.base, ['bafkrei'.padEnd(59, 'a')])).rejects.toThrow('0 of 1')
})
