import { expect, test } from 'vitest'
import { LaneBook, type LaneRow, type QueueRow } from './lane-book.ts'
import type { Transaction } from './sql.ts'

const lane: LaneRow = {
  id: 1,
  owner_id: 1,
  pool: 'list',
  class: 1,
  vt: 0,
  floor: 0,
  is_active: 1,
  weight: 1,
}

function queue(id: number): QueueRow {
  const times = { served: 0, cost_ms: 5, window: 4, streak: 0 }
  return { id, lane_id: 1, source_id: id, is_active: 0, ...times }
}

test('what was undone with the queues that it made is not written', () => {
  // Nothing is asked of it.
  const book = new LaneBook({} as Transaction)
  book.takeLane(lane)
  const first = book.takeQueue(queue(1))!
  const known = book.queueIds
  const second = book.takeQueue(queue(2))!
  for (const made of [first, second]) book.setActive(made, true)
  book.keepOnly(known)
  expect(book.queue(2)).toBeNull()
  expect(book.queuesOf(2)).toEqual([])
  const [queues] = book.writes()
  expect(queues?.rows).toMatchObject([{ id: 1 }])
})
