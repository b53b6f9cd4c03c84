import { expect, it } from 'vitest'
import { VirtualClock } from '../../../test/sim/virtual-clock.ts'
import { NewsPace } from './news-pace.ts'

const never = new AbortController().signal

it('lets whoever comes first go on at once, and the others one after the other', async () => {
  const clock = new VirtualClock()
  const pace = new NewsPace({ clock })
  const startMs = clock.elapsed()
  const went: [string, number][] = []
  for (const name of ['anna', 'bernard', 'charlie'])
    void pace.next(never).then(() => went.push([name, clock.elapsed() - startMs]))
  await clock.runUntil(() => went.length === 3, 1_000)
  expect(went).toEqual([
    ['anna', 0],
    ['bernard', 50],
    ['charlie', 100],
  ])
})

it('keeps nobody who comes after a pause', async () => {
  const clock = new VirtualClock()
  const pace = new NewsPace({ clock })
  await pace.next(never)
  await clock.runUntil(() => false, 1_000)
  const beforeMs = clock.elapsed()
  await pace.next(never)
  expect(clock.elapsed()).toBe(beforeMs)
})

it('is left by whoever is called off', async () => {
  const clock = new VirtualClock()
  const pace = new NewsPace({ clock })
  await pace.next(never)
  const called = new AbortController()
  const waiting = pace.next(called.signal)
  called.abort(new Error('called off'))
  await expect(waiting).rejects.toThrow('called off')
})
