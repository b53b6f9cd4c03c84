import type { Clock } from '../../src/base/clock.ts'
import type { Random } from '../../src/base/random.ts'
import type { Policy } from '../../src/engine/policy.ts'
import type { Registry } from '../../src/engine/registry.ts'
import type { TaskStore } from '../../src/engine/task-store.ts'
import type { FaultyDatabase } from './faulty-database.ts'
import type { Shown } from './shown-files.ts'

/** Where a world's rows are kept: outlives the processes that work on them, of which there is one at a time. */
export interface Keeping {
  /** A process begins; the one before it is gone. */
  open(parts: ProcessParts): Kept
}

export interface ProcessParts {
  readonly clock: Clock
  readonly policy: Policy
  readonly random: Random
  readonly onChange: () => void
}

/** The rows as one process has them, with hands to break them and eyes to look into them. */
export interface Kept {
  readonly registry: Registry
  readonly store: TaskStore
  readonly shown: Shown
  /** Of a keeping in SQLite. */
  readonly db?: FaultyDatabase
  /** Whoever wants to write is refused. */
  isFull: boolean
  /** The process has been killed; whatever it tries to do throws. */
  readonly isDead: boolean
  /** Somebody is in the middle of writing: what is read now may never have been. */
  readonly isHalfWritten: boolean
  /** Lets the process die within its next few steps: before any of its statements or turns. */
  doom(random: Random): void
  /** Something is owed, open, due, in a slot, or resting. */
  isBusy(nowMs: number): boolean
  /** Laws of docs/spec/engine.md that the rows break; the number comes first. */
  faults(): readonly string[]
  /** Owners of whom something could be read now, in the class of syncs. */
  waitingOwners(): readonly number[]
  /** For the message of a failure. */
  describe(): object
  /** What it had not written whole is nothing. */
  die(): void
  close(): void
}
