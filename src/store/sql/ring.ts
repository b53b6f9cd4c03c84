import { advance, classOrder } from '../../engine/fair.ts'
import type { Policy } from '../../engine/policy.ts'
import type { Pool, WorkClass } from '../../engine/task.ts'
import {
  laneColumns,
  queueColumns,
  type LaneAccount,
  type LaneBook,
  type LaneRow,
  type QueueAccount,
  type QueueRow,
} from './lane-book.ts'
import { busySlots } from './queues.ts'
import type { Transaction, Write } from './sql.ts'

/** What one claim takes: a task that has a row, or an owed item, from whose queue, in whose lane, at which virtual time. */
export interface Picked {
  readonly lane: LaneAccount
  readonly queue: QueueAccount
  readonly taskId: number | null
  readonly itemId: number | null
  readonly workClass: WorkClass
  readonly tag: number
}

/** A lane with what of it could be claimed, as far as it has been read. */
interface Lane {
  readonly account: LaneAccount
  readonly queues: Queue[]
}

interface Queue {
  readonly account: QueueAccount
  /** Slots that it may still have. */
  room: number
  isServed: boolean
  readonly tasks: Heads
  readonly items: Heads
}

export interface Leftovers {
  readonly unknown: readonly number[]
  /** Whether they are ready is known without another look. */
  readonly known: readonly number[]
}

/** The first of what waits in a queue. */
interface Heads {
  ids: number[]
  /** How many were read so far; there may be more behind them. */
  read: number
  isCut: boolean
}

export interface RingParts {
  readonly tx: Transaction
  readonly book: LaneBook
  readonly policy: Policy
  readonly pool: Pool
  /** Slots to be filled at most. */
  readonly reach: number
  /** Active queues that may have nothing left: so many lanes more are looked at. */
  readonly doubtful: number
  /** Slots of the pool that were ever filled. */
  readonly turn: number
  /** Classes that ever had a lane. */
  readonly classes: readonly WorkClass[]
  /** Which class had something to run when it was asked last, as long as it is known: a guess. */
  readonly lively: Map<Pool, WorkClass>
  /** Lanes that were asked for already, before it was known whether they are wanted. */
  readonly ahead: LanesAhead | null
}

export interface LanesAhead {
  readonly workClass: WorkClass
  /** Lanes of the class that the turn had then, and that were left out. */
  readonly known: number
  readonly rows: Promise<readonly LaneRow[]>
}

/** The lanes of a pool that have something to run, by class, as far as one batch of claims can reach. */
export class Ring {
  readonly #parts: RingParts
  readonly #lanes = new Map<WorkClass, Lane[]>()
  readonly #queues: Queue[] = []
  readonly #newest = new Map<WorkClass, number>()
  #turn: number

  constructor(parts: RingParts) {
    this.#parts = parts
    this.#turn = parts.turn
  }

  get pool(): Pool {
    return this.#parts.pool
  }

  /** Slots of the pool that were ever filled. */
  get turn(): number {
    return this.#turn
  }

  /** The next task by turn, or null when nothing can run. */
  async next(): Promise<Picked | null> {
    for (const workClass of classOrder(this.#turn + 1)) {
      if (!this.#parts.classes.includes(workClass)) continue
      const pick = await this.#nextOf(workClass, await this.#lanesOf(workClass))
      if (pick === null) continue
      this.#turn++
      return pick
    }
    return null
  }

  async #nextOf(workClass: WorkClass, lanes: Lane[]): Promise<Picked | null> {
    for (;;) {
      const lane = least(lanes, ({ account }) => account.vt)
      if (lane === null) return null
      const queue = least(lane.queues, ({ account }) => account.served)
      if (queue === null) {
        lanes.splice(lanes.indexOf(lane), 1)
        continue
      }
      const { id } = queue.account
      const taskId = await this.#head(queue.tasks, moreTasks, id)
      const itemId = taskId === null ? await this.#head(queue.items, moreItems, id) : null
      if (taskId !== null || itemId !== null) {
        return this.#serve(lane, queue, { workClass, taskId, itemId })
      }
      lane.queues.splice(lane.queues.indexOf(queue), 1)
    }
  }

  /** The next one that waits; what this batch has taken already is still there, and is passed over. */
  async #head(heads: Heads, more: (limit: number) => string, key: number): Promise<number | null> {
    if (heads.ids.length === 0 && heads.isCut) {
      const { tx, reach } = this.#parts
      const limit = limitOf(reach)
      const rows = await tx.all<{ id: number }>(more(limit), key, heads.read)
      heads.ids = rows.map(({ id }) => id)
      heads.read += rows.length
      heads.isCut = rows.length === limit
    }
    return heads.ids.shift() ?? null
  }

  #serve({ account: lane, queues }: Lane, queue: Queue, served: PickBase): Picked {
    const { policy, book } = this.#parts
    const { account } = queue
    const { workClass, taskId, itemId } = served
    const tag = lane.vt
    book.setFloor(lane, account.served)
    book.charge(lane, advance(policy.charge, account.costMs, lane.weight), 0)
    book.serve(account, advance(policy.charge, account.costMs, 1))
    queue.isServed = true
    queue.room--
    if (queue.room <= 0) queues.splice(queues.indexOf(queue), 1)
    this.#newest.set(workClass, Math.max(tag, this.#newest.get(workClass) ?? 0))
    return { workClass, taskId, itemId, lane, queue: account, tag }
  }

  /** As many as this batch can reach: those that the turn has already stand where the book says, others where SQL says. */
  async #lanesOf(workClass: WorkClass): Promise<Lane[]> {
    const known = this.#lanes.get(workClass)
    if (known !== undefined) return known
    const { book, pool, reach, doubtful, lively, ahead } = this.#parts
    const { length: ours } = book.lanesOf(pool, workClass)
    // If lanes have been charged since, others may stand before those that were asked for.
    const isAsked = ahead?.workClass === workClass && ahead.known === ours
    const asked = isAsked ? ahead.rows : lanesOutside(this.#parts, workClass)
    const others = (await asked).map((row) => book.takeLane(row))
    const lanes = [...new Set([...book.lanesOf(pool, workClass), ...others])]
      .filter(({ isActive }) => isActive)
      .toSorted((a, b) => a.vt - b.vt || a.id - b.id)
      .slice(0, reach + doubtful)
      .map((account): Lane => ({ account, queues: [] }))
    if (lanes.length > 0) await this.#fill(lanes)
    if (lanes.length > 0) lively.set(pool, workClass)
    else if (lively.get(pool) === workClass) lively.delete(pool)
    this.#lanes.set(workClass, lanes)
    return lanes
  }

  /** Reads what of these lanes could be claimed: of each queue about as much as its turns will take. */
  async #fill(lanes: readonly Lane[]): Promise<void> {
    const { book, reach } = this.#parts
    const most = limitOf(Math.min(reach, Math.ceil(reach / lanes.length) * 2))
    const byId = new Map(lanes.map((lane) => [lane.account.id, lane]))
    const woken = book.wokenIn(new Set(lanes.map(({ account }) => account))).map(({ id }) => id)
    for (const row of await this.#queuesOf([...byId.keys()], woken, most)) {
      const account = book.takeQueue(row)
      if (account === null || !account.isActive) continue
      const room = account.window.window - row.busy
      if (room <= 0) continue
      const [tasks, items] = [headsOf(row.tasks, most), headsOf(row.items, most)]
      const queue = { account, room, isServed: false, tasks, items }
      this.#queues.push(queue)
      byId.get(row.lane_id)?.queues.push(queue)
    }
  }

  /** Those that are active where SQL looks, and those that have woken since. */
  #queuesOf(
    laneIds: readonly number[],
    woken: readonly number[],
    most: number,
  ): Promise<FoundRow[]> {
    const { tx, pool } = this.#parts
    return tx.all(
      `select ${queueColumns}, coalesce(busy.slots, 0) as busy,
         (select json_agg(head.id) from (
           select task.id from task where task.queue_id = queue.id and task.state = 0
           order by task.id limit ${most}) as head) as tasks,
         ${pool === 'read' ? owedItems(most) : 'null'} as items
       from queue left join ${busySlots} as busy on busy.queue_id = queue.id
       where queue.lane_id = any(?) and queue.is_active = 1 or queue.id = any(?)
       order by queue.served, queue.id limit ${maxQueues}`,
      laneIds,
      woken,
    )
  }

  /** Puts those to sleep of which nothing more can be claimed, as far as that is known. */
  settle(): Leftovers {
    const { book } = this.#parts
    const unknown: number[] = []
    const known: number[] = []
    for (const { account, room, isServed, tasks, items } of this.#queues) {
      if (!isServed) continue
      const isEmpty = tasks.ids.length === 0 && items.ids.length === 0
      if (isEmpty && (tasks.isCut || items.isCut) && room > 0) unknown.push(account.id)
      else {
        known.push(account.id)
        if (isEmpty || room <= 0) book.setActive(account, false)
      }
    }
    return { unknown, known }
  }

  /** The virtual times at which newcomers begin. */
  get write(): Write {
    return {
      text: `update clockwork set v = greatest(clockwork.v, r.v) from rows as r (pool text, class bigint, v bigint)
        where clockwork.pool = r.pool and clockwork.class = r.class`,
      rows: [...this.#newest].map(([workClass, v]) => ({
        pool: this.#parts.pool,
        class: workClass,
        v,
      })),
    }
  }
}

interface FoundRow extends QueueRow {
  readonly busy: number
  readonly tasks: string | null
  readonly items: string | null
}

/** The first lanes of a class that have something to run, but for those that the turn has already. */
export async function lanesOutside(
  {
    tx,
    book,
    pool,
    reach,
    doubtful,
  }: Pick<RingParts, 'tx' | 'book' | 'pool' | 'reach' | 'doubtful'>,
  workClass: WorkClass,
): Promise<readonly LaneRow[]> {
  return tx.all<LaneRow>(
    `select ${laneColumns} from lane join owner on owner.id = lane.owner_id
     where lane.pool = ? and lane.class = ? and lane.is_active = 1 and not (lane.id = any(?))
     order by lane.vt, lane.id limit ${limitOf(reach + doubtful)}
     for no key update of lane skip locked`,
    pool,
    workClass,
    book.lanesOf(pool, workClass).map(({ id }) => id),
  )
}

type PickBase = { readonly workClass: WorkClass } & Readonly<
  Record<'taskId' | 'itemId', number | null>
>

/** Queues of a batch of lanes that are looked at; those that were served least come first. */
const maxQueues = 4_096

/**
 * Limits stand in the text, a few of them, so that PostgreSQL plans once and still knows that little is wanted: this
 * many or more.
 */
function limitOf(count: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, count)))
}

/** No slot reads the item for this queue; said so that PostgreSQL looks at the slots of a queue once. */
const isUnread = (queueId: string): string => `not (item.id = any(array(
  select slot.item_id from slot where slot.queue_id = ${queueId} and slot.item_id is not null)))`

/** The owed items of a queue's source, oldest first. */
const owedItems = (limit: number): string => `(select json_agg(head.id) from (
  select item.id from item where item.source_id = queue.source_id and item.state = 1
    and ${isUnread('queue.id')}
  order by item.seq limit ${limit}) as head)`

const moreTasks = (limit: number): string =>
  `select id from task where queue_id = ? and state = 0 order by id limit ${limit} offset ?`
const moreItems = (limit: number): string =>
  `select item.id from item where item.source_id = (select queue.source_id from queue where queue.id = ?1)
     and item.state = 1 and ${isUnread('?1')}
   order by item.seq limit ${limit} offset ?2`

function headsOf(json: string | null, most: number): Heads {
  // Made by the database from numbers alone.
  const ids = json === null ? [] : (JSON.parse(json) as number[])
  return { ids, read: ids.length, isCut: ids.length === most }
}

/** The first of the smallest; rows are in the order of their ids where they are equal. */
function least<T extends { readonly account: { readonly id: number } }>(
  all: readonly T[],
  key: (each: T) => number,
): T | null {
  let best: T | null = null
  for (const each of all) {
    if (best === null || key(each) < key(best)) best = each
    else if (key(each) === key(best) && each.account.id < best.account.id) best = each
  }
  return best
}
