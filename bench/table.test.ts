import { describe, expect, test } from 'vitest'
import { type Finding, rowOf, tableOf } from './table.ts'

const finding: Finding = {
  id: 'first-sync',
  what: 'first sync',
  value: 1.51234,
  unit: 's',
  peer: 'MPD',
  peerValue: 90.12,
}

describe('a row', () => {
  test('says how many times less time we took', () => {
    expect(rowOf(finding)).toEqual({ ...finding, value: 1.51, peerValue: 90.1, ratio: 59.6 })
  })

  test('says how many times more we did, where more is better', () => {
    expect(
      rowOf({ ...finding, value: 3000.4, peerValue: 1000, unit: '/s', better: 'more' }),
    ).toMatchObject({ value: 3000, ratio: 3 })
  })

  test('has no ratio without a peer, and says why', () => {
    expect(rowOf({ ...finding, peerValue: null, reason: 'mpd is not installed' })).toMatchObject({
      peerValue: null,
      ratio: null,
      reason: 'mpd is not installed',
    })
  })

  test('has no ratio when ours is missing, and none by zero', () => {
    expect(rowOf({ ...finding, value: null }).ratio).toBeNull()
    expect(rowOf({ ...finding, value: 0 })).toMatchObject({ value: 0, ratio: null })
  })
})

test('the table shows numbers with their units, ratios, and reasons below', () => {
  const rows = [
    rowOf(finding),
    rowOf({
      ...finding,
      id: 'bytes-per-track',
      value: 9876,
      unit: 'B',
      peerValue: null,
      reason: 'no peer here',
    }),
  ]
  const table = tableOf({ bench: 'library', machine: 'a machine', rows })
  expect(table).toContain('library on a machine')
  expect(table).toMatch(/first-sync: first sync +1\.51 s +90\.1 s +MPD +59\.6x/)
  expect(table).toMatch(/9\.9 kB +- +MPD +-/)
  expect(table).toContain('bytes-per-track: no peer here')
})
