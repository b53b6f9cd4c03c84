import { Worker } from 'node:worker_threads'
import { AbortListeners } from './abort-listeners.ts'
import type { Clock } from './clock.ts'
import { type Batch, type Harm, notStarted } from './thread.ts'

export interface ThreadsParts<Input, Answer> {
  readonly clock: Clock
  /** What the threads run; it calls `answerBatches`. */
  readonly script: URL
  readonly threads: number
  /** Milliseconds that one input may take; noticed after twice as long at the latest. */
  readonly timeLimitMs: number
  /** Inputs in one message: enough to make the message cheap, few enough to be answered within milliseconds. */
  readonly maxBatch: number
  /** Bytes of inputs in one message, by `sizeOf`; one that is bigger goes alone. */
  readonly maxBatchBytes: number
  /** Inputs that wait for a thread. */
  readonly maxWaiting: number
  readonly maxHeapMegabytes: number
  readonly sizeOf: (input: Input) => number
  /** Inputs as they are sent; the bytes belong to nobody else. */
  readonly batchOf: (inputs: readonly Input[]) => Batch<unknown>
  /** The answer about an input that harmed its thread, or an error to throw. */
  readonly blame: (input: Input, harm: Harm, cause: unknown) => Answer
  /** The error about an input that was not answered and is not to blame. */
  readonly ended: (input: Input, reason: string, cause?: unknown) => Error
}

/**
 * A few threads that can be ended. An input that hangs or breaks its thread is blamed alone: those behind it are given
 * to the next thread. Inputs that come while all threads are busy go to one together.
 */
export class Threads<Input, Answer> {
  readonly #parts: ThreadsParts<Input, Answer>
  readonly #threads: Thread<Input, Answer>[]
  readonly #waiting: Task<Input, Answer>[] = []
  readonly #aborts = new AbortListeners()
  #isClosed = false

  constructor(parts: ThreadsParts<Input, Answer>) {
    this.#parts = parts
    this.#threads = Array.from({ length: parts.threads }, () => ({
      worker: null,
      running: [],
      progress: new Int32Array(new SharedArrayBuffer(4)),
      failedStarts: 0,
      isReady: false,
      lastError: undefined,
      cancelTimer: () => undefined,
    }))
  }

  /** Throws what `blame` throws, what `ended` makes, or the signal's reason. */
  run(input: Input, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      if (this.#isClosed) throw this.#parts.ended(input, 'its threads are closed')
      if (this.#waiting.length >= this.#parts.maxWaiting) {
        throw this.#parts.ended(input, `${this.#waiting.length} others wait already`)
      }
      const release = this.#aborts.add(signal, () => {
        const index = this.#waiting.indexOf(task)
        if (index >= 0) this.#waiting.splice(index, 1)
        reject(signal.reason)
      })
      const task: Task<Input, Answer> = {
        input,
        resolve: (answer) => {
          release()
          resolve(answer)
        },
        reject: (error) => {
          release()
          reject(error)
        },
      }
      this.#waiting.push(task)
      this.#serve()
    })
  }

  /** Ends the threads, and with them what is under way. */
  async close(): Promise<void> {
    this.#isClosed = true
    const running = this.#threads.flatMap((thread) => thread.running)
    this.#giveUp([...running, ...this.#waiting.splice(0)], undefined)
    await Promise.all(
      this.#threads.map(async (thread) => {
        const worker = this.#release(thread)
        await worker?.terminate()
      }),
    )
  }

  #serve(): void {
    let idle = this.#threads.filter((thread) => thread.running.length === 0).length
    for (const thread of this.#threads) {
      if (this.#isClosed || this.#waiting.length === 0) return
      if (thread.running.length > 0) continue
      this.#give(thread, this.#take(Math.ceil(this.#waiting.length / idle)))
      idle--
    }
  }

  /** The first of those that wait: no more than its share for a thread, nor than goes into one message. */
  #take(share: number): Task<Input, Answer>[] {
    const { maxBatch, maxBatchBytes, sizeOf } = this.#parts
    const most = Math.min(share, maxBatch)
    let [count, bytes] = [0, 0]
    for (const { input } of this.#waiting) {
      bytes += sizeOf(input)
      if (count === most || (count > 0 && bytes > maxBatchBytes)) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  #give(thread: Thread<Input, Answer>, tasks: Task<Input, Answer>[]): void {
    thread.worker ??= this.#start(thread)
    thread.running = tasks
    Atomics.store(thread.progress, 0, notStarted)
    const batch = this.#parts.batchOf(tasks.map(({ input }) => input))
    thread.worker.ref()
    thread.worker.postMessage(batch, [batch.bytes.buffer as ArrayBuffer])
    this.#watch(thread, notStarted)
  }

  /** Comes back after the time limit; a thread that is still at the same input then is ended. */
  #watch(thread: Thread<Input, Answer>, seen: number): void {
    const { clock, timeLimitMs } = this.#parts
    thread.cancelTimer = clock.after(thread.isReady ? timeLimitMs : maxStartMs, () => {
      const current = Atomics.load(thread.progress, 0)
      if (current === seen) this.#end(thread, 'slow')
      else this.#watch(thread, current)
    })
  }

  #start(thread: Thread<Input, Answer>): Worker {
    const { script, maxHeapMegabytes } = this.#parts
    // Node 20 reads no TypeScript by itself, and an `--import` of its reader does not reach threads.
    const isSource = script.pathname.endsWith('.ts')
    const worker = new Worker(isSource ? sourceLoader(script) : script, {
      eval: isSource,
      execArgv: [],
      workerData: thread.progress.buffer,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMegabytes },
    })
    thread.isReady = false
    thread.lastError = undefined
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
      if (thread.worker === worker) this.#end(thread, 'broken')
    })
    return worker
  }

  /** From now on the time is that of the inputs; until now it was that of the machine, which nobody is to blame for. */
  #ready(thread: Thread<Input, Answer>): void {
    thread.isReady = true
    thread.cancelTimer()
    this.#watch(thread, notStarted)
  }

  #finish(thread: Thread<Input, Answer>, answers: readonly Answer[]): void {
    thread.cancelTimer()
    thread.failedStarts = 0
    const tasks = thread.running
    thread.running = []
    for (const [index, task] of tasks.entries()) {
      const answer = answers[index]
      if (answer === undefined) this.#giveUp([task], undefined)
      else task.resolve(answer)
    }
    thread.worker?.unref()
    this.#serve()
  }

  /** Ends a thread. The input it was at is blamed; a thread that never began is tried again a few times. */
  #end(thread: Thread<Input, Answer>, harm: Harm): void {
    const at = Atomics.load(thread.progress, 0)
    const tasks = thread.running
    void this.#release(thread)?.terminate()
    const culprit = tasks[at]
    if (culprit !== undefined) this.#blame(culprit, harm, thread.lastError)
    const innocent = tasks.filter((task) => task !== culprit)
    thread.failedStarts = culprit === undefined ? thread.failedStarts + 1 : 0
    if (thread.failedStarts >= maxFailedStarts) {
      this.#giveUp(innocent, thread.lastError)
      thread.failedStarts = 0
    } else this.#waiting.unshift(...innocent)
    this.#serve()
  }

  #blame(task: Task<Input, Answer>, harm: Harm, cause: unknown): void {
    try {
      task.resolve(this.#parts.blame(task.input, harm, cause))
    } catch (error) {
      task.reject(error)
    }
  }

  #giveUp(tasks: readonly Task<Input, Answer>[], cause: unknown): void {
    for (const task of tasks) {
      task.reject(this.#parts.ended(task.input, 'it was ended under it', cause))
    }
  }

  #release(thread: Thread<Input, Answer>): Worker | null {
    const { worker } = thread
    thread.cancelTimer()
    thread.worker = null
    thread.running = []
    return worker
  }
}

interface Task<Input, Answer> {
  readonly input: Input
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

interface Thread<Input, Answer> {
  worker: Worker | null
  running: Task<Input, Answer>[]
  /** Shared with the thread: which input of its batch it is at. */
  readonly progress: Int32Array
  failedStarts: number
  isReady: boolean
  lastError: unknown
  cancelTimer: () => void
}

/** Pieces one behind the other, in memory that belongs to nobody else. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

function sourceLoader(script: URL): string {
  const target = JSON.stringify(script.href)
  return `import('tsx/esm/api').then(({ register }) => { register(); return import(${target}) })`
}

/** A thread that did not begin after so many milliseconds is given up. */
const maxStartMs = 30_000
const maxFailedStarts = 3
