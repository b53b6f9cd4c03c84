import { describe, expect, test } from 'vitest'
import { FairQueue } from './fair-queue.ts'

function filled(counts: readonly (readonly [user: number, count: number])[]): FairQueue<number> {
  const queue = new FairQueue<number>()
  for (const [user, count] of counts) for (let n = 0; n < count; n++) queue.add(user, user)
  return queue
}

const taken = (queue: FairQueue<number>, count: number): readonly (number | undefined)[] =>
  Array.from({ length: count }, () => queue.take())

describe('a fair queue', () => {
  test('serves users in turn, however much one has queued before', () => {
    expect(
      taken(
        filled([
          [0, 100],
          [1, 2],
          [2, 2],
        ]),
        7,
      ),
    ).toEqual([0, 1, 2, 0, 1, 2, 0])
  })

  test('gives everything to a user who is alone, then nothing', () => {
    expect(taken(filled([[7, 2]]), 3)).toEqual([7, 7, undefined])
  })

  test('lets a newcomer start now: neither in front of everybody nor behind', () => {
    const queue = filled([[0, 100]])
    taken(queue, 50)
    for (let n = 0; n < 5; n++) queue.add(1, 1)
    expect(taken(queue, 6).filter((user) => user === 1)).toHaveLength(3)
  })

  test('gives no credit to a user who comes back', () => {
    const queue = filled([
      [0, 100],
      [1, 1],
    ])
    taken(queue, 50)
    for (let n = 0; n < 10; n++) queue.add(1, 1)
    expect(taken(queue, 10).filter((user) => user === 1).length).toBeLessThanOrEqual(6)
  })
})
