import { describe, expect, test } from 'vitest'
import type { Options } from '../bench.ts'
import { runHeats } from './heats.ts'
import { noisyNeighbour } from './load.ts'
import type { Ours } from './ours.ts'
import { races, smallDone } from './races.ts'
import { rows } from './rows.ts'
import { measure } from './scheduler.ts'

const options: Options = { seed: 1, tracks: 1, rows: null, runs: 2, note: () => undefined }

describe('the bench of the scheduler', () => {
  const nothing: Ours = { entrants: {}, rows: {} }

  test('has a line for every row, and says what is not measured', async () => {
    const alone = Object.entries(rows).filter(([, { race }]) => race === null)
    const findings = await measure(nothing, { ...options, rows: alone.map(([id]) => id) })
    expect(new Set(findings.map(({ id }) => id))).toEqual(new Set(alone.map(([id]) => id)))
    for (const { what, value, reason } of findings) {
      expect(value).toBeNull()
      expect(reason).toBe(`roundelay on ${storeOf(what)}: not measured`)
    }
  })

  test('has a line for each of our stores that a row names', async () => {
    const ours: Ours = {
      ...nothing,
      rows: { enqueue: async (store) => (store === 'SQLite' ? 20_000 : 10_000) },
    }
    const findings = await measure(ours, { ...options, rows: ['enqueue'] })
    expect(findings.map(({ what, value }) => [storeOf(what), value])).toEqual([
      ['SQLite', 20_000],
      ['PostgreSQL', 10_000],
    ])
    expect(findings[0]).toMatchObject({ better: 'more', peerValue: null })
    expect(findings[0]).not.toHaveProperty('reason')
  })

  test('has no line for a row that is not there', async () => {
    expect(await measure(nothing, { ...options, rows: ['first-sync'] })).toEqual([])
  })
})

const storeOf = (what: string): string | undefined => /\((\w+)\)$/.exec(what)?.[1]

test('heats run in processes of their own, as many as are asked for', async () => {
  const notes: string[] = []
  const load = { ...noisyNeighbour, largeTasks: 1000 }
  const race = { ...races['noisy-neighbour'], load }
  const figure = await runHeats('ideal', race, { ...options, note: (text) => notes.push(text) })
  expect(figure.value).toBeGreaterThan(100)
  expect(notes).toHaveLength(2)
  expect(notes[0]).toMatch(
    /^ideal, real timers, 5 ms tasks: 100 small users done, .*at most 32 at once/,
  )
})

test('small users who were not done in time are no figure but a reason', () => {
  expect(smallDone([1, 2, 3])).toEqual({
    value: null,
    reason: '3 of 100 small users were done after 40 s',
  })
})
