import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { health } from '../../engine/breaker.ts'
import { stride } from '../../engine/fair.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import {
  dropped,
  maxCountedLanes,
  maxWaiting,
  type LaneStatus,
  type Operations,
  type FailedQuery,
  type FailedTask,
  type PoolStatus,
  type ProcessStatus,
  type SlotStatus,
  type UnwellSource,
  type WorkFigures,
  type WorkStatus,
} from '../../engine/operations.ts'
import type { Policy } from '../../engine/policy.ts'
import type { Pool } from '../../engine/task.ts'
import { weightOf } from './lanes.ts'
import { askFor } from './memory-registry.ts'
import {
  dropTaskOf,
  tasksOf,
  type LaneRow,
  type Rows,
  type SourceRow,
  type TaskRow,
  type Turning,
} from './rows.ts'
import { endedAs, spoilRound } from './settling.ts'
import { skipItem } from './verdicts.ts'

export interface MemoryOperationsParts {
  readonly rows: Rows
  readonly policy: Policy
  readonly clock: Clock
  readonly random: Random
  readonly effects: EffectWriter
}

/** What an operator sees and does, in the model. */
export class MemoryOperations implements Operations {
  readonly #parts: MemoryOperationsParts

  constructor(parts: MemoryOperationsParts) {
    this.#parts = parts
  }

  async work(ownerId: number | null, limit: number): Promise<WorkStatus> {
    return {
      processes: await this.processes(),
      pools: this.#pools(),
      slots: this.#slots(ownerId).slice(0, limit),
      lanes: this.#lanes(ownerId).slice(0, limit),
      unwell: this.#unwell(ownerId).slice(0, limit),
      parked: await this.failed({ ownerId, sourceId: null, isAll: false, limit, after: 0 }),
    }
  }

  async failed({
    ownerId,
    sourceId,
    isAll,
    limit,
    after,
  }: FailedQuery): Promise<readonly FailedTask[]> {
    return [...this.#parts.rows.tasks]
      .filter(({ state, id, source: { entry } }) => {
        const isTheirs = ownerId === null || entry.ownerId === ownerId
        const isOfSource = sourceId === null || entry.id === sourceId
        const isFailed = state === 'parked' || (isAll && state === 'delayed')
        return isFailed && id > after && isTheirs && isOfSource
      })
      .toSorted((a, b) => a.id - b.id)
      .slice(0, limit)
      .map((task) => ({
        id: task.id,
        kind: task.kind,
        owner: this.#ownerOf(task.source),
        sourceId: task.source.entry.id,
        source: task.source.entry.name,
        what: whatOf(task),
        attempts: task.attempts,
        crashes: task.crashes,
        nextMs: task.state === 'delayed' ? task.runAtMs : null,
        code: task.error?.code ?? '',
        message: task.error?.message ?? '',
      }))
  }

  async figures(): Promise<WorkFigures> {
    const { rows } = this.#parts
    const active = new Map<Pool, number>()
    for (const lane of rows.lanes.filter(({ isActive }) => isActive).slice(0, maxCountedLanes)) {
      active.set(lane.pool, (active.get(lane.pool) ?? 0) + 1)
    }
    const countOf = (wanted: number): number =>
      [...rows.sources.values()].filter(({ breaker }) => breaker.health === wanted).length
    return {
      lanes: [...active]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([pool, count]) => ({ pool, active: count })),
      resting: countOf(health.resting),
      stopped: countOf(health.stopped),
      parked: [...rows.tasks].filter(({ state }) => state === 'parked').length,
    }
  }

  async retry(taskId: number, ownerId: number | null): Promise<boolean> {
    const task = this.#idle(taskId, ownerId)
    if (task !== null) this.#retry(task)
    return task !== null
  }

  async drop(taskId: number, ownerId: number | null): Promise<boolean> {
    const task = this.#idle(taskId, ownerId)
    if (task !== null) await this.#drop(task)
    return task !== null
  }

  async retryAll(sourceId: number): Promise<number> {
    const tasks = this.#parkedOf(sourceId)
    for (const task of tasks) this.#retry(task)
    return tasks.length
  }

  async dropAll(sourceId: number): Promise<number> {
    const tasks = this.#parkedOf(sourceId)
    for (const task of tasks) await this.#drop(task)
    return tasks.length
  }

  async restart(sourceId: number): Promise<void> {
    const { rows, clock } = this.#parts
    const source = rows.sources.get(sourceId)
    if (source === undefined) return
    for (const task of tasksOf(rows, source)) rows.tasks.delete(task)
    for (const item of source.items.values()) {
      const isOwed = item.state === 'tasked' || item.state === 'parked'
      if (isOwed) Object.assign(item, { state: 'owed', error: null })
    }
    const nowMs = clock.now()
    if (source.round !== null) {
      endedAs(source, source.round, { outcome: 'restarted', endedMs: nowMs })
    }
    source.progressMs = nowMs
    askFor(rows, source, { isFull: true, nowMs })
  }

  async sourcesWithParked(limit: number, after = 0): Promise<readonly number[]> {
    const parked = [...this.#parts.rows.tasks].filter(({ state }) => state === 'parked')
    const ids = new Set(parked.map(({ source }) => source.entry.id).filter((id) => id > after))
    return [...ids].toSorted((a, b) => a - b).slice(0, limit)
  }

  async processes(): Promise<readonly ProcessStatus[]> {
    const { rows } = this.#parts
    const busy = rows.slots.filter(({ held }) => held !== null).length
    const { isPaused, sinceMs } = rows.process
    // The only one there is: nobody waits for it to tell that it is there.
    const heard = { heardMs: null, goneMs: null }
    const state = isPaused ? 'paused' : 'works'
    const slots = rows.slots.length
    return [{ name: processName, sinceMs, state, isPaused, ...heard, slots, busy }]
  }

  async pauseProcess(name: string | null, isPaused: boolean): Promise<number> {
    if (name !== null && name !== processName) return 0
    this.#parts.rows.process.isPaused = isPaused
    return 1
  }

  #pools(): PoolStatus[] {
    const { slots } = this.#parts.rows
    const pools = [...new Set(slots.map(({ pool }) => pool))].toSorted((a, b) => (a < b ? -1 : 1))
    return pools.map((pool) => {
      const of = slots.filter((slot) => slot.pool === pool)
      return { pool, slots: of.length, busy: of.filter(({ held }) => held !== null).length }
    })
  }

  #slots(ownerId: number | null): SlotStatus[] {
    const { rows } = this.#parts
    const slots: SlotStatus[] = []
    for (const { pool, n, held } of rows.slots) {
      const source = held?.queue.source
      if (held === null || source === undefined || !rows.sources.has(source.entry.id)) continue
      if (ownerId !== null && source.entry.ownerId !== ownerId) continue
      const task = [...rows.tasks].find(({ fence }) => fence === held.fence)
      slots.push({
        process: processName,
        pool,
        slot: n,
        owner: this.#ownerOf(source),
        source: source.entry.name,
        kind: task?.kind ?? null,
        what: task === undefined ? '' : whatOf(task),
        sinceMs: held.startedMs,
        untilMs: held.untilMs,
      })
    }
    return slots.toSorted(
      (a, b) => a.sinceMs - b.sinceMs || (a.pool < b.pool ? -1 : Number(a.pool > b.pool)),
    )
  }

  #lanes(ownerId: number | null): LaneStatus[] {
    const { rows } = this.#parts
    const lanes: LaneStatus[] = []
    for (const lane of rows.lanes) {
      const running = this.#running(lane)
      const isShown = lane.isActive || running > 0
      if (!isShown || (ownerId !== null && lane.owner.id !== ownerId)) continue
      const v = rows.virtualTimes.get(`${lane.pool} ${lane.workClass}`) ?? 0
      const busy = this.#pools().find(({ pool }) => pool === lane.pool)?.busy ?? 0
      lanes.push({
        owner: lane.owner.name,
        pool: lane.pool,
        class: lane.workClass,
        weight: weightOf(lane),
        lag: (v - lane.vt) / stride,
        waiting: this.#waiting(lane),
        running,
        share: running / Math.max(1, busy),
      })
    }
    return lanes.toSorted((a, b) => b.lag - a.lag)
  }

  /** Slots of sources that are still there. */
  #running(lane: LaneRow): number {
    const { rows } = this.#parts
    return rows.slots.filter(
      ({ held }) => held?.queue.lane === lane && rows.sources.has(held.queue.source.entry.id),
    ).length
  }

  #waiting({ queues, pool }: LaneRow): number {
    let count = 0
    for (const queue of queues) {
      const ready = [...this.#parts.rows.tasks].filter(
        (task) => task.queue === queue && task.state === 'ready',
      )
      const owed = [...queue.source.items.values()].filter(({ state }) => state === 'owed')
      count += Math.min(maxWaiting, ready.length)
      if (pool === 'read') count += Math.min(maxWaiting, owed.length)
    }
    return count
  }

  #unwell(ownerId: number | null): UnwellSource[] {
    return [...this.#parts.rows.sources.values()]
      .filter(({ breaker, entry }) => {
        const isTheirs = ownerId === null || entry.ownerId === ownerId
        return breaker.health !== health.well && isTheirs
      })
      .toSorted((a, b) => a.entry.id - b.entry.id)
      .map((source) => ({
        id: source.entry.id,
        owner: this.#ownerOf(source),
        source: source.entry.name,
        state: source.breaker.health === health.resting ? 'resting' : 'stopped',
        wellMs: source.breaker.okMs,
        untilMs: source.breaker.restUntilMs,
        code: source.error?.code ?? '',
        message: source.error?.message ?? '',
      }))
  }

  #ownerOf({ entry }: SourceRow): string {
    return this.#parts.rows.owners.get(entry.ownerId)?.name ?? ''
  }

  #parkedOf(sourceId: number): TaskRow[] {
    return [...this.#parts.rows.tasks]
      .filter(({ state, source }) => state === 'parked' && source.entry.id === sourceId)
      .toSorted((a, b) => a.id - b.id)
  }

  /** A task in no slot that has failed. */
  #idle(taskId: number, ownerId: number | null): TaskRow | null {
    const task = [...this.#parts.rows.tasks].find(({ id }) => id === taskId)
    if (task === undefined || (task.state !== 'parked' && task.state !== 'delayed')) return null
    return ownerId === null || task.source.entry.ownerId === ownerId ? task : null
  }

  #retry(task: TaskRow): void {
    const { rows, clock } = this.#parts
    const { source, item } = task
    Object.assign(source, { isStirred: true, progressMs: clock.now() })
    if (item === null && task.round === source.round) {
      Object.assign(task, { state: 'ready', attempts: 0, crashes: 0, failedMs: null, error: null })
      return
    }
    rows.tasks.delete(task)
    if (item !== null) Object.assign(item, { state: 'owed', error: null })
    else {
      if (source.asked === 'no') source.asked = 'round'
      source.dueMs = clock.now()
    }
  }

  async #drop(task: TaskRow): Promise<void> {
    const { rows, clock } = this.#parts
    const { source, item } = task
    Object.assign(source, { isStirred: true, progressMs: clock.now() })
    if (item === null) {
      rows.tasks.delete(task)
      if (task.round === source.round) spoilRound(this.#turning(), source, dropped)
      return
    }
    await skipItem(this.#turning(), source, item, dropped)
    dropTaskOf(rows, item)
  }

  #turning(): Turning {
    const { clock, ...parts } = this.#parts
    return { ...parts, nowMs: clock.now(), hungry: new Set() }
  }
}

/** How the only process is called that the model knows. */
export const processName = 'model'

function whatOf({ kind, item, step }: TaskRow): string {
  if (item !== null) return item.listed.path.join('/')
  return kind === 'list' ? (step ?? '') : ''
}
