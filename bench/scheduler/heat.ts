/** One contestant, one load, once: what came of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { SchedulerContestant } from './contestant.ts'
import { type Load, type Task, tasksOf } from './load.ts'
import { type Standing, Tally } from './tally.ts'

export interface Heat extends Standing {
  /** From the start of the work to the end of the measuring. */
  readonly ms: number
  /** Whoever was to be done was not, after `longestHeatMs`. */
  readonly isCut: boolean
}

/** Whoever takes longer is cut off. */
export const longestHeatMs = 40_000

export async function runHeat(contestant: SchedulerContestant, load: Load): Promise<Heat> {
  const tally = new Tally(load)
  await contestant.queue(tasksOf(load))
  const startMs = performance.now()
  const work = async (task: Task): Promise<void> => {
    tally.begin(task)
    if (load.taskMs > 0) await sleep(load.taskMs)
    tally.end(task, performance.now() - startMs)
  }
  let timer: NodeJS.Timeout | undefined
  const cut = new Promise<true>((resolve) => {
    timer = setTimeout(resolve, longestHeatMs, true)
  })
  const over = contestant.start(load.slots, work).then(() => tally.over)
  try {
    const isCut = (await Promise.race([over, cut])) ?? false
    return { ...tally.standing, ms: performance.now() - startMs, isCut }
  } finally {
    clearTimeout(timer)
  }
}
