import { timeCharge } from '../../engine/fair.ts'
import type { Pool } from '../../engine/task.ts'
import { rowsOf } from './sql.ts'
import type { Claiming } from './turning.ts'

/** Slot time not charged yet that is charged while a task still runs, in milliseconds. */
const accrualMs = 10

interface Occupied {
  readonly pool: Pool
  readonly n: number
  readonly charged: number
  readonly used: number
  readonly queue_id: number
  readonly lane_id: number
  readonly weight: number
}

/** Charges running tasks of this process for the time they have used so far: whoever hangs pays while he hangs. */
export async function accrue(t: Claiming, wanted: readonly Pool[]): Promise<void> {
  if (t.policy.charge !== 'time') return
  const running = await t.tx.all<Occupied>(
    `select slot.pool, slot.n, slot.charged, cast(?1 as bigint) - slot.started_ms as used, slot.queue_id,
       queue.lane_id, owner.weight
     from slot join queue on queue.id = slot.queue_id join lane on lane.id = queue.lane_id
     join owner on owner.id = lane.owner_id
     where slot.node_id = ?2 and slot.pool = any(?3) and slot.fence is not null
       and cast(?1 as bigint) - slot.started_ms >= slot.charged + ?4
     for update of queue, lane skip locked`,
    t.nowMs,
    t.nodeId,
    wanted,
    accrualMs,
  )
  if (running.length === 0) return
  await t.tx.run(
    `update slot set charged = r.used from json_to_recordset(?) as r (pool text, n bigint, used bigint)
     where slot.node_id = ? and slot.pool = r.pool and slot.n = r.n`,
    rowsOf(running.map(({ pool, n, used }) => ({ pool, n, used }))),
    t.nodeId,
  )
  const queues = sums(running, ({ queue_id: id, used, charged }) => [
    id,
    timeCharge(used, 1) - timeCharge(charged, 1),
  ])
  const lanes = sums(running, ({ lane_id: id, used, charged, weight }) => [
    id,
    timeCharge(used, weight) - timeCharge(charged, weight),
  ])
  await t.tx.run(
    `update queue set served = greatest(0, served + r.units)
     from json_to_recordset(?) as r (id bigint, units bigint) where queue.id = r.id`,
    rowsOf(queues),
  )
  await t.tx.run(
    `update lane set vt = greatest(0, vt + r.units)
     from json_to_recordset(?) as r (id bigint, units bigint) where lane.id = r.id`,
    rowsOf(lanes),
  )
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
