/** Somebody who queues many users' tasks and runs them in a fixed number of slots, and can be measured at it. */
import type { Task } from './load.ts'

export interface SchedulerContestant {
  /**
   * Takes all tasks, in their order, and keeps them as safely as it keeps anything. Called before it works, and the clock
   * does not run; what its operators would do after a bulk load (statistics) belongs here.
   */
  readonly queue: (tasks: Iterable<Task>) => Promise<void>
  /**
   * Begins to work; the clock runs from this call. Never more than `slots` tasks at once, each handed to `work` once,
   * which never rejects. Resolves when it has begun.
   */
  readonly start: (slots: number, work: Work) => Promise<Stop>
}

/** Works no more: nothing is left to do. What it has opened stays, for it will be told to start again. */
export type Stop = () => Promise<void>

export type Work = (task: Task) => Promise<void>

/** Where a contestant finds what it needs; all of it is thrown away afterwards. */
export interface Ground {
  /** Of its server, fresh and empty; the empty text for who needs none. */
  readonly url: string
  /** An empty folder, for who keeps files. */
  readonly folder: string
}

export type OpenContestant = (ground: Ground) => Promise<SchedulerContestant>
