import { timeCharge } from '../../engine/fair.ts'
import type { Pool } from '../../engine/task.ts'
import type { Claiming } from './turning.ts'

/** Slot time not charged yet that is charged while a task still runs, in milliseconds. */
const accrualMs = 10

export interface Occupied {
  readonly pool: Pool
  readonly n: number
  readonly charged: number
  readonly used: number
  readonly queue_id: number
  readonly lane_id: number
  readonly weight: number
}

/** Tasks of this process that have used more than they were charged for. */
export async function runningTasks(t: Claiming, wanted: readonly Pool[]): Promise<Occupied[]> {
  if (t.policy.charge !== 'time') return []
  return t.tx.all<Occupied>(
    `select slot.pool, slot.n, slot.charged, cast(?1 as bigint) - slot.started_ms as used, slot.queue_id,
       queue.lane_id, owner.weight
     from slot join queue on queue.id = slot.queue_id join lane on lane.id = queue.lane_id
     join owner on owner.id = lane.owner_id
     where slot.node_id = ?2 and slot.pool = any(?3) and slot.fence is not null
       and cast(?1 as bigint) - slot.started_ms >= slot.charged + ?4
     for no key update of queue, lane skip locked`,
    t.nowMs,
    t.nodeId,
    wanted,
    accrualMs,
  )
}

/** Charges running tasks for the time they have used so far: whoever hangs pays while he hangs. */
export async function accrue(t: Claiming, running: readonly Occupied[]): Promise<void> {
  if (running.length === 0) return
  const queues = sums(running, ({ queue_id: id, used, charged }) => [
    id,
    timeCharge(used, 1) - timeCharge(charged, 1),
  ])
  const lanes = sums(running, ({ lane_id: id, used, charged, weight }) => [
    id,
    timeCharge(used, weight) - timeCharge(charged, weight),
  ])
  await Promise.all([
    t.tx.each(
      `update slot set charged = r.used from rows as r (pool text, n bigint, used bigint)
       where slot.node_id = ?1 and slot.pool = r.pool and slot.n = r.n`,
      running,
      t.nodeId,
    ),
    t.tx.each(
      `update queue set served = greatest(0, served + r.units) from rows as r (id bigint, units bigint)
       where queue.id = r.id`,
      queues,
    ),
    t.tx.each(
      `update lane set vt = greatest(0, vt + r.units) from rows as r (id bigint, units bigint)
       where lane.id = r.id`,
      lanes,
    ),
  ])
}

function sums(
  rows: readonly Occupied[],
  unitsOf: (row: Occupied) => readonly [id: number, units: number],
): { id: number; units: number }[] {
  const byId = new Map<number, number>()
  for (const row of rows) {
    const [id, units] = unitsOf(row)
    byId.set(id, (byId.get(id) ?? 0) + units)
  }
  return [...byId].map(([id, units]) => ({ id, units }))
}
