import { advance, classOrder } from '../../engine/fair.ts'
import type { Claim, Pool, WorkClass } from '../../engine/task.ts'
import { owedItem } from './items.ts'
import { candidatesOf } from './settling.ts'
import { refreshQueues } from './queues.ts'
import { accrue, type Turning } from './turning.ts'

interface LaneRow {
  readonly id: number
  readonly owner_id: number
  readonly weight: number
  vt: number
  floor: number
  queues: QueueRow[] | null
}

interface QueueRow {
  readonly id: number
  readonly source_id: number
  readonly cost_ms: number
  served: number
  room: number
  tasks: TaskRow[] | null
}

interface TaskRow {
  readonly id: number
  readonly kind: 'list' | 'read' | 'settle'
  readonly round_id: number | null
  readonly item_id: number | null
  readonly step: string | null
}

/** What one claim takes: a task, from whose queue, in whose lane, at which virtual time. */
interface Pick {
  readonly lane: LaneRow
  readonly queue: QueueRow
  readonly task: TaskRow
  readonly workClass: WorkClass
  readonly tag: number
}

/** Fills up to `want` free slots of a pool, one turn after the other. */
export function claim(t: Turning, pool: Pool, want: number): Claim[] {
  const slots = t.db
    .prepare<{ n: number }>(
      'select n from slot where pool = ? and task_id is null order by n limit ?',
    )
    .all(pool, want)
  if (slots.length === 0) return []
  accrue(t, pool)
  t.ledger.write(t.nowMs)
  const ring = new Ring(t, pool, slots.length)
  const claims: Claim[] = []
  for (const { n } of slots) {
    const pick = ring.next()
    if (pick === null) break
    claims.push(hold(t, pool, n, pick))
  }
  ring.write()
  t.ledger.writeCounters()
  refreshQueues(t)
  return claims
}

/** The lanes that have something to run, by class, as far as one batch of claims can reach. */
class Ring {
  readonly #t: Turning
  readonly #pool: Pool
  readonly #reach: number
  readonly #lanes = new Map<WorkClass, LaneRow[]>()
  readonly #moved = new Set<LaneRow>()
  readonly #served = new Set<QueueRow>()
  readonly #newest = new Map<WorkClass, number>()
  /** Slots of this pool that were ever filled. */
  #turn: number

  constructor(t: Turning, pool: Pool, reach: number) {
    this.#t = t
    this.#pool = pool
    this.#reach = reach
    this.#turn = turnsOf(t, pool)
  }

  /** The next task by turn, or null when nothing can run. */
  next(): Pick | null {
    for (const workClass of classOrder(this.#turn + 1)) {
      const pick = this.#nextOf(workClass)
      if (pick === null) continue
      this.#turn++
      return pick
    }
    return null
  }

  #nextOf(workClass: WorkClass): Pick | null {
    const lanes = this.#lanesOf(workClass)
    for (;;) {
      const lane = least(lanes, (row) => row.vt)
      if (lane === null) return null
      const queues = (lane.queues ??= this.#queuesOf(lane.id))
      const queue = least(queues, (row) => row.served)
      // About as many as its turn will take: whoever is alone has all of them read at once.
      const share = Math.ceil(this.#reach / lanes.length)
      const task = queue === null ? undefined : this.#nextTask(queue, share)
      if (queue !== null && task !== undefined) return this.#serve({ workClass, lane, queue, task })
      if (queue === null) lanes.splice(lanes.indexOf(lane), 1)
      else queues.splice(queues.indexOf(queue), 1)
    }
  }

  #serve(served: Omit<Pick, 'tag'>): Pick {
    const { lane, queue, workClass } = served
    const { charge } = this.#t.policy
    const tag = lane.vt
    lane.floor = queue.served
    lane.vt += advance(charge, queue.cost_ms, lane.weight)
    queue.served += advance(charge, queue.cost_ms, 1)
    queue.room--
    if (queue.room === 0) lane.queues?.splice(lane.queues.indexOf(queue), 1)
    this.#moved.add(lane)
    this.#newest.set(workClass, Math.max(tag, this.#newest.get(workClass) ?? 0))
    this.#served.add(queue)
    this.#t.touched.add(queue.id)
    return { ...served, tag }
  }

  #lanesOf(workClass: WorkClass): LaneRow[] {
    let lanes = this.#lanes.get(workClass)
    if (lanes === undefined) {
      lanes = this.#t.db
        .prepare<LaneRow>(
          `select lane.id, lane.owner_id, lane.vt, lane.floor, owner.weight, null as queues
           from lane join owner on owner.id = lane.owner_id
           where lane.pool = ? and lane.class = ? and lane.is_active = 1
           order by lane.vt, lane.id limit ?`,
        )
        .all(this.#pool, workClass, this.#reach)
      this.#lanes.set(workClass, lanes)
    }
    return lanes
  }

  #queuesOf(laneId: number): QueueRow[] {
    return this.#t.db
      .prepare<QueueRow>(
        `select id, source_id, cost_ms, served, null as tasks,
           window - (select count(*) from slot where slot.queue_id = queue.id) as room
         from queue where lane_id = ? and is_active = 1 order by served, id limit ?`,
      )
      .all(laneId, this.#reach)
  }

  /** The oldest task of a queue that is left; at most `limit` are read ahead. */
  #nextTask(queue: QueueRow, limit: number): TaskRow | undefined {
    if (queue.tasks === null || queue.tasks.length === 0) {
      // What this batch has taken already is ready no more.
      queue.tasks = this.#t.db
        .prepare<TaskRow>(
          `select id, kind, round_id, item_id, step from task
           where queue_id = ? and state = 0 order by id limit ?`,
        )
        .all(queue.id, Math.min(limit, queue.room))
    }
    return queue.tasks.shift()
  }

  /** Where the lanes stand now, and the virtual time at which newcomers begin. */
  write(): void {
    const { db } = this.#t
    db.prepare('update counter set value = ? where name = ?').run(this.#turn, `${this.#pool} turn`)
    for (const { id, served } of this.#served) {
      db.prepare('update queue set served = ? where id = ?').run(served, id)
    }
    for (const lane of this.#moved) {
      db.prepare('update lane set vt = ?, floor = ? where id = ?').run(lane.vt, lane.floor, lane.id)
    }
    for (const [workClass, v] of this.#newest) {
      db.prepare(
        `insert into clockwork (pool, class, v) values (?, ?, ?)
         on conflict (pool, class) do update set v = max(v, excluded.v)`,
      ).run(this.#pool, workClass, v)
    }
  }
}

/** How many slots of the pool were ever filled. */
function turnsOf(t: Turning, pool: Pool): number {
  const row = t.db
    .prepare<{ value: number }>('select value from counter where name = ?')
    .get(`${pool} turn`)
  return row?.value ?? 0
}

/** The first of the smallest; rows are in the order of their ids where they are equal. */
function least<Row extends { readonly id: number }>(
  rows: readonly Row[],
  key: (row: Row) => number,
): Row | null {
  let best: Row | null = null
  for (const row of rows) {
    if (best === null || key(row) < key(best) || (key(row) === key(best) && row.id < best.id)) {
      best = row
    }
  }
  return best
}

/** Puts a task into a slot, under a new fence. */
function hold(t: Turning, pool: Pool, slot: number, { lane, queue, task, tag }: Pick): Claim {
  const fence = t.ledger.next('fence')
  const untilMs = t.nowMs + t.policy.leaseMs
  t.db
    .prepare(
      `update slot set task_id = ?, queue_id = ?, fence = ?, started_ms = ?, until_ms = ?, tag = ?, charged = ?
       where pool = ? and n = ?`,
    )
    .run(task.id, queue.id, fence, t.nowMs, untilMs, tag, Math.round(queue.cost_ms), pool, slot)
  t.db
    .prepare(
      `update task set state = 1, fence = ?, seq = (select item.seq from item where item.id = task.item_id)
       where id = ?`,
    )
    .run(fence, task.id)
  const lease = {
    taskId: task.id,
    fence,
    pool,
    slot,
    ownerId: lane.owner_id,
    sourceId: queue.source_id,
    untilMs,
  }
  const roundId = task.round_id ?? 0
  if (task.kind === 'list') return { ...lease, kind: 'list', roundId, step: task.step }
  if (task.kind === 'settle') {
    const candidates = candidatesOf(t, roundId, Number(task.step ?? 0))
    return { ...lease, kind: 'settle', roundId, candidates }
  }
  return { ...lease, kind: 'read', ...owedItem(t, task.item_id ?? 0) }
}
