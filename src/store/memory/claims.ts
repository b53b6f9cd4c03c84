import { advance, classOrder } from '../../engine/fair.ts'
import type { Claim, Pool, WorkClass } from '../../engine/task.ts'
import { knownTwin, toItem } from './items.ts'
import { accrue, claimable, refresh, weightOf } from './lanes.ts'
import {
  addTask,
  type ItemRow,
  type LaneRow,
  type QueueRow,
  type SlotRow,
  type TaskRow,
  type Turning,
} from './rows.ts'
import { nextCandidates } from './settling.ts'

interface Pick {
  readonly lane: LaneRow
  readonly queue: QueueRow
  readonly first: TaskRow | ItemRow
}

/** Fills up to `want` free slots of a pool, one turn after the other. */
export function claim(t: Turning, pool: Pool, want: number): Claim[] {
  const free = t.rows.slots.filter((slot) => slot.pool === pool && slot.held === null)
  if (free.length === 0) return []
  accrue(t, pool)
  const claims: Claim[] = []
  for (const slot of free.slice(0, want)) {
    const served = t.rows.served.get(pool) ?? 0
    const pick = pickOf(t, pool, served)
    if (pick === null) break
    t.rows.served.set(pool, served + 1)
    claims.push(serve(t, slot, pick))
  }
  refresh(t)
  return claims
}

function pickOf(t: Turning, pool: Pool, served: number): Pick | null {
  for (const workClass of classOrder(served + 1)) {
    const pick = pickOfClass(t, pool, workClass)
    if (pick !== null) return pick
  }
  return null
}

/** The lane with the smallest virtual time, of it the queue that was served least, of that the oldest task. */
function pickOfClass(t: Turning, pool: Pool, workClass: WorkClass): Pick | null {
  let best: Pick | null = null
  for (const lane of t.rows.lanes) {
    if (lane.pool !== pool || lane.workClass !== workClass) continue
    for (const queue of lane.queues) {
      const first = claimable(t, queue)
      if (first !== null && isBefore({ lane, queue }, best)) best = { lane, queue, first }
    }
  }
  return best
}

function isBefore({ lane, queue }: Omit<Pick, 'first'>, best: Pick | null): boolean {
  if (best === null) return true
  return lane === best.lane ? queue.served < best.queue.served : lane.vt < best.lane.vt
}

function serve(t: Turning, slot: SlotRow, { lane, queue, first }: Pick): Claim {
  const { rows, policy, nowMs } = t
  const tag = lane.vt
  const clock = `${lane.pool} ${lane.workClass}`
  rows.virtualTimes.set(clock, Math.max(tag, rows.virtualTimes.get(clock) ?? 0))
  lane.floor = queue.served
  lane.vt += advance(policy.charge, queue.costMs, weightOf(lane))
  queue.served += advance(policy.charge, queue.costMs, 1)
  const fence = ++rows.lastFence
  const untilMs = nowMs + policy.leaseMs
  const chargedMs = Math.round(queue.costMs)
  const task = 'queue' in first ? first : taskOf(t, queue, first)
  slot.held = { queue, fence, startedMs: nowMs, untilMs, tag, chargedMs }
  task.state = 'leased'
  task.fence = fence
  if (task.item !== null) task.seq = task.item.seq
  return claimOf(slot, task)
}

/** An owed item becomes a task when it is claimed. */
function taskOf({ rows }: Turning, queue: QueueRow, item: ItemRow): TaskRow {
  item.state = 'tasked'
  return addTask(rows, { kind: 'read', queue, source: queue.source, item })
}

function claimOf(slot: SlotRow, task: TaskRow): Claim {
  const { source, round, item } = task
  const lease = {
    fence: task.fence ?? 0,
    pool: slot.pool,
    slot: slot.n,
    ownerId: source.entry.ownerId,
    sourceId: source.entry.id,
    untilMs: slot.held?.untilMs ?? 0,
  }
  const roundId = round?.id ?? 0
  if (task.kind === 'list') return { ...lease, kind: 'list', roundId, step: task.step }
  if (task.kind === 'settle') {
    return { ...lease, kind: 'settle', roundId, candidates: nextCandidates(task) }
  }
  if (item === null) throw new Error('assertion failed: a read task has an item')
  const known = knownTwin(source, item)
  return {
    ...lease,
    kind: 'read',
    item: toItem(source, item),
    known: known === null ? null : toItem(source, known),
  }
}
