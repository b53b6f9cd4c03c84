import { expect, test } from 'vitest'
import { VirtualClock } from '../../test/sim/virtual-clock.ts'
import { silentLog, type Fields, type Log } from '../base/log.ts'
import { LiveStatus } from './live-status.ts'
import { Pace } from './pace.ts'

class Desk {
  readonly clock = new VirtualClock()
  readonly pace = new Pace(this.clock)
  readonly startedMs = this.clock.elapsed()
  readonly reads: number[] = []
  readonly listeners = new Set<() => void>()
  readonly never = new AbortController().signal
  text = 'first'
  readMs = 0
  failure: Error | null = null

  open(log: Log = silentLog): LiveStatus {
    return new LiveStatus({
      clock: this.clock,
      pace: this.pace,
      log,
      progress: {
        subscribe: (listener) => {
          this.listeners.add(listener)
          return () => this.listeners.delete(listener)
        },
      },
      read: async () => {
        this.reads.push(this.clock.elapsed() - this.startedMs)
        if (this.readMs > 0) await this.clock.sleep(this.readMs)
        if (this.failure !== null) throw this.failure
        return this.text
      },
    })
  }

  change(text: string): void {
    this.text = text
    for (const listener of this.listeners) listener()
  }

  /** Says every 10 ms that something changed, for `ms`. */
  async storm(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 10) {
      this.change(`at ${at}`)
      await this.clock.runUntil(() => false, 10)
    }
  }
}

test('The first version is there as soon as it is read', async () => {
  const desk = new Desk()
  const live = desk.open()
  expect(await live.next(0, 1_000, desk.never)).toEqual({ number: 1, text: 'first' })
  live.stop()
})

test('However often something changes, it is read at most every 250 ms, and the last change is not lost', async () => {
  const desk = new Desk()
  const live = desk.open()
  await desk.storm(1_000)
  desk.change('last')
  await desk.clock.runUntil(() => false, 1_000)
  expect(desk.reads).toEqual([0, 250, 500, 750, 1_000, 1_250])
  expect(await live.next(0, 1, desk.never)).toMatchObject({ text: 'last' })
  live.stop()
})

test('Nothing is read while nothing changes', async () => {
  const desk = new Desk()
  const live = desk.open()
  await desk.clock.runUntil(() => false, 60_000)
  expect(desk.reads).toEqual([0])
  live.stop()
})

test('A status that takes long to read takes at most a fifth of the time', async () => {
  const desk = new Desk()
  desk.readMs = 400
  const live = desk.open()
  await desk.storm(5_900)
  expect(desk.reads).toEqual([0, 2_000, 4_000])
  live.stop()
})

test('Ten views together take at most a fifth of the time, and each has its turn', async () => {
  const desk = new Desk()
  desk.readMs = 40
  const views = Array.from({ length: 10 }, () => desk.open())
  await desk.storm(3_990)
  // One every 200 ms, in the order in which they asked.
  expect(desk.reads).toEqual(Array.from({ length: 20 }, (_, index) => index * 200))
  const numbers = await Promise.all(views.map((view) => view.next(1, 1, desk.never)))
  expect(numbers.map((version) => version?.number)).toEqual(Array(10).fill(2))
  for (const view of views) view.stop()
})

test('Views that are closed while they wait for their turn are never read', async () => {
  const desk = new Desk()
  desk.readMs = 40
  const open = desk.open()
  for (let count = 0; count < 100; count++) desk.open().stop()
  const last = desk.open()
  await desk.clock.runUntil(() => false, 5_000)
  expect(desk.reads).toEqual([0, 200])
  open.stop()
  last.stop()
})

test('A change that leaves the text as it is tells nobody', async () => {
  const desk = new Desk()
  const live = desk.open()
  await live.next(0, 1_000, desk.never)
  const waiting = live.next(1, 2_000, desk.never)
  desk.change('first')
  await desk.clock.runUntil(() => false, 3_000)
  expect(desk.reads.length).toBe(2)
  expect(await waiting).toBeNull()
  live.stop()
})

test('A status that cannot be read is tried again, and logged once', async () => {
  const desk = new Desk()
  const lines: Fields[] = []
  desk.failure = new Error('disk')
  const live = desk.open({ ...silentLog, warn: (fields) => lines.push(fields) })
  await desk.clock.runUntil(() => false, 5_000)
  expect(desk.reads).toEqual([0, 2_000, 4_000])
  expect(lines).toHaveLength(1)
  desk.failure = null
  const recovered = live.next(0, 10_000, desk.never)
  await desk.clock.runUntil(() => false, 2_000)
  expect(await recovered).toEqual({ number: 1, text: 'first' })
  live.stop()
})

test('Who gives up waiting gets null at once and leaves nothing behind', async () => {
  const desk = new Desk()
  const live = desk.open()
  await live.next(0, 1_000, desk.never)
  const leaving = new AbortController()
  const waiting = live.next(1, 60_000, leaving.signal)
  leaving.abort()
  expect(await waiting).toBeNull()
  expect(await live.next(1, 60_000, leaving.signal)).toBeNull()
  live.stop()
})

test('Once stopped it listens to nothing and reads nothing', async () => {
  const desk = new Desk()
  const live = desk.open()
  await live.next(0, 1_000, desk.never)
  desk.change('second')
  live.stop()
  expect(desk.listeners.size).toBe(0)
  await desk.clock.runUntil(() => false, 1_000)
  expect(desk.reads).toEqual([0])
})
