import { expect, test } from 'vitest'
import { type Load, noisyNeighbour, type Task, tasksOf } from './load.ts'
import { Tally } from './tally.ts'

const load: Load = { ...noisyNeighbour, largeTasks: 3, smallUsers: 2, smallTasks: 2 }

const ofUser = (user: number): readonly Task[] =>
  [...tasksOf(load)].filter((task) => task.user === user)

function run(tally: Tally, tasks: readonly Task[], atMs: number): void {
  for (const task of tasks) tally.begin(task)
  for (const task of tasks) tally.end(task, atMs)
}

test('a small user is done with the last of its tasks, and the large one is not waited for', () => {
  const tally = new Tally(load)
  const [first, ...rest] = ofUser(1)
  run(tally, [first!], 5)
  expect(tally.standing.smallDoneMs).toEqual([])
  run(tally, rest, 10)
  expect(tally.standing.smallDoneMs).toEqual([10])
  expect(tally.isOver).toBe(false)
  run(tally, ofUser(2), 15)
  expect(tally.standing).toMatchObject({ smallDoneMs: [10, 15], tasks: 4 })
  expect(tally.isOver).toBe(true)
})

test('the large user is never one of the small ones who are done', () => {
  const tally = new Tally(load)
  run(tally, ofUser(0), 5)
  expect(tally.standing).toMatchObject({ smallDoneMs: [], tasks: 3 })
})

test('where everybody is waited for, the last task ends it', async () => {
  const tally = new Tally({ ...load, endsWith: 'everybody' })
  run(tally, [...ofUser(1), ...ofUser(2), ...ofUser(0).slice(1)], 5)
  expect(tally.isOver).toBe(false)
  run(tally, ofUser(0).slice(0, 1), 10)
  expect(tally.isOver).toBe(true)
  await tally.over
})

test('a task that runs twice counts once, and is told', () => {
  const tally = new Tally(load)
  const [first] = ofUser(1)
  run(tally, [first!], 5)
  run(tally, [first!], 10)
  expect(tally.standing).toMatchObject({ tasks: 1, repeats: 1, smallDoneMs: [] })
})

test('it remembers how many ran at once, and how many of those were of the large user', () => {
  const tally = new Tally(load)
  run(tally, [...ofUser(0).slice(0, 2), ...ofUser(1)], 5)
  run(tally, ofUser(2), 10)
  expect(tally.standing).toMatchObject({ mostAtOnce: 4, mostLargeAtOnce: 2 })
})
