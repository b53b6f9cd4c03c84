/** What is queued: one user with very many tasks, and behind them many users with a few. */

export interface Task {
  /** From zero, in the order of queueing. */
  readonly id: number
  /** Zero is the large user. */
  readonly user: number
  /** From one: the user's n-th task. */
  readonly nth: number
}

export interface Load {
  readonly largeTasks: number
  readonly smallUsers: number
  /** Of each small user. */
  readonly smallTasks: number
  /** How long each task waits in its slot; zero is no wait at all. */
  readonly taskMs: number
  readonly slots: number
  /** Done before the clock runs, by users who do not come again. */
  readonly warmingUp: { readonly users: number; readonly tasks: number }
  /** Whose last task ends the measuring. */
  readonly endsWith: 'small users' | 'everybody'
}

/** How soon a small user is done beside a noisy one. */
export const noisyNeighbour: Load = {
  largeTasks: 50_000,
  smallUsers: 100,
  smallTasks: 10,
  taskMs: 5,
  slots: 32,
  // Code is compiled, statements are planned and connections stand, as they are in a server that has been up for a while.
  warmingUp: { users: 20, tasks: 500 },
  endsWith: 'small users',
}

/** The same with nothing to do: what is left is the scheduler. */
export const noOperation: Load = { ...noisyNeighbour, taskMs: 0, endsWith: 'everybody' }

export const countOf = (load: Load): number => load.largeTasks + load.smallUsers * load.smallTasks

/** All of the large user's, then the small users' in turn. */
export function* tasksOf({ largeTasks, smallTasks, smallUsers }: Load): Generator<Task> {
  for (let nth = 1; nth <= largeTasks; nth++) yield { id: nth - 1, user: 0, nth }
  yield* inTurn(1, smallUsers, smallTasks, largeTasks)
}

/** Those of the warming up, in turn; their users have the numbers behind all others. */
export function* warmingUpOf({ smallUsers, warmingUp: { users, tasks } }: Load): Generator<Task> {
  yield* inTurn(smallUsers + 1, users, tasks, 0)
}

function* inTurn(firstUser: number, users: number, tasks: number, id: number): Generator<Task> {
  for (let nth = 1; nth <= tasks; nth++) {
    for (let user = firstUser; user < firstUser + users; user++) yield { id: id++, user, nth }
  }
}

/** How many tasks are handed over at once by whoever takes more than one. */
const tasksABatch = 1000

export function* batchesOf(tasks: Iterable<Task>): Generator<readonly Task[]> {
  let batch: Task[] = []
  for (const task of tasks) {
    batch.push(task)
    if (batch.length < tasksABatch) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}
