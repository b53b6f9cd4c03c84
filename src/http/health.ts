import { Type, type Static } from 'typebox'
import type { Clock } from '../base/clock.ts'
import type { TaskStore } from '../engine/task-store.ts'
import { within } from './deadline.ts'
import { problemOf } from './problem.ts'
import { list, oneOf } from './schema.ts'

/** One thing that was looked at. `message` is shown to whoever can reach the server, without a token. */
export interface Check {
  readonly name: string
  readonly isWell: boolean
  readonly message: string
}

export interface HealthParts {
  readonly tasks: Pick<TaskStore, 'stalls'>
  /** The disk, the database ...: whatever else has to be well. */
  readonly checks: () => Promise<readonly Check[]>
  readonly clock: Clock
  readonly version: string
}

export const HealthReport = Type.Object(
  {
    status: oneOf('ok', 'failing'),
    version: Type.String(),
    stalls: list(
      Type.Object({
        sourceId: Type.Integer(),
        sinceMs: Type.Integer({
          description:
            'When its owed work last moved, or its listing came due; milliseconds since 1970.',
        }),
      }),
      {
        description:
          'Sources whose owed or due work has not moved for ten minutes, though nothing holds it back.',
      },
    ),
    checks: list(
      Type.Object({ name: Type.String(), isWell: Type.Boolean(), message: Type.String() }),
    ),
  },
  { description: 'What was looked at, and how it is.' },
)
export type HealthReport = Static<typeof HealthReport>

/** Whether the server does what it is for. */
export class Health {
  readonly #parts: HealthParts
  #present: Promise<HealthReport> | null = null

  constructor(parts: HealthParts) {
    this.#parts = parts
  }

  /** Never throws: what cannot be looked at is not well. However many ask at once, it is looked at once. */
  look(): Promise<HealthReport> {
    this.#present ??= this.#look().finally(() => {
      this.#present = null
    })
    return this.#present
  }

  async #look(): Promise<HealthReport> {
    const { tasks, checks, version } = this.#parts
    const [stalls, looked] = await Promise.all([
      this.#ask('work', () => tasks.stalls()),
      this.#ask('checks', checks),
    ])
    const failed = [...stalls.failed, ...looked.failed]
    const isWell = stalls.found.length === 0 && looked.found.every((check) => check.isWell)
    return {
      status: isWell && failed.length === 0 ? 'ok' : 'failing',
      version,
      stalls: stalls.found,
      checks: [...looked.found, ...failed],
    }
  }

  async #ask<T>(name: string, question: () => Promise<readonly T[]>): Promise<Answer<T>> {
    const deadline = { clock: this.#parts.clock, ms: maxLookMs, what: `Looking at the ${name}` }
    try {
      return { found: await within(deadline, question), failed: [] }
    } catch (thrown) {
      return { found: [], failed: [{ name, isWell: false, message: problemOf(thrown).detail }] }
    }
  }
}

interface Answer<T> {
  readonly found: readonly T[]
  readonly failed: readonly Check[]
}

/** Milliseconds; who has not answered by then is not well. */
const maxLookMs = 5_000
