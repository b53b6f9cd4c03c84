import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../../test/sim/virtual-clock.ts'
import { systemClock, type Clock } from '../../base/clock.ts'
import { Denial } from './denial.ts'
import { maxWaiting, News } from './news.ts'

/** A store of which the newest is set by hand, and a look that takes until it is let go on. */
class Hands {
  newestMs = 10
  looks = 0
  listeners = new Set<() => void>()
  failure: Error | null = null
  /** Looks that have begun and not ended; null: they end at once. */
  held: (() => void)[] | null = null
  readonly news: News

  constructor(clock: Clock) {
    const newestMs = async (): Promise<number> => {
      this.looks++
      const seen = this.newestMs
      const { held } = this
      if (held !== null) await new Promise<void>((resolve) => void held.push(resolve))
      if (this.failure !== null) throw this.failure
      return seen
    }
    // The one question that is asked.
    const store = { newestMs } as ConstructorParameters<typeof News>[0]['store']
    const onNews = (callback: () => void): (() => void) => {
      this.listeners.add(callback)
      return () => this.listeners.delete(callback)
    }
    this.news = new News({ store, onNews, clock })
  }

  tell(): void {
    for (const listener of this.listeners) listener()
  }

  wait(sinceMs: number, signal: AbortSignal = new AbortController().signal): Promise<number> {
    return this.news.after(sinceMs, 30_000, signal)
  }
}

const still: Clock = { ...systemClock, after: () => () => undefined }

describe('news', () => {
  test('are told to those for whom they are news', async () => {
    const hands = new Hands(still)
    expect(await hands.wait(9)).toBe(10)
    const [ten, eleven] = [hands.wait(10), hands.wait(11)]
    hands.newestMs = 11
    hands.tell()
    expect(await ten).toBe(11)
    hands.newestMs = 12
    hands.tell()
    expect(await eleven).toBe(12)
    expect(hands.listeners.size).toBe(0)
  })

  test('that come while one looks are looked at again', async () => {
    const hands = new Hands(still)
    hands.held = []
    const waiting = hands.wait(10)
    expect(hands.looks).toBe(1)
    hands.newestMs = 11
    hands.tell()
    expect(hands.looks).toBe(1)
    const { held } = hands
    hands.held = null
    held[0]?.()
    expect(await waiting).toBe(11)
  })

  test('cost one look, however many wait', async () => {
    const hands = new Hands(still)
    const waiting = Array.from({ length: maxWaiting }, () => hands.wait(10))
    const error = await hands.wait(10).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Denial)
    expect(error).toMatchObject({ status: 503 })
    const before = hands.looks
    hands.newestMs = 11
    hands.tell()
    hands.tell()
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([11]))
    expect(hands.looks - before).toBeLessThan(4)
    expect(await hands.wait(10)).toBe(11)
  })

  test('are found without a hint, and not waited for without end', async () => {
    const clock = new VirtualClock()
    const hands = new Hands(clock)
    const startedMs = clock.elapsed()
    const told: [name: string, newestMs: number, atMs: number][] = []
    for (const [name, sinceMs] of [
      ['early', 10],
      ['late', 20],
    ] as const) {
      void hands.wait(sinceMs).then((newestMs) => {
        told.push([name, newestMs, clock.elapsed() - startedMs])
      })
    }
    expect(await clock.runUntil(() => told.length > 0, 5_500)).toBe(false)
    hands.newestMs = 15
    expect(await clock.runUntil(() => told.length === 2, 60_000)).toBe(true)
    expect(told).toEqual([
      ['early', 15, 6_000],
      ['late', 15, 30_000],
    ])
    expect(hands.listeners.size).toBe(0)
    expect(hands.looks).toBeGreaterThan(25)
    expect(hands.looks).toBeLessThan(40)
  })

  test('who leaves is forgotten, and a look that fails is told', async () => {
    const hands = new Hands(still)
    const leaving = new AbortController()
    const left = hands.wait(10, leaving.signal)
    expect(hands.listeners.size).toBe(1)
    leaving.abort()
    await left
    expect(hands.listeners.size).toBe(0)
    const waiting = hands.wait(10)
    hands.failure = new Error('no store')
    hands.tell()
    await expect(waiting).rejects.toThrow('no store')
    hands.failure = null
    expect(hands.listeners.size).toBe(0)
    expect(await hands.wait(9)).toBe(10)
  })

  test('are waited for by nobody once it is closed', async () => {
    const hands = new Hands(still)
    const waiting = [hands.wait(10), hands.wait(11)]
    hands.news.close()
    await Promise.all(waiting)
    expect(await hands.wait(10)).toBe(10)
    expect(hands.listeners.size).toBe(0)
  })
})
