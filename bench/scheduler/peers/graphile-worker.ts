/**
 * graphile-worker as its documentation has it for high throughput: as many jobs at once as there are slots, two jobs a slot
 * fetched at a time, completions written together, which doubles its throughput here. First come, first served; or stamped
 * by hand, each job's priority its number among its user's.
 */
import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import { Pool } from 'pg'
import type { OpenContestant, SchedulerContestant } from '../contestant.ts'
import { batchesOf, type Task } from '../load.ts'
import { analyse } from './analyse.ts'

export const openGraphileWorker: OpenContestant = async ({ url }) => open(url, () => 0)

export const openStampedGraphileWorker: OpenContestant = async ({ url }) =>
  open(url, ({ nth }) => Math.min(nth, lastPriority))

/** The column is a smallint: what comes later is no fairer, but it is accepted. */
const lastPriority = 32_767

/** Fetched at a time. */
const jobsASlot = 2

const fail = (error: Error): void => {
  throw error
}

/** As many as it opens by itself. */
const connections = 10

/** It writes a line for every job otherwise. */
const logger = new Logger(() => () => undefined)

function open(connectionString: string, priorityOf: (task: Task) => number): SchedulerContestant {
  // Its own would be closed when it is stopped.
  const pgPool = new Pool({ connectionString, max: connections })
  pgPool.on('error', fail)
  pgPool.on('connect', (client) => client.on('error', fail))
  return {
    queue: async (tasks) => {
      const utils = await makeWorkerUtils({ connectionString, logger })
      await utils.migrate()
      for (const batch of batchesOf(tasks)) {
        await utils.addJobs(
          batch.map((task) => ({
            identifier: 'task',
            payload: task,
            priority: priorityOf(task),
          })),
        )
      }
      await utils.release()
      await analyse(connectionString)
    },
    start: async (slots, work) => {
      const runner = await run({
        pgPool,
        logger,
        noHandleSignals: true,
        // The payload is what `queue` gave.
        taskList: { task: (payload) => work(payload as Task) },
        preset: {
          worker: {
            concurrentJobs: slots,
            localQueue: { size: jobsASlot * slots },
            completeJobBatchDelay: 0,
          },
        },
      })
      return () => runner.stop()
    },
  }
}
