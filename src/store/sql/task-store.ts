import { assert } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import type { Policy } from '../../engine/policy.ts'
import {
  maxResults,
  maxStalls,
  type FreeSlots,
  type Stall,
  type TaskStore,
  type Turn,
} from '../../engine/task-store.ts'
import type { Claim, Pool, Result, WorkClass } from '../../engine/task.ts'
import { claim } from './claims.ts'
import { Ledger } from './ledger.ts'
import { areAllPaused, Node, type NodesParts } from './nodes.ts'
import { refreshQueues } from './queues.ts'
import { fencesOf, isOfDatabase, writeResults, type Apart } from './results.ts'
import type { Transaction } from './sql.ts'
import type { Turning } from './turning.ts'
import { keepUp, lookForDue, nextDue, pullBack, type Due, type Upkeep } from './upkeep.ts'

const routine = { isRoutine: true } as const

/** Peers wait for processes that are content nodes: where there is none, they are nobody's work. */
const isOffered = `(list_pool = 'list' or exists (select 1 from slot where slot.pool = source.list_pool))`

/** Milliseconds after which what is due, and what another process had, is looked at again. */
const leftMs = 100

/** What came of writing results; and what falls due, if it is as it was before. */
interface Written extends Pick<Turn, 'acks'>, Upkeep {
  readonly due: Due | null
}

export interface TaskStoreParts extends NodesParts {
  readonly policy: Policy
  readonly random: Random
  readonly effects: EffectWriter<Transaction>
  /** How this process is called where its slots are shown. */
  readonly nodeName: string
  /** How often it looks for what other processes have changed even if no notice came, in milliseconds, more or less. */
  readonly lookMs?: number
}

/** Owed work, tasks, rounds, lanes and slots in a database. Its invariants are in docs/spec/engine.md. */
export class SqlTaskStore implements TaskStore {
  readonly #parts: TaskStoreParts
  #node: Node | null = null
  /** When the last turn was; a turn before that tells that the clock was set back. */
  #lastMs: number
  /** The newest fence that this process was told of: what is held under a newer one was claimed in vain. */
  #toldFence = 0
  /** Which class of a pool had something to run last. */
  readonly #lively = new Map<Pool, WorkClass>()

  constructor(parts: TaskStoreParts) {
    this.#parts = parts
    // What another process has written by the time of a shared database is right.
    this.#lastMs = parts.db.isShared ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  }

  async open(): Promise<void> {
    const { db, policy, nodeName: name } = this.#parts
    this.#node = await Node.join({ db, name, slots: policy.slots })
  }

  async close(): Promise<void> {
    const node = this.#node
    this.#node = null
    await node?.leave()
  }

  async turn(results: readonly Result[], free: FreeSlots): Promise<Turn> {
    assert(results.length <= maxResults, 'a turn has at most maxResults results')
    const turn = await this.#take(results, free, false).catch((error: unknown) => {
      if (results.length === 0 || isOfDatabase(error)) throw error
      // Nothing of it happened. Once more, so that only the result that cannot be written fails.
      return this.#take(results, free, true)
    })
    // Only now: a turn that the disk refused has mended nothing.
    this.#lastMs = turn.nowMs
    for (const { fence } of turn.claims) this.#toldFence = Math.max(this.#toldFence, fence)
    return turn
  }

  async #take(results: readonly Result[], free: FreeSlots, isApart: boolean): Promise<Turn> {
    const node = this.#node
    if (node === null) throw new Error('assertion failed: the store is open')
    const { seen, next, isLeft, turn } = await this.#parts.db.transaction(async (tx) => {
      const seen = await node.beat(tx)
      const t = this.#turning(tx, seen.id)
      if (t.nowMs < this.#lastMs) await pullBack(t)
      const { acks, checks, isLeft, due } = await this.#write(
        t,
        results,
        isApart ? apartIn(t) : null,
      )
      // Others that claim wait from here on, for a moment: this turn holds what is its own, and waits for nobody any more.
      const claims = await claim(t, free)
      const next = due === null ? nextDue(t) : nextAfter(due, claims)
      tx.later(next)
      return { seen, next, isLeft, turn: { acks, claims, checks, nowMs: t.nowMs } }
    }, routine)
    node.keep(seen)
    const nextMs = this.#lookAgainBy(await next, turn.nowMs)
    return { ...turn, nextMs: isLeft ? Math.max(nextMs ?? 0, turn.nowMs + leftMs) : nextMs }
  }

  #lookAgainBy(nextMs: number | null, nowMs: number): number | null {
    const { lookMs, random } = this.#parts
    if (lookMs === undefined) return nextMs
    return Math.min(nextMs ?? Number.POSITIVE_INFINITY, nowMs + lookMs * (0.7 + 0.6 * random()))
  }

  async #write(t: Turning, results: readonly Result[], apart: Apart | null): Promise<Written> {
    // What is read makes nothing due: then one answer is waited for, and not two.
    const isReading = apart === null && results.every(({ type }) => type === 'applied')
    const [acks, early] = await Promise.all([
      writeResults(t, results, apart),
      isReading ? lookForDue(t, fencesOf(results)) : null,
    ])
    const due = early ?? (await lookForDue(t, []))
    const kept = await keepUp(t, due)
    await refreshQueues(t, t.shifting)
    // One that sleeps would take the place of another where slots are filled.
    await t.ledger.book.lullLanes()
    const isQuiet = isReading && due.sources.length === 0 && !due.hasChecks
    return { acks, ...kept, due: isQuiet ? due : null }
  }

  async stalls(forMs = this.#parts.policy.stallMs): Promise<readonly Stall[]> {
    const { db } = this.#parts
    if (await areAllPaused(this.#parts)) return []
    const beforeMs = (await db.now()) - forMs
    const rows = await db.all<{ id: number; since: number }>(
      `select id, min(since) as since from (
         select id, due_ms as since from source
         where health = 0 and is_paused = 0 and due_ms <= ?1 and ${isOffered}
         union all
         select id, progress_ms from source
         where health = 0 and is_paused = 0 and progress_ms <= ?1 and ${isOffered}
           and (exists (select 1 from task where task.source_id = source.id and task.state in (0, 1))
             or exists (select 1 from item where item.source_id = source.id and item.state = 1)
             or exists (select 1 from slot join queue on queue.id = slot.queue_id
               where queue.source_id = source.id))
       ) as stalled group by id order by since, id limit ?2`,
      beforeMs,
      maxStalls,
    )
    return rows.map(({ id, since }) => ({ sourceId: id, sinceMs: since }))
  }

  async purge(limit: number): Promise<number> {
    const { db, policy } = this.#parts
    // Whoever has a source may be finding its items again just now.
    return db.run(
      `delete from item where state = 5 and changed_ms <= ?1 and id in
         (select item.id from item join source on source.id = item.source_id
         where item.state = 5 and item.changed_ms <= ?1 order by item.changed_ms limit ?2
         for no key update of source skip locked)`,
      (await db.now()) - policy.tombstoneMs,
      limit,
    )
  }

  #turning(tx: Transaction, nodeId: number): Turning {
    const { db, policy, random, effects } = this.#parts
    return {
      tx,
      policy,
      random,
      effects,
      nodeId,
      toldFence: this.#toldFence,
      isShared: db.isShared,
      ledger: new Ledger(tx),
      nowMs: tx.nowMs,
      shifting: new Set(),
      touched: new Set(),
      hungry: new Set(),
      lively: this.#lively,
    }
  }
}

/** Nothing has changed of what falls due but by claiming. */
async function nextAfter({ nextMs }: Due, claims: readonly Claim[]): Promise<number | null> {
  const times = [...claims.map(({ untilMs }) => untilMs), ...(nextMs === null ? [] : [nextMs])]
  return times.length === 0 ? null : Math.min(...times)
}

/** What is undone is undone in the book, too. */
function apartIn({ tx, ledger: { book } }: Turning): Apart {
  return async (work) => {
    const known = book.queueIds
    try {
      return await tx.savepoint(work)
    } catch (error) {
      book.keepOnly(known)
      throw error
    }
  }
}
