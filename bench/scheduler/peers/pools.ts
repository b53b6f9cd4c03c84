/**
 * The system that Roundelay's operators had before: every user's sync has a pool of its own with one slot, three for who
 * pays, and nobody counts the pools. The slots it is given are not kept, and a user who is alone has one of them.
 */
import type { OpenContestant, SchedulerContestant, Work } from '../contestant.ts'
import type { Task } from '../load.ts'

/** Nobody pays here. */
const slotsAUser = 1

export const openPools: OpenContestant = async (): Promise<SchedulerContestant> => {
  const syncs = new Map<number, Task[]>()
  return {
    queue: async (tasks) => {
      for (const task of tasks) {
        const sync = syncs.get(task.user) ?? []
        sync.push(task)
        syncs.set(task.user, sync)
      }
    },
    start: async (_slots, work) => {
      for (const sync of syncs.values()) {
        const left = sync.values()
        for (let slot = 0; slot < slotsAUser; slot++) void serve(left, work)
      }
      return async () => syncs.clear()
    },
  }
}

async function serve(left: Iterator<Task> & Iterable<Task>, work: Work): Promise<void> {
  for (const task of left) await work(task)
}
