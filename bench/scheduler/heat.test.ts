import { expect, test, vi } from 'vitest'
import type { SchedulerContestant } from './contestant.ts'
import { type Heat, longestHeatMs, runHeat } from './heat.ts'
import {
  batchesOf,
  countOf,
  type Load,
  noisyNeighbour,
  noOperation,
  type Task,
  tasksOf,
} from './load.ts'
import { calculatedIdeal, openIdeal } from './peers/ideal.ts'
import { openPools } from './peers/pools.ts'

const ground = { url: '', folder: '' }
const small: Load = {
  ...noisyNeighbour,
  largeTasks: 500,
  smallUsers: 20,
  smallTasks: 5,
  warmingUp: { users: 2, tasks: 40 },
}

test('the large user has queued everything before the small ones, who queued in turn', () => {
  const tasks = [...tasksOf({ ...small, largeTasks: 2, smallUsers: 2, smallTasks: 2 })]
  expect(tasks.map(({ user, nth }) => [user, nth])).toEqual([
    [0, 1],
    [0, 2],
    [1, 1],
    [2, 1],
    [1, 2],
    [2, 2],
  ])
  expect(tasks.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5])
})

test('batches hold every task once, in order', () => {
  const load = { ...small, largeTasks: 2400 }
  const batches = [...batchesOf(tasksOf(load))]
  expect(batches.map((batch) => batch.length)).toEqual([1000, 1000, 500])
  expect(batches.flat()).toEqual([...tasksOf(load)])
})

test('by calculation, the small users of the README are done after 160 ms', () => {
  const { smallDoneMs, mostAtOnce } = calculatedIdeal(noisyNeighbour)
  expect(smallDoneMs).toHaveLength(100)
  expect(Math.max(...smallDoneMs)).toBe(160)
  expect(mostAtOnce).toBe(32)
})

test('with real timers the ideal keeps to its slots', async () => {
  const heat = await runHeat(await openIdeal(ground), small)
  expect(heat).toMatchObject({ mostAtOnce: 32, repeats: 0, isCut: false })
  expect(heat.smallDoneMs).toHaveLength(20)
  // Timers may be early by less than a millisecond.
  expect(heat.ms).toBeGreaterThan(calculatedIdeal(small).ms * 0.8)
})

test('a heat of everybody ends with the last task', async () => {
  const load: Load = { ...small, taskMs: 0, endsWith: noOperation.endsWith }
  const heat = await runHeat(await openIdeal(ground), load)
  expect(heat.tasks).toBe(countOf(load))
})

test('a pool a user takes a slot for everybody and leaves the large user with one', async () => {
  const heat: Heat = await runHeat(await openPools(ground), small)
  expect(heat).toMatchObject({ mostAtOnce: 21, mostLargeAtOnce: 1 })
})

test('everybody warms up with users of their own, then stops, and nothing of it counts', async () => {
  const queued: (readonly number[])[] = []
  const stops: number[] = []
  let tasks: readonly Task[] = []
  const direct: SchedulerContestant = {
    queue: async (all) => {
      tasks = [...all]
      queued.push([...new Set(tasks.map(({ user }) => user))])
    },
    start: async (_slots, work) => {
      for (const task of tasks) void work(task)
      return async () => void stops.push(queued.length)
    },
  }
  const load: Load = { ...small, taskMs: 0, largeTasks: 1, smallUsers: 2, smallTasks: 1 }
  const heat = await runHeat(direct, { ...load, endsWith: 'everybody' })
  expect(queued).toEqual([
    [3, 4],
    [0, 1, 2],
  ])
  expect(stops).toEqual([1])
  expect(heat.tasks).toBe(3)
})

test('who cannot start fails the heat at once', async () => {
  const broken: SchedulerContestant = {
    queue: async () => undefined,
    start: () => Promise.reject(new Error('no server')),
  }
  await expect(runHeat(broken, small)).rejects.toThrow('no server')
})

test('who never comes to an end is cut', async () => {
  vi.useFakeTimers()
  try {
    const idle: SchedulerContestant = {
      queue: async () => undefined,
      start: async () => async () => undefined,
    }
    const heat = runHeat(idle, { ...small, warmingUp: { users: 0, tasks: 0 } })
    await vi.advanceTimersByTimeAsync(longestHeatMs)
    expect(await heat).toMatchObject({ isCut: true, tasks: 0, smallDoneMs: [] })
    const cold = expect(runHeat(idle, small)).rejects.toThrow('Warming up left 80 tasks')
    await vi.advanceTimersByTimeAsync(longestHeatMs)
    await cold
  } finally {
    vi.useRealTimers()
  }
})
