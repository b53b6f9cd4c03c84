/** BullMQ as it comes: one queue, one worker with as many jobs at once as there are slots. First come, first served. */
import { Queue, Worker } from 'bullmq'
import type { OpenContestant, Work } from '../contestant.ts'
import { batchesOf, type Task } from '../load.ts'

export const openBullmq: OpenContestant = async ({ url }) => {
  const { hostname, port } = new URL(url)
  const connection = { host: hostname, port: Number(port) }
  let worker: Worker<Task> | undefined
  let doing: Work = async () => undefined
  return {
    queue: async (tasks) => {
      const queue = new Queue<Task>('tasks', { connection })
      for (const batch of batchesOf(tasks)) {
        await queue.addBulk(batch.map((data) => ({ name: 'task', data })))
      }
      await queue.close()
    },
    start: async (slots, work) => {
      doing = work
      worker ??= new Worker<Task>('tasks', ({ data }) => doing(data), {
        connection,
        concurrency: slots,
      })
      worker.resume()
      await worker.waitUntilReady()
      return async () => worker?.pause()
    },
  }
}
