/** What nobody can beat: fair queueing in memory, with nothing written down. */
import type { OpenContestant, SchedulerContestant, Work } from '../contestant.ts'
import { type Load, type Task, tasksOf } from '../load.ts'
import type { Heat } from '../heat.ts'
import { Tally } from '../tally.ts'
import { FairQueue } from './fair-queue.ts'

export const openIdeal: OpenContestant = async (): Promise<SchedulerContestant> => {
  const fair = new FairQueue<Task>()
  return {
    queue: async (tasks) => {
      for (const task of tasks) fair.add(task.user, task)
    },
    start: async (slots, work) => {
      for (let slot = 0; slot < slots; slot++) void serve(fair, work)
      return async () => undefined
    },
  }
}

/** The same by calculation, as if timers were exact and serving took no time: all slots end at the same moments. */
export function calculatedIdeal(load: Load): Heat {
  const fair = new FairQueue<Task>()
  for (const task of tasksOf(load)) fair.add(task.user, task)
  const tally = new Tally(load)
  let ms = 0
  for (let served = next(fair, load.slots); served.length > 0; served = next(fair, load.slots)) {
    ms += load.taskMs
    for (const task of served) tally.begin(task)
    for (const task of served) tally.end(task, ms)
    if (tally.isOver) break
  }
  return { ...tally.standing, ms, isCut: false }
}

function next(fair: FairQueue<Task>, count: number): readonly Task[] {
  return Array.from({ length: count }, () => fair.take()).filter((task) => task !== undefined)
}

async function serve(fair: FairQueue<Task>, work: Work): Promise<void> {
  for (let task = fair.take(); task !== undefined; task = fair.take()) await work(task)
}
