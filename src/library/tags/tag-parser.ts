import type { Buffer } from 'node:buffer'
import { Worker } from 'node:worker_threads'
import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { Findings } from './findings.ts'
import type { Answer, Batch, Job } from './parse-job.ts'

export interface TagParserParts {
  readonly clock: Clock
  /** Threads that parse; 1 unless told otherwise. */
  readonly threads?: number
  /** Milliseconds that one file may take, 5,000 unless told otherwise; noticed after twice as long at the latest. */
  readonly timeLimitMs?: number
  /** The script that the threads run; only tests give another one. */
  readonly script?: URL
}

/**
 * A few threads that parse tags and can be ended. A file that hangs or breaks its thread is blamed alone: those
 * behind it are given to the next thread. Files that come while a thread is busy go to it together.
 */
export class TagParser {
  readonly #parts: TagParserParts
  readonly #threads: Thread[]
  readonly #waiting: Task[] = []
  #isClosed = false

  constructor(parts: TagParserParts) {
    this.#parts = parts
    this.#threads = Array.from({ length: parts.threads ?? 1 }, () => ({
      worker: null,
      running: [],
      progress: new Int32Array(new SharedArrayBuffer(4)),
      failedStarts: 0,
      isReady: false,
      lastError: undefined,
      cancelTimer: () => undefined,
    }))
  }

  /** Throws SyncError: `parser-timeout` or `unparsable` when this file is to blame, `parser-ended` when it is not, or the signal's reason. */
  parse(name: string, findings: Findings, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      if (this.#isClosed || this.#waiting.length >= maxWaiting) {
        const reason = this.#isClosed ? 'the parser is closed' : 'too many files wait for it'
        throw new SyncError('parser-ended', `Could not read the tags of ${name}: ${reason}.`)
      }
      const stop = (): void => {
        const index = this.#waiting.indexOf(task)
        if (index >= 0) this.#waiting.splice(index, 1)
        reject(signal.reason)
      }
      const release = (): void => signal.removeEventListener('abort', stop)
      const task: Task = {
        name,
        findings,
        resolve: (answer) => {
          release()
          resolve(answer)
        },
        reject: (error) => {
          release()
          reject(error)
        },
      }
      signal.addEventListener('abort', stop, { once: true })
      this.#waiting.push(task)
      this.#serve()
    })
  }

  /** Ends the threads; what is under way is `parser-ended`. */
  async close(): Promise<void> {
    this.#isClosed = true
    const running = this.#threads.flatMap((thread) => thread.running)
    for (const task of [...running, ...this.#waiting.splice(0)]) task.reject(endedUnder(task))
    await Promise.all(
      this.#threads.map(async (thread) => {
        const worker = this.#release(thread)
        await worker?.terminate()
      }),
    )
  }

  #serve(): void {
    for (const thread of this.#threads) {
      if (this.#isClosed || this.#waiting.length === 0) return
      if (thread.running.length === 0) this.#give(thread, this.#waiting.splice(0, maxBatch))
    }
  }

  #give(thread: Thread, tasks: Task[]): void {
    thread.worker ??= this.#start(thread)
    thread.running = tasks
    Atomics.store(thread.progress, 0, notStarted)
    const batch = batchOf(tasks)
    thread.worker.ref()
    thread.worker.postMessage(batch, [batch.bytes.buffer as ArrayBuffer])
    this.#watch(thread, notStarted)
  }

  /** Comes back after the time limit; a thread that is still at the same file then is ended. */
  #watch(thread: Thread, seen: number): void {
    const { clock, timeLimitMs = defaultTimeLimitMs } = this.#parts
    const patienceMs = thread.isReady ? timeLimitMs : maxStartMs
    thread.cancelTimer = clock.after(patienceMs, () => {
      const current = Atomics.load(thread.progress, 0)
      if (current !== seen) {
        this.#watch(thread, current)
        return
      }
      this.#end(
        thread,
        (task) =>
          new SyncError(
            'parser-timeout',
            `Reading the tags of ${task.name} took longer than ${timeLimitMs} ms.`,
          ),
      )
    })
  }

  #start(thread: Thread): Worker {
    const script = this.#parts.script ?? defaultScript
    // Node 20 reads no TypeScript by itself, and an `--import` of its reader does not reach threads.
    const isSource = script.pathname.endsWith('.ts')
    const worker = new Worker(isSource ? sourceLoader(script) : script, {
      eval: isSource,
      execArgv: [],
      workerData: thread.progress.buffer,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMegabytes },
    })
    thread.isReady = false
    worker.on('message', (answers: Answer[] | null) => {
      if (thread.worker !== worker) return
      if (answers === null) this.#ready(thread)
      else this.#finish(thread, answers)
    })
    // Followed by the exit, which is where it is dealt with.
    worker.on('error', (error) => {
      thread.lastError = error
    })
    worker.on('exit', () => {
      if (thread.worker === worker) {
        this.#end(
          thread,
          (task) =>
            new SyncError('unparsable', `Reading the tags of ${task.name} broke its parser.`, {
              cause: thread.lastError,
            }),
        )
      }
    })
    return worker
  }

  /** From now on the time is that of the files; until now it was that of the machine, which nobody is to blame for. */
  #ready(thread: Thread): void {
    thread.isReady = true
    thread.cancelTimer()
    this.#watch(thread, notStarted)
  }

  #finish(thread: Thread, answers: readonly Answer[]): void {
    thread.cancelTimer()
    thread.failedStarts = 0
    const tasks = thread.running
    thread.running = []
    for (const [index, task] of tasks.entries()) {
      const answer = answers[index]
      if (answer === undefined) task.reject(endedUnder(task))
      else task.resolve(answer)
    }
    thread.worker?.unref()
    this.#serve()
  }

  /** Ends a thread. The file it was at is blamed; a thread that never began is tried again a few times. */
  #end(thread: Thread, blame: (task: Task) => SyncError): void {
    const at = Atomics.load(thread.progress, 0)
    const tasks = thread.running
    void this.#release(thread)?.terminate()
    const culprit = tasks[at]
    culprit?.reject(blame(culprit))
    const innocent = tasks.filter((task) => task !== culprit)
    thread.failedStarts = culprit === undefined ? thread.failedStarts + 1 : 0
    if (thread.failedStarts >= maxFailedStarts) {
      for (const task of innocent) task.reject(endedUnder(task, thread.lastError))
      thread.failedStarts = 0
    } else this.#waiting.unshift(...innocent)
    this.#serve()
  }

  #release(thread: Thread): Worker | null {
    const { worker } = thread
    thread.cancelTimer()
    thread.worker = null
    thread.running = []
    return worker
  }
}

interface Task {
  readonly name: string
  readonly findings: Findings
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: SyncError) => void
}

interface Thread {
  worker: Worker | null
  running: Task[]
  /** Shared with the thread: which file of its batch it is at. */
  readonly progress: Int32Array
  failedStarts: number
  isReady: boolean
  lastError: unknown
  cancelTimer: () => void
}

/** The blocks of all files in one piece of memory that belongs to nobody else. */
function batchOf(tasks: readonly Task[]): Batch {
  const parts: Buffer[] = []
  let length = 0
  const jobs = tasks.map(({ findings }): Job => {
    const { whole } = findings
    const blocks = [...(whole === undefined ? [] : [whole]), ...findings.blocks].map(
      ({ mime, bytes }) => {
        const start = length
        parts.push(bytes)
        length += bytes.length
        return { mime, start, end: length }
      },
    )
    return whole === undefined ? { blocks } : { blocks, wholeSize: findings.wholeSize ?? 0 }
  })
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return { bytes, jobs }
}

function endedUnder(task: Task, cause?: unknown): SyncError {
  return new SyncError('parser-ended', `Reading the tags of ${task.name} was ended under it.`, {
    cause,
  })
}

function sourceLoader(script: URL): string {
  const target = JSON.stringify(script.href)
  return `import('tsx/esm/api').then(({ register }) => { register(); return import(${target}) })`
}

const defaultScript = new URL(
  import.meta.url.endsWith('.ts') ? './parse-worker.ts' : './parse-worker.js',
  import.meta.url,
)
const defaultTimeLimitMs = 5_000
const notStarted = -1
/** A thread that did not begin after so long is given up. */
const maxStartMs = 30_000
/** Files in one message: enough to make the message cheap, few enough to be parsed within milliseconds. */
const maxBatch = 32
/** Files that wait for a thread. */
const maxWaiting = 10_000
const maxFailedStarts = 3
const maxHeapMegabytes = 128
