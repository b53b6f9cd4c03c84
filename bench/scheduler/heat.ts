/** One contestant, one load, once: what came of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SchedulerContestant } from './contestant.ts'
import { type Load, type Task, tasksOf, warmingUpOf } from './load.ts'
import { type Standing, Tally } from './tally.ts'

export interface Heat extends Standing {
  /** From the start of the work to the end of the measuring. */
  readonly ms: number
  /** Whoever was to be done was not, after `longestHeatMs`. */
  readonly isCut: boolean
}

/** Whoever takes longer is cut off, in the warming up too. */
export const longestHeatMs = 40_000

export async function runHeat(contestant: SchedulerContestant, load: Load): Promise<Heat> {
  await warmUp(contestant, load)
  const tally = new Tally(load)
  await contestant.queue(tasksOf(load))
  const startMs = performance.now()
  const work = async (task: Task): Promise<void> => {
    tally.begin(task)
    if (load.taskMs > 0) await sleep(load.taskMs)
    tally.end(task, performance.now() - startMs)
  }
  // Nobody is asked to stop: the heat is over when those are done who end it.
  const over = contestant.start(load.slots, work).then(() => tally.over)
  const isCut = await isOverLate(over)
  return { ...tally.standing, ms: performance.now() - startMs, isCut }
}

async function warmUp(contestant: SchedulerContestant, load: Load): Promise<void> {
  const { users, tasks } = load.warmingUp
  let left = users * tasks
  if (left === 0) return
  let finish = (): void => undefined
  const over = new Promise<void>((resolve) => (finish = resolve))
  await contestant.queue(warmingUpOf(load))
  const stop = await contestant.start(load.slots, async () => {
    if (load.taskMs > 0) await sleep(load.taskMs)
    if (--left === 0) finish()
  })
  if (await isOverLate(over)) throw new Error(`Warming up left ${left} tasks to do.`)
  await stop()
}

/** Waits for it, but not for longer than a heat may take. */
async function isOverLate(over: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const cut = new Promise<true>((resolve) => {
    timer = setTimeout(resolve, longestHeatMs, true)
  })
  try {
    return (await Promise.race([over, cut])) ?? false
  } finally {
    clearTimeout(timer)
  }
}
