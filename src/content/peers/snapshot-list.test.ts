import { expect, test } from 'vitest'
import { entityIdOf } from '../../../test/content/ids.ts'
import { readSnapshotList } from './snapshot-list.ts'

const hash = entityIdOf(1)
const timeRange = { initTimestamp: 1, endTimestamp: 2 }

test('snapshots as the network tells them', () => {
  const replacedSnapshotHashes = [entityIdOf(2)]
  const json = [
    { hash, timeRange, replacedSnapshotHashes, generationTimestamp: 7, numberOfEntities: 3 },
  ]
  expect(readSnapshotList(json, 'it')).toEqual([
    { hash, range: { init: 1, end: 2 }, replaced: [entityIdOf(2)], generatedMs: 7 },
  ])
  expect(readSnapshotList([{ hash, timeRange }], 'it')[0]).toMatchObject({
    replaced: [],
    generatedMs: null,
  })
  expect(readSnapshotList([], 'it')).toEqual([])
})

test('a list of which anything makes no sense is refused as a whole', () => {
  const bad: unknown[] = [
    null,
    { snapshots: [] },
    ['hash'],
    [{ hash: '../../etc/passwd', timeRange }],
    [{ hash, timeRange: { initTimestamp: 2, endTimestamp: 1 } }],
    [{ hash, timeRange: { initTimestamp: -1, endTimestamp: 1 } }],
    [{ hash, timeRange, replacedSnapshotHashes: 'all' }],
    [{ hash, timeRange, replacedSnapshotHashes: ['a/b'] }],
    Array.from({ length: 2_001 }, () => ({ hash, timeRange })),
  ]
  for (const json of bad) expect(() => readSnapshotList(json, 'it')).toThrow('makes no sense')
})

test('a list may replace 20,000 in all, and no more', () => {
  const ids = Array.from({ length: 1_000 }, (_, n) => entityIdOf(n))
  const offer = { hash, timeRange, replacedSnapshotHashes: ids }
  const list = Array.from({ length: 20 }, () => offer)
  expect(readSnapshotList(list, 'it')).toHaveLength(20)
  const one = { hash, timeRange, replacedSnapshotHashes: [hash] }
  expect(() => readSnapshotList([...list, one], 'it')).toThrow('makes no sense')
})
