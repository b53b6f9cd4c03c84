import { parentPort, workerData } from 'node:worker_threads'
import { assert } from './errors.ts'

/** What an input did to its thread: it took too long, or the thread came to an end over it. */
export type Harm = 'slow' | 'broken'

/** What goes to a thread at once: small descriptions, and bytes one behind the other that move instead of being copied. */
export interface Batch<Job> {
  readonly bytes: Uint8Array
  readonly jobs: readonly Job[]
}

type JobOf<Message> = Message extends Batch<infer Job> ? Job : never

/** Where a thread stands that has not begun with its batch. */
export const notStarted = -1

/**
 * Makes the thread that calls it one of `Threads`: for each message it answers the inputs in it, one after the other.
 * Before each one it says which one it is at, so that one that never ends can be told from those behind it.
 */
export function answerBatches<Message extends Batch<unknown>, Answer>(
  answer: (job: JobOf<Message>, message: Message) => Answer | Promise<Answer>,
): void {
  assert(parentPort !== null, 'answerBatches is called in a thread')
  const port = parentPort
  const progress = new Int32Array(workerData as SharedArrayBuffer)

  const answerAll = async (message: Message): Promise<void> => {
    const answers: Answer[] = []
    for (const [index, job] of message.jobs.entries()) {
      Atomics.store(progress, 0, index)
      answers.push(await answer(job as JobOf<Message>, message))
    }
    // Behind the last one: answers that are only late to be received are nobody's fault.
    Atomics.store(progress, 0, answers.length)
    port.postMessage(answers)
  }

  port.on('message', (message: Message) => {
    void answerAll(message)
  })
  // Ready: what takes time from now on is an input.
  port.postMessage(null)
}
