import { expect, test } from 'vitest'
import { Room } from './room.ts'

const { signal } = new AbortController()

/** What has got in, in its order. */
function watched(room: Room): {
  inside: string[]
  enter: (id: string, bytes: number, called?: AbortSignal) => Promise<void>
} {
  const inside: string[] = []
  const enter = (id: string, bytes: number, called = signal): Promise<void> =>
    room.enter(id, bytes, called).then(() => void inside.push(id))
  return { inside, enter }
}

test('whoever needs more than is left waits, and so does whoever comes behind him', async () => {
  const room = new Room(100)
  const { inside, enter } = watched(room)
  await enter('a', 60)
  const [b, c] = [enter('b', 50), enter('c', 10)]
  await Promise.resolve()
  expect(inside).toEqual(['a'])
  room.keep('a', 20)
  await Promise.all([b, c])
  expect(inside).toEqual(['a', 'b', 'c'])
})

test('what is too big for it all waits until nobody else is there', async () => {
  const room = new Room(100)
  const { inside, enter } = watched(room)
  await enter('a', 1)
  const big = enter('b', 1_000)
  await Promise.resolve()
  expect(inside).toEqual(['a'])
  room.keep('a', 0)
  await big
  room.keep('b', 0)
  await enter('c', 100)
})

test('nobody gets more by what he keeps, or by not having entered', async () => {
  const room = new Room(100)
  const { inside, enter } = watched(room)
  await enter('a', 60)
  room.keep('a', 90)
  room.keep('nobody', 0)
  expect([room.has('a'), room.has('nobody')]).toEqual([true, false])
  await enter('b', 40)
  void enter('c', 1)
  await Promise.resolve()
  expect(inside).toEqual(['a', 'b'])
})

test('whoever is called off leaves his turn to the next one', async () => {
  const room = new Room(100)
  const { enter } = watched(room)
  await enter('a', 60)
  const end = new AbortController()
  const big = enter('b', 50, end.signal)
  const next = enter('c', 40)
  end.abort()
  await expect(big).rejects.toMatchObject({ code: 'cancelled' })
  await next
  await expect(enter('d', 1, end.signal)).rejects.toMatchObject({ code: 'cancelled' })
})
