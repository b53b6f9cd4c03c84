import type { Breaker } from '../../engine/breaker.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import type { Plan, Policy } from '../../engine/policy.ts'
import type { ListPool, SourceEntry } from '../../engine/registry.ts'
import type { ListedItem } from '../../engine/source.ts'
import type { Pool, WorkClass } from '../../engine/task.ts'
import type { Window } from '../../engine/window.ts'
import type { Random } from '../../base/random.ts'

/** What a store keeps, as plain objects that point at each other. The words are those of docs/spec/engine.md. */
export interface Rows {
  readonly owners: Map<number, OwnerRow>
  readonly sources: Map<number, SourceRow>
  readonly tasks: Set<TaskRow>
  readonly slots: SlotRow[]
  /** In the order in which they were first needed, which settles ties. */
  readonly lanes: LaneRow[]
  /** The present virtual time, by pool and class. */
  readonly virtualTimes: Map<string, number>
  /** Slots served so far, by pool. */
  readonly served: Map<Pool, number>
  /** The process that does the work. */
  readonly process: { isPaused: boolean; sinceMs: number }
  lastFence: number
  lastId: number
}

export interface OwnerRow {
  readonly id: number
  readonly name: string
  /** It is no user, but a peer. */
  readonly isPeer: boolean
  plan: Plan
}

export interface SourceRow {
  entry: SourceEntry
  readonly listPool: ListPool
  password: string | null
  /** When its next round is due; of no meaning while a round is open. */
  dueMs: number
  asked: 'no' | 'round' | 'full'
  isPaused: boolean
  /** A person changed it since the last turn. */
  isStirred: boolean
  cursor: string | null
  breaker: Breaker
  progressMs: number | null
  error: ErrorNote | null
  round: RoundRow | null
  lastRound: RoundRow | null
  /** The last round that ended clean. */
  cleanRound: RoundRow | null
  /** When a clean full round that trusted no versions last ended. */
  fullMs: number | null
  withheld: number
  /** How many missing items a person has agreed to hide. */
  confirmed: number
  readonly items: Map<string, ItemRow>
  readonly places: Map<string, PlaceRow>
}

export interface ErrorNote {
  readonly code: string
  readonly message: string
  readonly atMs: number
}

export interface ItemRow {
  readonly rowId: number
  listed: ListedItem
  applied: string | null
  /** The order in which items came to be owed; another one with each version. */
  seq: number
  state: 'settled' | 'owed' | 'tasked' | 'skipped' | 'parked' | 'gone'
  /** The step that lists it, of a tree. */
  place: string | null
  /** The last round that marked it as there. */
  seenRoundId: number
  /** The round that looked where it was and did not find it. */
  missingRoundId: number | null
  isSaidGone: boolean
  error: Omit<ErrorNote, 'atMs'> | null
  goneMs: number
}

export interface PlaceRow {
  roundId: number
  version: string | null
  parent: string | null
}

export interface RoundRow {
  readonly id: number
  readonly isFull: boolean
  readonly isAsked: boolean
  readonly trustsVersions: boolean
  readonly startedMs: number
  phase: 'listing' | 'settling'
  isClean: boolean
  /** Why it is not clean. */
  reason: { readonly code: string; readonly message: string } | null
  gone: number
  cursor: string | null
  endedMs: number
  outcome: string
}

export interface TaskRow {
  id: number
  readonly kind: 'list' | 'read' | 'settle'
  readonly queue: QueueRow
  readonly source: SourceRow
  readonly round: RoundRow | null
  readonly item: ItemRow | null
  readonly step: string | null
  readonly version: string | null
  readonly parentPlace: string | null
  /** Items up to this one have been asked for. */
  askedUpTo: number
  state: 'ready' | 'leased' | 'delayed' | 'parked'
  /** The item's number when it was claimed; of a listing the fence of the attempt that it has batches of. */
  seq: number
  fence: number | null
  runAtMs: number
  attempts: number
  crashes: number
  failedMs: number | null
  /** Of a read: it has failed before. What never has is not remembered when it is given back. */
  hasFailed: boolean
  /** Why it was parked. */
  error: Omit<ErrorNote, 'atMs'> | null
}

export interface LaneRow {
  readonly pool: Pool
  readonly workClass: WorkClass
  readonly owner: OwnerRow
  readonly queues: QueueRow[]
  vt: number
  /** Where the queues of the lane stand: one that wakes up begins here. */
  floor: number
  isActive: boolean
}

export interface QueueRow {
  readonly lane: LaneRow
  readonly source: SourceRow
  served: number
  window: Window
  costMs: number
  isActive: boolean
}

export interface SlotRow {
  readonly pool: Pool
  readonly n: number
  held: Hold | null
}

/** What a slot holds until its lease passes. The task may be gone before. */
export interface Hold {
  readonly queue: QueueRow
  readonly fence: number
  startedMs: number
  untilMs: number
  readonly tag: number
  chargedMs: number
}

/** One turn under way: the same moment for everything in it. */
export interface Turning {
  readonly rows: Rows
  readonly nowMs: number
  readonly policy: Policy
  readonly random: Random
  readonly effects: EffectWriter
  /** Sources that may owe items, so that they need a queue for reading. */
  readonly hungry: Set<SourceRow>
}

export function emptyRows(): Rows {
  return {
    owners: new Map(),
    sources: new Map(),
    tasks: new Set(),
    slots: [],
    lanes: [],
    virtualTimes: new Map(),
    served: new Map(),
    process: { isPaused: false, sinceMs: 0 },
    lastFence: 0,
    lastId: 0,
  }
}

/** Ids and the numbers of owed items: never the same twice. */
export function nextId(rows: Rows): number {
  return ++rows.lastId
}

type NewTask = Pick<TaskRow, 'kind' | 'queue' | 'source'> &
  Partial<Pick<TaskRow, 'round' | 'item' | 'step' | 'version' | 'parentPlace'>>

export function addTask(rows: Rows, task: NewTask): TaskRow {
  const added: TaskRow = {
    id: nextId(rows),
    round: null,
    item: null,
    step: null,
    version: null,
    parentPlace: null,
    askedUpTo: 0,
    state: 'ready',
    seq: 0,
    fence: null,
    runAtMs: 0,
    attempts: 0,
    crashes: 0,
    failedMs: null,
    hasFailed: false,
    error: null,
    ...task,
  }
  rows.tasks.add(added)
  return added
}

export function tasksOf(rows: Rows, source: SourceRow): TaskRow[] {
  return [...rows.tasks].filter((task) => task.source === source)
}

/** Ends the task of an item, if it has one. */
export function dropTaskOf(rows: Rows, item: ItemRow): void {
  for (const task of rows.tasks) if (task.item === item) rows.tasks.delete(task)
}
