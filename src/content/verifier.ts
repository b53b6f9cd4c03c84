import type { Clock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'
import type { Batch } from '../base/thread.ts'
import { joined, Threads } from '../base/threads.ts'
import { canonicalChain } from './auth-chain.ts'
import type { Deployment } from './entity.ts'
import { type RuleSettings, ruleSettings } from './rules/settings.ts'
import type { Submission, Verdict, Verifier } from './verification.ts'

export interface ThreadedVerifierParts {
  readonly clock: Clock
  /** Threads that verify; 1 unless told otherwise. */
  readonly threads?: number
  /** Milliseconds that one submission may take, 5,000 unless told otherwise; noticed after twice as long at the latest. */
  readonly timeLimitMs?: number
  /** The network's own unless told otherwise. */
  readonly settings?: RuleSettings
  /** The script that the threads run; only tests give another one. */
  readonly script?: URL
}

/**
 * Verifies in threads, so that whoever waits for the network or the database does not wait for signatures. A submission
 * that hangs or breaks its thread is refused; those beside it are verified all the same.
 */
export class ThreadedVerifier implements Verifier {
  readonly #threads: Threads<Task, Answer>

  constructor(parts: ThreadedVerifierParts) {
    const { clock, threads = 1, timeLimitMs = 5_000, script = verifyWorker } = parts
    const { settings = ruleSettings } = parts
    this.#threads = new Threads<Task, Answer>({
      clock,
      script,
      threads,
      timeLimitMs,
      maxBatch,
      maxBatchBytes,
      maxWaiting,
      maxHeapMegabytes,
      sizeOf: ({ file, authChain }) => file.length + authChain.length,
      batchOf: (tasks) => batchOf(tasks, settings),
      blame: (_, harm) => ({
        isGood: false,
        errors: [
          harm === 'slow'
            ? `Verifying the entity took longer than ${timeLimitMs} ms.`
            : 'Verifying the entity broke the verifier.',
        ],
      }),
      ended: ({ entityId }, reason, cause) =>
        new SyncError('verifier-ended', `Could not verify ${entityId}: ${reason}.`, { cause }),
    })
  }

  /** Throws `verifier-ended` when nothing can be told of it now, or the signal's reason. */
  async verify(submission: Submission, signal: AbortSignal): Promise<Verdict> {
    const { entityId, file } = submission
    const authChain = canonicalChain(submission.authChain)
    const answer = await this.#threads.run({ entityId, file, authChain }, signal)
    if (!answer.isGood) return answer
    return { ...answer, deployment: { ...answer.deployment, file, authChain } }
  }

  close(): Promise<void> {
    return this.#threads.close()
  }
}

/** Submissions that a thread is given at once: the files are its bytes. */
export interface SubmissionBatch extends Batch<Job> {
  readonly settings: RuleSettings
}

/** A verdict without what the main thread has anyway. */
export type Answer =
  | (Omit<Verdict & { readonly isGood: true }, 'deployment'> & {
      readonly deployment: Omit<Deployment, 'file' | 'authChain'>
    })
  | (Verdict & { readonly isGood: false })

interface Task {
  readonly entityId: string
  readonly file: Uint8Array
  /** As JSON: text goes to a thread faster than objects. */
  readonly authChain: string
}

interface Job extends Omit<Task, 'file'> {
  readonly start: number
  readonly end: number
}

function batchOf(tasks: readonly Task[], settings: RuleSettings): SubmissionBatch {
  let end = 0
  const jobs = tasks.map(({ entityId, file, authChain }): Job => {
    const start = end
    end += file.length
    return { entityId, authChain, start, end }
  })
  return { bytes: joined(tasks.map(({ file }) => file)), jobs, settings }
}

const verifyWorker = new URL(
  import.meta.url.endsWith('.ts') ? './verify-worker.ts' : './verify-worker.js',
  import.meta.url,
)
const maxBatch = 64
const maxBatchBytes = 4_194_304
const maxWaiting = 10_000
/** An entity file of 10 MB makes objects of ten times that. */
const maxHeapMegabytes = 256
