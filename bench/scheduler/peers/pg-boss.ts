/**
 * pg-boss with the settings that suit this load best: workers that take batches and fetch again at once while batches are
 * full. First come, first served.
 */
import { PgBoss } from 'pg-boss'
import type { OpenContestant } from '../contestant.ts'
import { batchesOf, type Task } from '../load.ts'
import { analyse } from './analyse.ts'

/** Jobs that a worker takes together; it takes the next when all of them are done. */
const batchSize = 8

/** The least that it accepts. */
const pollingIntervalSeconds = 0.5

export const openPgBoss: OpenContestant = async ({ url }) => {
  const boss = new PgBoss(url)
  let failure: Error | undefined
  let isReady = false
  boss.on('error', (error) => (failure ??= error))
  return {
    queue: async (tasks) => {
      if (!isReady) {
        await boss.start()
        await boss.createQueue('tasks')
        isReady = true
      }
      for (const batch of batchesOf(tasks)) {
        await boss.insert(
          'tasks',
          batch.map((data) => ({ data })),
        )
      }
      if (failure !== undefined) throw failure
      await analyse(url)
    },
    start: async (slots, work) => {
      const options = {
        localConcurrency: Math.floor(slots / batchSize),
        batchSize,
        burstWhenBatchFull: true,
        pollingIntervalSeconds,
      }
      await boss.work('tasks', options, async (jobs) => {
        // The data is what `queue` gave.
        await Promise.all(jobs.map(({ data }) => work(data as Task)))
      })
      return () => boss.offWork('tasks')
    },
  }
}
