import { describe, expect, test } from 'vitest'
import type { Options } from '../bench.ts'
import { rowOf, tableOf } from '../table.ts'
import { measure } from './content.ts'
import type { Findings, Stage } from './measured.ts'
import { missingNode } from './node.ts'
import { type RowId, rows } from './rows.ts'
import { fullSizes, scaled } from './sizes.ts'

const options: Options = { seed: 1, tracks: 1, rows: null, runs: 1, note: () => undefined }

function stage(findings: Findings, ids = Object.keys(findings) as RowId[]): Stage {
  return { ids, run: async () => findings }
}

describe('the bench of content nodes', () => {
  test('has a line for every row, and says what is not measured', async () => {
    const findings = await measure([], options, null)
    expect(findings.map(({ id }) => id)).toEqual(Object.keys(rows))
    for (const { value, reason } of findings)
      expect([value, reason]).toEqual([null, 'not measured'])
  })

  test('has the rows that are asked for, and runs no stage for the others', async () => {
    const dear: Stage = { ids: ['bootstrap'], run: () => Promise.reject(new Error('too dear')) }
    const findings = await measure(
      [dear, stage({ deploy: { value: 700 } })],
      { ...options, rows: ['deploy'] },
      null,
    )
    expect(findings).toMatchObject([{ id: 'deploy', value: 700, peerValue: null }])
  })

  test('says why nothing can be measured', async () => {
    const asked = { ...options, rows: ['deploy'] }
    const [line] = await measure([stage({ deploy: { value: 1 } })], asked, 'not built yet')
    expect(line).toMatchObject({ value: null, reason: 'not built yet' })
    expect(line).not.toHaveProperty('reach')
  })

  test('measures nothing where signatures are slow', () => {
    expect(missingNode('plain')).toMatch(/not/)
  })

  test('goes on behind a stage that fails', async () => {
    const before = process.exitCode
    const bad: Stage = { ids: ['deploy'], run: () => Promise.reject(new Error('it fell over')) }
    const asked = { ...options, rows: ['deploy', 'propagation'] }
    const findings = await measure([bad, stage({ propagation: { value: 50 } })], asked, null)
    process.exitCode = before
    expect(findings).toMatchObject([{ reason: 'it fell over' }, { value: 50 }])
  })

  test('keeps no promise with a part of the size', async () => {
    const asked = { ...options, rows: ['deploy'] }
    const sides = [stage({ deploy: { value: 5_000 } })]
    expect((await measure(sides, asked, null))[0]).toMatchObject({ reach: { met: 'aim' } })
    expect((await measure(sides, { ...asked, scale: 0.5 }, null))[0]).not.toHaveProperty('reach')
  })

  test('quotes another server without counting it as measured', async () => {
    const asked = { ...options, rows: ['deploy'] }
    const [line] = (await measure([stage({ deploy: { value: 700 } })], asked, null)).map(rowOf)
    expect(line).toMatchObject({ peer: '', peerValue: null, ratio: null })
    expect(line?.cited).toBe('58 /s (Catalyst, cited)')
  })

  test('sets a peer that is there beside ours', async () => {
    const peer = { name: 'http://a.example', value: 100 }
    const sides = [stage({ contents: { value: 6_000, peer } })]
    const [line] = (await measure(sides, { ...options, rows: ['contents'] }, null)).map(rowOf)
    expect(line).toMatchObject({ peer: 'http://a.example', peerValue: 100, ratio: 60 })
  })
})

describe('a promise', () => {
  test.each([
    ['deploy', 599, true, 'no'],
    ['deploy', 600, true, 'must'],
    ['deploy', 2_000, true, 'aim'],
    ['propagation', 1_001, true, 'no'],
    ['propagation', 100, true, 'aim'],
    // All that is promised of it, and not more than half of that.
    ['bootstrap-memory', 200_000_000, false, 'no'],
    ['bootstrap-memory', 200_000_000, true, 'must'],
  ] as const)('of %s at %d, other half %s: %s', async (id, value, isWithin, met) => {
    const sides = [stage({ [id]: { value, isWithin } })]
    const [line] = await measure(sides, { ...options, rows: [id] }, null)
    expect(line?.reach?.met).toBe(met)
  })

  test('stands in the table with what was found', async () => {
    const sides = [stage({ deploy: { value: 599, detail: 'it rained' } })]
    const findings = await measure(sides, { ...options, rows: ['deploy'] }, null)
    const table = tableOf({ bench: 'content', machine: 'a machine', rows: findings.map(rowOf) })
    expect(table).toMatch(
      /deploy: .* 599 \/s .*58 \/s \(Catalyst, cited\) .*600 \/s +2000 \/s +NOT/,
    )
    expect(table).toContain('deploy: it rained')
  })
})

test('a part of the size is a part of everything but the peers, and never nothing', () => {
  expect(scaled(1)).toEqual(fullSizes)
  expect(scaled(0.01)).toMatchObject({ profiles: 200, propagations: 3, peers: [1, 5, 20] })
  expect(scaled(0.000_001)).toMatchObject({ profiles: 1, rateSeconds: 1 })
})
