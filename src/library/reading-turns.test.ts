import { setMaxListeners } from 'node:events'
import { expect, it } from 'vitest'
import {
  maxReadings,
  maxReadingsEach,
  maxWaiting,
  maxWaitingEach,
  ReadingTurns,
  type EndTurn,
} from './reading-turns.ts'

const code = (expected: string) => expect.objectContaining({ code: expected })

/** Takes turns and notes who has one. */
class Queue {
  readonly turns = new ReadingTurns()
  readonly begun: string[] = []
  readonly ends = new Map<string, EndTurn>()

  take(name: string, sourceId: number, signal = new AbortController().signal): Promise<void> {
    return this.turns.take(sourceId, signal).then((end) => {
      this.begun.push(name)
      this.ends.set(name, end)
    })
  }

  async end(name: string): Promise<void> {
    this.ends.get(name)?.()
    await settled()
  }
}

/** Until all that can go on has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('gives one source two turns at a time, and lets another one begin meanwhile', async () => {
  const queue = new Queue()
  for (const name of ['a1', 'a2', 'a3', 'a4']) void queue.take(name, 1)
  void queue.take('b1', 2)
  await settled()
  expect(queue.begun).toEqual(['a1', 'a2', 'b1'])
  await queue.end('b1')
  expect(queue.begun).toEqual(['a1', 'a2', 'b1'])
  await queue.end('a2')
  await queue.end('a1')
  expect(queue.begun).toEqual(['a1', 'a2', 'b1', 'a3', 'a4'])
})

it('gives so many turns and no more to all sources together, in the order in which they came', async () => {
  const queue = new Queue()
  for (let source = 1; source <= maxReadings + 2; source++) {
    void queue.take(`source ${source}`, source)
  }
  await settled()
  expect(queue.begun).toHaveLength(maxReadings)
  await queue.end('source 3')
  expect(queue.begun.at(-1)).toBe(`source ${maxReadings + 1}`)
  await queue.end('source 1')
  expect(queue.begun.at(-1)).toBe(`source ${maxReadings + 2}`)
})

it('takes who left out of the queue at once, with the reason', async () => {
  const queue = new Queue()
  for (let count = 0; count < maxReadingsEach; count++) void queue.take('first', 1)
  const stop = new AbortController()
  setMaxListeners(0, stop.signal)
  const left = Array.from({ length: maxWaitingEach }, () => queue.take('left', 1, stop.signal))
  await expect(queue.take('too many', 1)).rejects.toEqual(code('cancelled'))
  stop.abort()
  for (const each of await Promise.allSettled(left)) {
    expect(each).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } })
  }
  void queue.take('last', 1)
  await queue.end('first')
  expect(queue.begun).toEqual(['first', 'first', 'last'])
  await expect(queue.take('late', 1, stop.signal)).rejects.toEqual(code('cancelled'))
})

it('turns away who comes when too many of his source wait, or too many at all', async () => {
  const queue = new Queue()
  const crowd = (sourceId: number, waiting: number): void => {
    for (let count = 0; count < maxReadingsEach + waiting; count++) void queue.take('', sourceId)
  }
  crowd(1, maxWaitingEach)
  await expect(queue.take('', 1)).rejects.toEqual(code('cancelled'))
  crowd(2, maxWaitingEach)
  crowd(3, maxWaitingEach)
  crowd(4, maxWaiting - 3 * maxWaitingEach - 1)
  // A rejection would fail the test, as nobody hears of it: there is room for one more.
  void queue.take('', 5)
  await expect(queue.take('', 6)).rejects.toEqual(code('cancelled'))
})
