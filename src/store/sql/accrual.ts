import { timeCharge } from '../../engine/fair.ts'
import type { Pool } from '../../engine/task.ts'
import { queueColumns, type LaneRow, type QueueAccount, type QueueRow } from './lane-book.ts'
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

/** A slot that is used, with who pays for it. */
export interface Running {
  readonly slot: Occupied
  readonly queue: QueueAccount
}

/** A queue with its lane. */
type PayerRow = QueueRow & Omit<LaneRow, 'id' | 'is_active'> & { readonly is_lane_active: number }

/** Slots that are used, without those of queues and lanes that another process has to itself. */
export async function runningOf(t: Claiming, slots: readonly Occupied[]): Promise<Running[]> {
  const ids = new Set(slots.flatMap(({ queue_id: id }) => id ?? []))
  if (ids.size === 0 || t.policy.charge !== 'time') return []
  const rows = await t.tx.all<PayerRow>(
    `select ${queueColumns}, lane.owner_id, lane.pool, lane.class, lane.vt, lane.floor,
       lane.is_active as is_lane_active, owner.weight
     from queue join lane on lane.id = queue.lane_id join owner on owner.id = lane.owner_id
     where queue.id = any(?) for no key update of queue, lane skip locked`,
    [...ids],
  )
  const { book } = t.ledger
  const payers = new Map<number | null, QueueAccount>()
  for (const row of rows) {
    book.takeLane({ ...row, id: row.lane_id, is_active: row.is_lane_active })
    const queue = book.takeQueue(row)
    if (queue !== null) payers.set(queue.id, queue)
  }
  return slots.flatMap((slot) => {
    const queue = payers.get(slot.queue_id)
    return queue === undefined ? [] : [{ slot, queue }]
  })
}

/** Charges tasks that have used more than they were charged for: whoever hangs pays while he hangs. */
export async function accrue(t: Claiming, running: readonly Running[]): Promise<void> {
  const { book } = t.ledger
  for (const { slot, queue } of running) {
    const due = (weight: number): number =>
      timeCharge(slot.used, weight) - timeCharge(slot.charged, weight)
    book.charge(queue.lane, due(queue.lane.weight), 0)
    book.serve(queue, due(1))
  }
  await t.tx.each(
    `update slot set charged = r.used from rows as r (pool text, n bigint, used bigint)
     where slot.node_id = ?1 and slot.pool = r.pool and slot.n = r.n`,
    running.map(({ slot: { pool, n, used } }) => ({ pool, n, used })),
    t.nodeId,
  )
}
