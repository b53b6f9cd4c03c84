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

/** Lets so many come at once, and then each of them again whenever it went on, for a while; how long each waited. */
async function waits(count: number, everyMs: number, forMs: number): Promise<readonly number[]> {
  const clock = new VirtualClock()
  const pace = new NewsPace({ clock })
  const waited: number[] = []
  const startMs = clock.elapsed()
  const peer = async (): Promise<void> => {
    do {
      const cameMs = clock.elapsed()
      await pace.next(new AbortController().signal)
      waited.push(clock.elapsed() - cameMs)
      await clock.sleep(everyMs)
    } while (clock.elapsed() - startMs < forMs)
  }
  const all = Promise.all(Array.from({ length: count }, peer))
  await clock.runUntil(() => false, forMs + everyMs + 1_000)
  await all
  return waited
}

it.each([
  ['a thousand at once', 1_000, 60_000, 1],
  ['twenty who always have news', 20, 10, 5_000],
  ['two hundred who always have news', 200, 250, 3_000],
] as const)('keeps none of %s for longer than a second', async (_, count, everyMs, forMs) => {
  const waited = await waits(count, everyMs, forMs)
  expect(waited.length).toBeGreaterThanOrEqual(count)
  expect(Math.max(...waited)).toBeLessThanOrEqual(1_000)
})
