import type { ServerResponse } from 'node:http'
import { abortable } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'

export interface Deadline {
  readonly clock: Clock
  readonly ms: number
  /** What takes the time, as the beginning of a sentence. */
  readonly what: string
}

/** The outcome of `work`, or a `timeout` once the deadline has passed. */
export async function within<T>(
  deadline: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const cancel = abortAfter(deadline, controller)
  try {
    return await abortable(work(controller.signal), controller.signal, deadline.what)
  } finally {
    cancel()
  }
}

/** Aborted when the answer is not all sent by the deadline, or when it is over. */
export function answerSignal(deadline: Deadline, answer: ServerResponse): AbortSignal {
  const controller = new AbortController()
  const cancel = abortAfter(deadline, controller)
  answer.once('close', () => {
    cancel()
    controller.abort(
      new SyncError('cancelled', `${deadline.what} was called off: the client left.`),
    )
  })
  return controller.signal
}

/** Aborted when the answer is over: all sent, or the client left. To be taken before anything is waited for. */
export function closeSignal(answer: ServerResponse): AbortSignal {
  const controller = new AbortController()
  answer.once('close', () => controller.abort())
  return controller.signal
}

function abortAfter({ clock, ms, what }: Deadline, controller: AbortController): () => void {
  return clock.after(ms, () => {
    controller.abort(new SyncError('timeout', `${what} took longer than ${ms} ms.`))
  })
}
