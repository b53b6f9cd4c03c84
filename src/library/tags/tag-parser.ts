import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { Harm } from '../../base/thread.ts'
import { joined, Threads } from '../../base/threads.ts'
import type { Findings } from './findings.ts'
import type { Answer, FileBatch, Job } from './parse-job.ts'

export interface TagParserParts {
  readonly clock: Clock
  /** Threads that parse; 1 unless told otherwise. */
  readonly threads?: number
  /** Milliseconds that one file may take, 5,000 unless told otherwise; noticed after twice as long at the latest. */
  readonly timeLimitMs?: number
  /** The script that the threads run; only tests give another one. */
  readonly script?: URL
}

/** Parses tags in threads that can be ended: a file that hangs or breaks its thread is blamed alone. */
export class TagParser {
  readonly #threads: Threads<Task, Answer>

  constructor({ clock, threads = 1, timeLimitMs = 5_000, script = parseWorker }: TagParserParts) {
    this.#threads = new Threads<Task, Answer>({
      clock,
      threads,
      timeLimitMs,
      script,
      maxBatch,
      maxBatchBytes,
      maxWaiting,
      maxHeapMegabytes,
      sizeOf: ({ findings }) => bytesOf(findings),
      batchOf,
      blame: (task, harm, cause) => {
        throw blame(task, { harm, cause, timeLimitMs })
      },
      ended: ({ name }, reason, cause) =>
        new SyncError('parser-ended', `Could not read the tags of ${name}: ${reason}.`, { cause }),
    })
  }

  /** Throws SyncError: `parser-timeout` or `unparsable` when this file is to blame, `parser-ended` when it is not, or the signal's reason. */
  parse(name: string, findings: Findings, signal: AbortSignal): Promise<Answer> {
    return this.#threads.run({ name, findings }, signal)
  }

  /** Ends the threads; what is under way is `parser-ended`. */
  close(): Promise<void> {
    return this.#threads.close()
  }
}

interface Task {
  readonly name: string
  readonly findings: Findings
}

function blame(
  { name }: Task,
  { harm, cause, timeLimitMs }: { harm: Harm; cause: unknown; timeLimitMs: number },
): SyncError {
  const what = `Reading the tags of ${name}`
  return harm === 'slow'
    ? new SyncError('parser-timeout', `${what} took longer than ${timeLimitMs} ms.`)
    : new SyncError('unparsable', `${what} broke its parser.`, { cause })
}

function bytesOf({ whole, blocks }: Findings): number {
  return blocks.reduce((sum, { bytes }) => sum + bytes.length, whole?.bytes.length ?? 0)
}

/** The blocks of all files in one piece of memory. */
function batchOf(tasks: readonly Task[]): FileBatch {
  const pieces: Uint8Array[] = []
  let length = 0
  const jobs = tasks.map(({ findings }): Job => {
    const { whole } = findings
    const blocks = [...(whole === undefined ? [] : [whole]), ...findings.blocks].map(
      ({ mime, bytes }) => {
        const start = length
        pieces.push(bytes)
        length += bytes.length
        return { mime, start, end: length }
      },
    )
    return whole === undefined ? { blocks } : { blocks, wholeSize: findings.wholeSize ?? 0 }
  })
  return { bytes: joined(pieces), jobs }
}

const parseWorker = new URL(
  import.meta.url.endsWith('.ts') ? './parse-worker.ts' : './parse-worker.js',
  import.meta.url,
)
const maxBatch = 32
/** Files whose tags are bigger together go in several messages. */
const maxBatchBytes = 33_554_432
const maxWaiting = 10_000
const maxHeapMegabytes = 128
