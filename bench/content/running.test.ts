import { expect, test } from 'vitest'
import { bootstrap } from './bootstrap.ts'
import { Deployments, formOf } from './deploying.ts'
import type { StageOptions } from './measured.ts'
import { deploy } from './network-stages.ts'
import { checkActive, isCaughtUp, openFolder, startNode, until } from './node.ts'
import { fewProfiles } from './profiles-stage.ts'
import { signedPeople } from './population.ts'
import { restart } from './restart.ts'
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

test('a node that starts again does not wait for the next poll', async () => {
  await using folder = await openFolder()
  await using other = await openFolder()
  await using source = await startNode(folder.path)
  await using deployments = new Deployments(source.base, 1)
  const people = signedPeople({ people: 2, fromMs: Date.now() - 1_000, stepMs: 1 })
  const [first, second] = [...people]
  if (first === undefined || second === undefined) throw new Error('There is nobody.')
  await deployments.one(await formOf(first))
  // What is not there is no figure.
  await expect(checkActive(source.base, [second.entityId])).rejects.toThrow('0 of 1')
  // An hour is longer than a test may take.
  const place = { source: source.base, folder: other.path, pollEvery: '1h' }
  await bootstrap({ ...place, count: 1 }, async (base) => {
    await until('Catching up', () => isCaughtUp(base))
  })
  await deployments.one(await formOf(second))
  expect(await restart(place, second.entityId)).toBeGreaterThan(0)
})
