import { expect, test } from 'vitest'
import { systemClock, type Clock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { Engine } from './engine.ts'
import { defaultPolicy } from './policy.ts'
import type { Source } from './source.ts'
import type { TaskStore, Turn } from './task-store.ts'
import type { Claim, Result } from './task.ts'

/** Nobody is waited for by the clock: what does not happen by itself never does. */
const still: Clock = { ...systemClock, after: () => () => undefined }

interface AskedTurn {
  readonly results: readonly Result[]
  readonly answer: (given: Partial<Pick<Turn, 'claims' | 'checks'>>) => void
}

function claimOf(fence: number): Claim {
  return {
    kind: 'read',
    fence,
    pool: 'read',
    slot: fence,
    ownerId: 1,
    sourceId: 1,
    untilMs: systemClock.now() + 60_000,
    item: {
      rowId: fence,
      sourceId: 1,
      ownerId: 1,
      key: `${fence}`,
      path: ['a'],
      size: 1,
      version: 'v',
    },
    known: null,
  }
}

/** A store whose turns are answered by hand. */
class AskedStore implements TaskStore {
  readonly #turns: AskedTurn[] = []
  readonly #waiting: ((turn: AskedTurn) => void)[] = []

  open = async (): Promise<void> => undefined
  close = async (): Promise<void> => undefined
  stalls = async (): Promise<[]> => []
  purge = async (): Promise<number> => 0

  turn(results: readonly Result[]): Promise<Turn> {
    return new Promise((resolve) => {
      const turn: AskedTurn = {
        results,
        answer: ({ claims = [], checks = [] }) =>
          resolve({
            acks: results.map(() => ({ isHeld: true })),
            claims,
            checks,
            nextMs: null,
            nowMs: systemClock.now(),
          }),
      }
      const asker = this.#waiting.shift()
      if (asker === undefined) this.#turns.push(turn)
      else asker(turn)
    })
  }

  async next(): Promise<AskedTurn> {
    return this.#turns.shift() ?? new Promise((resolve) => this.#waiting.push(resolve))
  }
}

function fencesOf({ results }: AskedTurn): number[] {
  return results.flatMap((one) => (one.type === 'checked' ? [] : one.claim.fence))
}

test('a turn waits for half of the tasks that run, and counts none that have ended', async () => {
  const ends = new Map<string, () => void>()
  const store = new AskedStore()
  const engine = new Engine({
    store,
    handler: {
      wants: () => true,
      read: (item) => new Promise((resolve) => ends.set(item.key, () => resolve({}))),
    },
    // Nothing is asked of it.
    sourceOf: async () => ({}) as Source,
    policy: defaultPolicy,
    clock: still,
    log: silentLog,
    observer: {},
  })
  const end = async (...fences: readonly number[]): Promise<void> => {
    await expect.poll(() => fences.every((fence) => ends.has(`${fence}`))).toBe(true)
    for (const fence of fences) ends.get(`${fence}`)?.()
    // Until what they brought is in the inbox.
    await new Promise(setImmediate)
  }

  await engine.start()
  ;(await store.next()).answer({ claims: [1, 2, 3, 4].map(claimOf) })
  await end(1, 2)
  const second = await store.next()
  expect(fencesOf(second)).toEqual([1, 2])
  // While they are written, the others end; four run after it, so two are enough for the next turn.
  await end(3, 4)
  second.answer({ claims: [5, 6].map(claimOf) })
  const third = await store.next()
  expect(fencesOf(third)).toEqual([3, 4])
  third.answer({})
  await end(5, 6)
  ;(await store.next()).answer({})
  await engine.stop(0)
})

test('a check that does not hear that it is to stop has failed when its time is over', async () => {
  const store = new AskedStore()
  const timers = new Map<number, () => void>()
  const clock: Clock = {
    ...systemClock,
    after: (ms, run) => {
      timers.set(ms, run)
      return () => timers.delete(ms)
    },
  }
  const deaf = { check: () => new Promise(() => undefined) }
  const engine = new Engine({
    store,
    handler: { wants: () => true, read: async () => ({}) },
    // Only asked whether it is well.
    sourceOf: async () => deaf as unknown as Source,
    policy: defaultPolicy,
    clock,
    log: silentLog,
    observer: {},
  })
  await engine.start()
  ;(await store.next()).answer({ checks: [7] })
  await expect.poll(() => timers.has(defaultPolicy.checkMs)).toBe(true)
  timers.get(defaultPolicy.checkMs)?.()
  const told = await store.next()
  expect(told.results).toMatchObject([
    { type: 'checked', sourceId: 7, failure: { code: 'timeout', remedy: 'source' } },
  ])
  told.answer({})
  await engine.stop(0)
})
