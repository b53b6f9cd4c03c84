import { expect, test } from 'vitest'
import { Semaphore } from './semaphore.ts'

const { signal } = new AbortController()

test('so many are inside at the same time, the others come in their order', async () => {
  const semaphore = new Semaphore(2)
  const inside: number[] = []
  const leave = await Promise.all([1, 2].map(() => semaphore.enter(signal, 'this')))
  const later = [3, 4].map(async (n) => {
    const out = await semaphore.enter(signal, 'this')
    inside.push(n)
    return out
  })
  expect(inside).toEqual([])
  leave[0]?.()
  // Said twice, it counts once.
  leave[0]?.()
  await later[0]
  expect(inside).toEqual([3])
  leave[1]?.()
  await later[1]
  expect(inside).toEqual([3, 4])
})

test('whoever is called off while he waits takes no place', async () => {
  const semaphore = new Semaphore(1)
  const leave = await semaphore.enter(signal, 'this')
  const caller = new AbortController()
  const waiting = semaphore.enter(caller.signal, 'this')
  caller.abort()
  await expect(waiting).rejects.toThrow('this was called off')
  await expect(semaphore.enter(caller.signal, 'this')).rejects.toThrow('called off')
  leave()
  await semaphore.enter(signal, 'this')
})
