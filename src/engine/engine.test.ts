import { expect, test } from 'vitest'
import { systemClock, type Clock } from '../base/clock.ts'
import { silentLog } from '../base/log.ts'
import { Engine } from './engine.ts'
import { defaultPolicy } from './policy.ts'
import type { Source } from './source.ts'
import type { TaskStore, Turn } from './task-store.ts'
import type { Claim } from './task.ts'

/** Nobody is waited for by the clock: what does not happen by itself never does. */
const still: Clock = { ...systemClock, after: () => () => undefined }

interface AskedTurn {
  readonly fences: readonly number[]
  readonly answer: (claims: readonly Claim[]) => void
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

test('a turn waits for half of the tasks that run, and counts none that have ended', async () => {
  const ends = new Map<string, () => void>()
  const turns: AskedTurn[] = []
  const waiting: ((turn: AskedTurn) => void)[] = []
  const store: TaskStore = {
    open: async () => undefined,
    close: async () => undefined,
    stalls: async () => [],
    purge: async () => 0,
    turn: (results) =>
      new Promise<Turn>((resolve) => {
        const turn: AskedTurn = {
          fences: results.flatMap((one) => (one.type === 'checked' ? [] : one.claim.fence)),
          answer: (claims) =>
            resolve({
              acks: results.map(() => ({ isHeld: true })),
              claims,
              checks: [],
              nextMs: null,
              nowMs: systemClock.now(),
            }),
        }
        const asker = waiting.shift()
        if (asker === undefined) turns.push(turn)
        else asker(turn)
      }),
  }
  const nextTurn = async (): Promise<AskedTurn> =>
    turns.shift() ?? new Promise((resolve) => waiting.push(resolve))
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
  ;(await nextTurn()).answer([1, 2, 3, 4].map(claimOf))
  await end(1, 2)
  const second = await nextTurn()
  expect(second.fences).toEqual([1, 2])
  // While they are written, the others end; four run after it, so two are enough for the next turn.
  await end(3, 4)
  second.answer([5, 6].map(claimOf))
  const third = await nextTurn()
  expect(third.fences).toEqual([3, 4])
  third.answer([])
  await end(5, 6)
  ;(await nextTurn()).answer([])
  await engine.stop(0)
})
