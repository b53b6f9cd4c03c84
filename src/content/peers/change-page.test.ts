import { expect, test } from 'vitest'
import { entityIdOf } from '../../../test/content/ids.ts'
import { pageRows, readChangePage, readFreshPage } from './change-page.ts'

const ids = [1, 2, 3].map(entityIdOf).toSorted()

function row(localTimestamp: number, entityId: string, more: object = {}): object {
  const authChain = [{ type: 'SIGNER', payload: '0x0', signature: '' }]
  const offer = {
    entityId,
    entityType: 'profile',
    pointers: ['0xA'],
    entityTimestamp: 1,
    authChain,
  }
  return { ...offer, localTimestamp, metadata: { big: true }, ...more }
}

function read(deltas: unknown, from = 0, lastId?: string): ReturnType<typeof readChangePage> {
  const position = lastId === undefined ? { from } : { from, lastId }
  return readChangePage(
    { deltas, pagination: { next: '?to=1' } },
    { position, limit: pageRows, dateMs: 9 },
  )
}

test('rows are offers, and the last one says where to go on; the next page is not theirs to name', () => {
  const page = read([row(1, ids[0]!), row(1, ids[1]!), row(5, ids[0]!)])
  expect(page.offers.map(({ entityId }) => entityId)).toEqual([ids[0], ids[1], ids[0]])
  expect(page.offers[0]).toMatchObject({ pointers: ['0xa'], entityTimestamp: 1 })
  expect(page).toMatchObject({ next: { from: 5, lastId: ids[0] }, isFull: false, dateMs: 9 })
})

test('what has been told is left out', () => {
  const page = read([row(7, ids[0]!), row(7, ids[1]!), row(7, ids[2]!)], 7, ids[1])
  expect(page.offers.map(({ entityId }) => entityId)).toEqual([ids[2]])
  expect(read([row(7, ids[0]!)], 7, ids[1]).next).toBe(null)
})

test('what makes no sense is counted, and the page goes on', () => {
  const page = read([row(1, ids[0]!), { no: 'row' }, 7, row(2, ids[1]!, { pointers: [] })])
  expect(page).toMatchObject({ unreadable: 3, next: { from: 2, lastId: ids[1] } })
  expect(page.offers).toHaveLength(1)
})

test('rows in no order are refused: newest first, what lies behind a page would be lost', () => {
  expect(() => read([row(5, ids[0]!), row(4, ids[1]!)])).toThrow('in no order')
  expect(() => read([row(5, ids[1]!), row(5, ids[0]!)])).toThrow('in no order')
})

test('a full page that tells nothing new would be asked for for ever', () => {
  const told = Array.from({ length: pageRows }, (_, n) => row(n, ids[0]!))
  expect(() => read(told, 10_000)).toThrow('what has been told')
})

test('a page is full that has as many rows as were asked for', () => {
  const asked = { position: { from: 0 }, limit: 2, dateMs: null }
  const deltas = [row(1, ids[0]!), row(2, ids[1]!)]
  expect(readChangePage({ deltas }, asked).isFull).toBe(true)
  expect(readChangePage({ deltas }, { ...asked, limit: 3 }).isFull).toBe(false)
})

test('a short page that is not the last goes on; an empty one does not', () => {
  const asked = { position: { from: 0 }, limit: pageRows, dateMs: null }
  const pagination = { moreData: true }
  expect(readChangePage({ deltas: [row(1, ids[0]!)], pagination }, asked).isFull).toBe(true)
  expect(readChangePage({ deltas: [], pagination }, asked).isFull).toBe(false)
})

test('what is no page is refused', () => {
  for (const deltas of [undefined, {}, 'rows', Array.from({ length: 2 * pageRows + 1 }, () => 1)]) {
    expect(() => read(deltas)).toThrow('makes no sense')
  }
  expect(() =>
    readChangePage(null, { position: { from: 0 }, limit: pageRows, dateMs: null }),
  ).toThrow('no sense')
})

test('our own kind says where to go on behind what it left out, and nowhere before its rows', () => {
  const asked = { position: { from: 5 }, limit: pageRows, dateMs: null }
  const next = `?from=9&lastId=${ids[1]!}&only=unlisted`
  const empty = readFreshPage({ deltas: [], pagination: { moreData: true, next } }, asked)
  expect(empty).toMatchObject({ next: { from: 9, lastId: ids[1] }, isFull: true })
  const done = readFreshPage({ deltas: [], pagination: { moreData: false, next } }, asked)
  expect(done).toMatchObject({ next: { from: 9, lastId: ids[1] }, isFull: false })
  const back = { deltas: [row(12, ids[0]!)], pagination: { moreData: true, next } }
  expect(readFreshPage(back, asked).next).toEqual({ from: 12, lastId: ids[0] })
  const loop = { deltas: [], pagination: { moreData: true, next: '?from=5' } }
  expect(readFreshPage(loop, asked)).toMatchObject({ next: null, isFull: false })
})
