import { timeCharge } from '../../engine/fair.ts'
import type { Pool } from '../../engine/task.ts'
import type { Claiming } from './turning.ts'

/** Slot time not charged yet that is charged while a task still runs, in milliseconds. */
export const accrualMs = 10

/** A slot as it was looked at. */
export interface Occupied {
  readonly pool: Pool
  readonly n: number
  readonly charged: number
  readonly used: number
  /** Null: it is free. */
  readonly queue_id: number | null
}

interface Payer {
  readonly queue_id: number
  readonly lane_id: number
  readonly weight: number
}

/** A slot that is used, with who pays for it. */
export type Running = Occupied & Payer

/** Slots that are used, without those of queues and lanes that another process has to itself. */
export async function runningOf(t: Claiming, slots: readonly Occupied[]): Promise<Running[]> {
  const ids = new Set(slots.flatMap(({ queue_id: id }) => id ?? []))
  if (ids.size === 0 || t.policy.charge !== 'time') return []
  const payers = await t.tx.all<Payer>(
    `select queue.id as queue_id, queue.lane_id, owner.weight
     from queue join lane on lane.id = queue.lane_id join owner on owner.id = lane.owner_id
     where queue.id = any(?) for no key update of queue, lane skip locked`,
    [...ids],
  )
  const byQueue = new Map(payers.map((payer) => [payer.queue_id, payer]))
  return slots.flatMap((slot) => {
    const payer = byQueue.get(slot.queue_id ?? 0)
    return payer === undefined ? [] : [{ ...slot, ...payer }]
  })
}

/** Charges tasks that have used more than they were charged for: whoever hangs pays while he hangs. */
export async function accrue(t: Claiming, running: readonly Running[]): Promise<void> {
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
  rows: readonly Running[],
  unitsOf: (row: Running) => readonly [id: number, units: number],
): { id: number; units: number }[] {
  const byId = new Map<number, number>()
  for (const row of rows) {
    const [id, units] = unitsOf(row)
    byId.set(id, (byId.get(id) ?? 0) + units)
  }
  return [...byId].map(([id, units]) => ({ id, units }))
}
