import { parentPort, workerData } from 'node:worker_threads'
import { SyncError } from '../../base/errors.ts'
import { type Answer, type Batch, parseJob } from './parse-job.ts'

/**
 * The thread in which bytes of strangers meet the tag parser. It keeps nothing from one file to the next; before
 * each one it says which one it is at, so that a file that never ends can be told from those behind it.
 */
if (parentPort === null)
  throw new SyncError('internal', 'The tag parser was started outside of a thread.')
const port = parentPort
const progress = new Int32Array(workerData as SharedArrayBuffer)

port.on('message', (batch: Batch) => {
  void answer(batch)
})
// Ready: what takes time from now on is a file.
port.postMessage(null)

async function answer(batch: Batch): Promise<void> {
  const answers: Answer[] = []
  for (const [index, job] of batch.jobs.entries()) {
    Atomics.store(progress, 0, index)
    answers.push(await parseJob(batch.bytes, job))
  }
  port.postMessage(answers)
}
