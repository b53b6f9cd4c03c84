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

/**
 * A process says that often that it is there; when it has not for so long, what it holds is void. In between the server
 * may refuse it a turn twice, each after the longest wait for a lock. Who is given up too early loses what it does then,
 * and nothing else: its results find no fence.
 */
const heartbeatMs = 3_000
const silentMs = 15_000
/** Who has missed a beat is shown as silent, in milliseconds: it looks by itself about once a second. */
const lateMs = 2 * heartbeatMs

/** One that is paused is remembered for so long: it may only be asleep, and is still paused when it wakes up. */
const pausedMs = 86_400_000

/** Whoever was not heard of since then is gone. Nobody is, where this process has the database to itself. */
export function silentSince({ nowMs, isShared }: { nowMs: number; isShared: boolean }): number {
  return isShared ? nowMs - silentMs : 0
}

/** What is written of this process: its number, and when it was heard of. */
interface Seen {
  readonly id: number
  readonly seenMs: number
}

/** This process among those that work on the database: its row, and its slots. */
export class Node {
  readonly #parts: NodeParts
  #seen: Seen

  private constructor(parts: NodeParts, seen: Seen) {
    this.#parts = parts
    this.#seen = seen
  }

  /** A process comes. Where it has the database to itself all others are gone, and what they held is void. */
  static async join(parts: NodeParts): Promise<Node> {
    const seen = await parts.db.transaction(async (tx) => {
      if (!parts.db.isShared) await endOthers(tx)
      return enter(tx, parts)
    })
    return new Node(parts, seen)
  }

  /**
   * Says now and then that this process is there, and forgets those that have not for long. What it gives is told to
   * `keep` when the transaction is written, and not if it was undone.
   */
  async beat(tx: Transaction): Promise<Seen> {
    const { id, seenMs } = this.#seen
    if (!this.#parts.db.isShared || tx.nowMs - seenMs < heartbeatMs) return this.#seen
    const known = await tx.run('update node set seen_ms = ? where id = ?', tx.nowMs, id)
    await forgetSilent(tx)
    // It was silent for so long (stopped, asleep) that the others have forgotten it.
    return known === 0 ? enter(tx, this.#parts) : { id, seenMs: tx.nowMs }
  }

  keep(seen: Seen): void {
    this.#seen = seen
  }

  /** What it still holds is void when it has been silent for long enough, or its leases have passed. */
  async leave(): Promise<void> {
    await this.#parts.db.transaction(async (tx) => {
      const { id } = this.#seen
      await tx.run('delete from slot where node_id = ? and fence is null', id)
      await tx.run(
        `delete from node where id = ?
           and not exists (select 1 from slot where slot.node_id = node.id)`,
        id,
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

export interface NodesParts {
  readonly db: SqlDatabase
  /**
   * Whether some process has the right to do the work, where one at a time may: it tells at once that the one that is
   * entered has died. Left out: that one is there.
   */
  readonly isWorked?: () => Promise<boolean>
}

interface NodeRow {
  readonly name: string
  readonly sinceMs: number
  readonly seenMs: number
  readonly is_paused: number
  readonly slots: number
  readonly busy: number
}

/** Those that do the work, and those that are gone and not forgotten yet; the oldest first. */
export async function processes(parts: NodesParts, limit: number): Promise<ProcessStatus[]> {
  const { db, isWorked = async () => true } = parts
  const rows = await db.all<NodeRow>(
    `select node.name, node.started_ms as "sinceMs", node.seen_ms as "seenMs", node.is_paused,
       (select count(*) from slot where slot.node_id = node.id) as slots,
       (select count(fence) from slot where slot.node_id = node.id) as busy
     from node order by node.id limit ?`,
    limit,
  )
  if (rows.length === 0) return []
  if (db.isShared) {
    const nowMs = await db.now()
    return rows.map((row) => processOf(row, heardAt(row.seenMs, nowMs)))
  }
  const lost = (await isWorked()) ? null : 'gone'
  return rows.map((row) => processOf(row, { lost, heardMs: null, goneMs: null }))
}

/** What is known of a process by what it told. */
interface Heard extends Pick<ProcessStatus, 'heardMs' | 'goneMs'> {
  readonly lost: 'silent' | 'gone' | null
}

function heardAt(heardMs: number, nowMs: number): Heard {
  const silenceMs = nowMs - heardMs
  const late = silenceMs > lateMs ? 'silent' : null
  return { lost: silenceMs > silentMs ? 'gone' : late, heardMs, goneMs: heardMs + silentMs }
}

function processOf(
  { name, sinceMs, is_paused, slots, busy }: NodeRow,
  { lost, heardMs, goneMs }: Heard,
): ProcessStatus {
  const isPaused = is_paused === 1
  const state = lost ?? (isPaused ? 'paused' : 'works')
  return { name, sinceMs, state, isPaused, heardMs, goneMs, slots, busy }
}

/** An operator has every process paused that is not gone: nothing is to move. */
export async function areAllPaused(parts: NodesParts): Promise<boolean> {
  const all = await processes(parts, maxLooked)
  const there = all.filter(({ state }) => state !== 'gone')
  return there.length > 0 && there.every(({ isPaused }) => isPaused)
}

/** Processes that are looked at: more than any server has connections for. */
const maxLooked = 10_000

/** Of the processes of this name, or of all there are (null). Returns how many. */
export async function setPaused(tx: Sql, name: string | null, isPaused: boolean): Promise<number> {
  return name === null
    ? tx.run('update node set is_paused = ?', Number(isPaused))
    : tx.run('update node set is_paused = ? where name = ?', Number(isPaused), name)
}

async function enter(tx: Transaction, { name, slots }: NodeParts): Promise<Seen> {
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
  return { id: node.id, seenMs: tx.nowMs }
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
async function forgetSilent(tx: Transaction): Promise<void> {
  const silent = await tx.all<{ id: number }>(
    `select id from node where seen_ms < ? and (is_paused = 0 or seen_ms < ?)
     for no key update skip locked`,
    tx.nowMs - silentMs,
    tx.nowMs - pausedMs,
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
