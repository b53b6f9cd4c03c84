import type { ProcessStatus } from '../../engine/operations.ts'
import type { Policy } from '../../engine/policy.ts'
import type { Sql, SqlDatabase, Transaction } from './sql.ts'

/** A process that does work on the database. */
export interface NodeParts {
  readonly db: SqlDatabase
  /** How it is called where its slots are shown. */
  readonly name: string
  readonly slots: Policy['slots']
}

/** A process says that often that it is there; when it has not for so long, what it holds is void. */
const heartbeatMs = 10_000
const silentMs = 30_000

/** Whoever was not heard of since then is gone. Nobody is, where this process has the database to itself. */
export function silentSince({ nowMs, isShared }: { nowMs: number; isShared: boolean }): number {
  return isShared ? nowMs - silentMs : 0
}

/** This process among those that work on the database: its row, and its slots. */
export class Node {
  readonly #parts: NodeParts
  #id: number
  #seenMs = 0

  private constructor(parts: NodeParts, id: number) {
    this.#parts = parts
    this.#id = id
  }

  /** A process comes. Where it has the database to itself all others are gone, and what they held is void. */
  static async join(parts: NodeParts): Promise<Node> {
    const id = await parts.db.transaction(async (tx) => {
      if (!parts.db.isShared) await endOthers(tx)
      return enter(tx, parts)
    })
    return new Node(parts, id)
  }

  get id(): number {
    return this.#id
  }

  /**
   * Says now and then that this process is there, and forgets those that have not for long; a transaction of its own, so
   * that nothing of it is believed before it is written. `nowMs`: about what time it is.
   */
  async beat(nowMs: number): Promise<void> {
    const { db } = this.#parts
    if (!db.isShared || nowMs - this.#seenMs < heartbeatMs) return
    const { id, seenMs } = await db.transaction(async (tx) => {
      const known = await tx.run('update node set seen_ms = ? where id = ?', tx.nowMs, this.#id)
      await forgetSilent(tx, tx.nowMs - silentMs)
      // It was silent for so long (stopped, asleep) that the others have forgotten it.
      return { id: known === 0 ? await enter(tx, this.#parts) : this.#id, seenMs: tx.nowMs }
    })
    this.#id = id
    this.#seenMs = seenMs
  }

  /** What it still holds is void when it has been silent for long enough, or its leases have passed. */
  async leave(): Promise<void> {
    await this.#parts.db.transaction(async (tx) => {
      await tx.run('delete from slot where node_id = ? and fence is null', this.#id)
      await tx.run(
        `delete from node where id = ?
           and not exists (select 1 from slot where slot.node_id = node.id)`,
        this.#id,
      )
    })
  }
}

/** Whether any process works on the database, as far as was heard of lately. */
export async function hasNodes(db: SqlDatabase): Promise<boolean> {
  const node = await db.get(
    'select 1 from node where seen_ms >= ? limit 1',
    (await db.now()) - silentMs,
  )
  return node !== undefined
}

/** Those that were heard of lately, the oldest first. */
export async function processes(db: SqlDatabase, limit: number): Promise<ProcessStatus[]> {
  const rows = await db.all<Omit<ProcessStatus, 'isPaused'> & { is_paused: number }>(
    `select node.name, node.started_ms as "sinceMs", node.is_paused,
       (select count(*) from slot where slot.node_id = node.id) as slots,
       (select count(fence) from slot where slot.node_id = node.id) as busy
     from node where seen_ms >= ? order by node.id limit ?`,
    silentSince({ nowMs: await db.now(), isShared: db.isShared }),
    limit,
  )
  return rows.map(({ name, sinceMs, is_paused: isPaused, slots, busy }) => ({
    name,
    sinceMs,
    isPaused: isPaused === 1,
    slots,
    busy,
  }))
}

/** Of the processes of this name, or of all there are (null). Returns how many. */
export async function setPaused(tx: Sql, name: string | null, isPaused: boolean): Promise<number> {
  return name === null
    ? tx.run('update node set is_paused = ?', Number(isPaused))
    : tx.run('update node set is_paused = ? where name = ?', Number(isPaused), name)
}

async function enter(tx: Transaction, { name, slots }: NodeParts): Promise<number> {
  const node = await tx.get<{ id: number }>(
    'insert into node (name, started_ms, seen_ms) values (?1, ?2, ?2) returning id',
    name,
    tx.nowMs,
  )
  if (node === undefined) throw new Error('assertion failed: what was inserted is there')
  const rows = Object.entries(slots).flatMap(([pool, count]) =>
    Array.from({ length: count }, (_, at) => ({ pool, n: at + 1 })),
  )
  await tx.each(
    'insert into slot (node_id, pool, n) select ?1, r.pool, r.n from rows as r (pool text, n bigint)',
    rows,
    node.id,
  )
  return node.id
}

async function endOthers(tx: Transaction): Promise<void> {
  // The next turn looks at what could be claimed again.
  await tx.run(
    `insert into stirred (source_id) select distinct source_id from queue
       where id in (select queue_id from slot where queue_id is not null) on conflict do nothing`,
  )
  await tx.run('update task set state = 0, fence = null where state = 1')
  await tx.run('delete from slot')
  await tx.run('delete from node')
}

/** One that comes back just now, or is forgotten by another process, is left alone: it waits for nobody. */
async function forgetSilent(tx: Transaction, beforeMs: number): Promise<void> {
  const silent = await tx.all<{ id: number }>(
    'select id from node where seen_ms < ? for no key update skip locked',
    beforeMs,
  )
  if (silent.length === 0) return
  const ids = silent.map(({ id }) => id)
  await tx.run('delete from slot where fence is null and node_id = any(?)', ids)
  await tx.run(
    `delete from node where id = any(?)
       and not exists (select 1 from slot where slot.node_id = node.id)`,
    ids,
  )
}
