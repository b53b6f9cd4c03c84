/** Who has been served what, while tasks run: the small users' times, and how many slots were taken at once. */
import { countOf, type Load, type Task } from './load.ts'

export interface Standing {
  /** When each small user's last task ended; only of those who are done. */
  readonly smallDoneMs: readonly number[]
  /** Tasks that have ended, each counted once. */
  readonly tasks: number
  /** Ends of tasks that had ended before. */
  readonly repeats: number
  readonly mostAtOnce: number
  /** Of the large user's. */
  readonly mostLargeAtOnce: number
}

export class Tally {
  /** Resolves when those are done who end the measuring. */
  readonly over: Promise<void>
  #finish = (): void => undefined
  #isOver = false
  readonly #ended: Uint8Array
  readonly #left: number[]
  readonly #smallDoneMs: number[] = []
  readonly #endsWith: Load['endsWith']
  /** How many tasks, or small users, are to be done. */
  readonly #wanted: number
  #tasks = 0
  #repeats = 0
  #running = 0
  #runningLarge = 0
  #mostAtOnce = 0
  #mostLargeAtOnce = 0

  constructor(load: Load) {
    this.#ended = new Uint8Array(countOf(load))
    this.#left = [
      load.largeTasks,
      ...Array.from({ length: load.smallUsers }, () => load.smallTasks),
    ]
    this.#endsWith = load.endsWith
    this.#wanted = load.endsWith === 'everybody' ? countOf(load) : load.smallUsers
    this.over = new Promise((resolve) => (this.#finish = resolve))
  }

  begin({ user }: Task): void {
    this.#mostAtOnce = Math.max(this.#mostAtOnce, ++this.#running)
    if (user === 0) this.#mostLargeAtOnce = Math.max(this.#mostLargeAtOnce, ++this.#runningLarge)
  }

  end({ id, user }: Task, atMs: number): void {
    this.#running--
    if (user === 0) this.#runningLarge--
    if (this.#ended[id] !== 0) {
      this.#repeats++
      return
    }
    this.#ended[id] = 1
    this.#tasks++
    const left = (this.#left[user] ?? 0) - 1
    this.#left[user] = left
    if (left === 0 && user !== 0) this.#smallDoneMs.push(atMs)
    const done = this.#endsWith === 'everybody' ? this.#tasks : this.#smallDoneMs.length
    if (done !== this.#wanted) return
    this.#isOver = true
    this.#finish()
  }

  get isOver(): boolean {
    return this.#isOver
  }

  get standing(): Standing {
    return {
      smallDoneMs: [...this.#smallDoneMs],
      tasks: this.#tasks,
      repeats: this.#repeats,
      mostAtOnce: this.#mostAtOnce,
      mostLargeAtOnce: this.#mostLargeAtOnce,
    }
  }
}
