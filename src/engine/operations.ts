import type { Failure, Pool, WorkClass } from './task.ts'
import type { TaskStore } from './task-store.ts'

/** Slots of a pool, of all processes together. */
export interface PoolStatus {
  readonly pool: Pool
  readonly slots: number
  readonly busy: number
}

/** What a slot does, and since when. */
export interface SlotStatus {
  /** The process that it belongs to. */
  readonly process: string
  readonly pool: Pool
  readonly slot: number
  readonly owner: string
  readonly source: string
  /** Null: its task was taken away meanwhile; the slot is taken until the worker says so or the lease passes. */
  readonly kind: string | null
  /** The path of the file, or the step that is listed; '' where a listing begins. */
  readonly what: string
  readonly sinceMs: number
  readonly untilMs: number
}

/** An owner's work of one kind, as far as it runs or waits. */
export interface LaneStatus {
  readonly owner: string
  readonly pool: Pool
  readonly class: WorkClass
  readonly weight: number
  /**
   * How far it stands behind the present virtual time of its pool and class: in seconds of slot time, or in tasks where
   * these are charged, divided by the weight. Below zero it is ahead, and others come first.
   */
  readonly lag: number
  /** Tasks and items that could be claimed but for slots, windows, pauses and rests; of each source at most `maxWaiting` are counted. */
  readonly waiting: number
  /** Slots that it has now. */
  readonly running: number
  /** Its part of all slot time that the pool gives at this moment, from 0 to 1. */
  readonly share: number
}

/** A source that is left alone because it failed. */
export interface UnwellSource {
  readonly id: number
  readonly owner: string
  readonly source: string
  /** `resting`: until its next check; `stopped`: until a person acts. */
  readonly state: 'resting' | 'stopped'
  /** When it last answered well; null if it never has. */
  readonly wellMs: number | null
  /** Its next check; null when a person is needed. */
  readonly untilMs: number | null
  readonly code: string
  readonly message: string
}

/** A task that has failed: it is parked until a person or another version of its file moves it, or tried again by itself. */
export interface FailedTask {
  readonly id: number
  /** `list`, `read`, `settle`, or what another version made. */
  readonly kind: string
  readonly owner: string
  readonly sourceId: number
  readonly source: string
  /** As in `SlotStatus`. */
  readonly what: string
  readonly attempts: number
  readonly crashes: number
  /** When it is tried again; null: it is parked. */
  readonly nextMs: number | null
  readonly code: string
  readonly message: string
}

/** What is going on in all slots and before them. */
export interface WorkStatus {
  /** Those that do the work, the oldest first. */
  readonly processes: readonly ProcessStatus[]
  readonly pools: readonly PoolStatus[]
  /** Those that are busy for longest come first. */
  readonly slots: readonly SlotStatus[]
  /** Those that lag most come first. */
  readonly lanes: readonly LaneStatus[]
  /** Sources with an open breaker, by number. */
  readonly unwell: readonly UnwellSource[]
  /** Parked tasks, by number. */
  readonly parked: readonly FailedTask[]
}

export interface FailedQuery {
  /** Null: of everybody. */
  readonly ownerId: number | null
  /** Null: of all sources. */
  readonly sourceId: number | null
  /** Also those that are tried again by themselves. */
  readonly isAll: boolean
  /** At most so many ... */
  readonly limit: number
  /** ... with a number above this one; 0: from the first. */
  readonly after: number
}

/** Figures of the whole database, counted from its rows. */
export interface WorkFigures {
  /** Lanes with something that could run now, at most `maxCountedLanes` a pool. */
  readonly lanes: readonly { readonly pool: Pool; readonly active: number }[]
  readonly resting: number
  readonly stopped: number
  readonly parked: number
}

/**
 * `works`; `paused` by an operator; `silent`: it has missed telling that it is there; `gone`: for so long that what it
 * held is given back to whoever works.
 */
export type ProcessState = 'works' | 'paused' | 'silent' | 'gone'

/** A process that does the work, or did and has not taken its leave. */
export interface ProcessStatus {
  readonly name: string
  readonly sinceMs: number
  readonly state: ProcessState
  /** An operator's wish; it holds for one that is silent, too. */
  readonly isPaused: boolean
  /** When it last told that it is there; null where nobody has to: the lock of a database of its own tells. */
  readonly heardMs: number | null
  /** When it is, or was, taken for gone if it tells nothing before; null where the lock tells at once. */
  readonly goneMs: number | null
  readonly slots: number
  readonly busy: number
}

/**
 * What an operator sees of the work, and what he does about it. All that is shown is counted from rows. What is done
 * here holds at once, and for a backlog, too: a running server sees it at its next look.
 */
export interface Operations {
  /** Of one owner, or of everybody (null): at most `limit` processes (of all), slots, lanes, sources and tasks each. */
  work(ownerId: number | null, limit: number): Promise<WorkStatus>
  /** Tasks that have failed, by number. */
  failed(query: FailedQuery): Promise<readonly FailedTask[]>
  figures(): Promise<WorkFigures>
  /**
   * A task that is parked or waits for its next attempt is ready now, with its attempts forgotten; a step of a round that is
   * over is listed by a new round, which is due now. False: `ownerId` (null: anybody) has no such task.
   */
  retry(taskId: number, ownerId: number | null): Promise<boolean>
  /**
   * A task that is parked or waits for its next attempt is given up: a file is skipped until its version changes, a step
   * makes its round unclean. False: `ownerId` (null: anybody) has no such task.
   */
  drop(taskId: number, ownerId: number | null): Promise<boolean>
  /** Retries all parked tasks of a source. Returns how many there were. */
  retryAll(sourceId: number): Promise<number>
  /** Drops all parked tasks of a source. Returns how many there were. */
  dropAll(sourceId: number): Promise<number>
  /**
   * Whatever the source does now is given up, its round ends, a full round that trusts nothing is due at once; its breaker
   * is closed, its parked tasks are owed again. What is read and shown stays. A paused source stays paused.
   */
  restart(sourceId: number): Promise<void>
  /** Sources with parked tasks behind number `after`, at most `limit`. */
  sourcesWithParked(limit: number, after?: number): Promise<readonly number[]>
  /** Processes that do the work, and those that are gone without a word and not forgotten yet; at most `limit`. */
  processes(limit: number): Promise<readonly ProcessStatus[]>
  /**
   * A paused process claims nothing: it drains while what it does ends. It holds until it is resumed or the process ends.
   * `name` null: all there are. Returns how many processes that concerns.
   */
  pauseProcess(name: string | null, isPaused: boolean): Promise<number>
}

/** Why a dropped file is skipped, or a round with a dropped step unclean. */
export const dropped: Failure = {
  code: 'dropped',
  remedy: 'skip',
  message: 'An operator had it left out.',
}

/** Waiting tasks and items of one source that are counted for its lane. */
export const maxWaiting = 1_000
/** Lanes of a pool that are counted for its figure. */
export const maxCountedLanes = 100_000

/** What `restartStuck` has restarted. */
export interface Restarted {
  /** Sources whose work stood still. */
  readonly sources: readonly number[]
  /** Tasks that were parked. */
  readonly tasks: number
}

/** Sources whose parked tasks are retried at a time. */
const atOnce = 100
/** Times that more sources are looked for: a hundred thousand sources at most. */
const maxLooks = 1_000

/** Restarts whatever the stall detector names, and retries all that is parked. */
export async function restartStuck(
  tasks: Pick<TaskStore, 'stalls'>,
  operations: Operations,
): Promise<Restarted> {
  const sources = (await tasks.stalls()).map(({ sourceId }) => sourceId)
  for (const sourceId of sources) await operations.restart(sourceId)
  let count = 0
  let after = 0
  for (let look = 0; look < maxLooks; look++) {
    const parked = await operations.sourcesWithParked(atOnce, after)
    for (const sourceId of parked) count += await operations.retryAll(sourceId)
    after = parked.at(-1) ?? after
    if (parked.length < atOnce) break
  }
  return { sources, tasks: count }
}
