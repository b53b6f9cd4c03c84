import type { Random } from '../../base/random.ts'
import type { EffectWriter } from '../../engine/handler.ts'
import {
  dropped,
  type Operations,
  type FailedQuery,
  type FailedTask,
  type ProcessStatus,
  type WorkFigures,
  type WorkStatus,
} from '../../engine/operations.ts'
import type { Policy } from '../../engine/policy.ts'
import { askForRound, stir } from './asking.ts'
import { Ledger } from './ledger.ts'
import { processes, setPaused, type NodesParts } from './nodes.ts'
import { isThere } from './removal.ts'
import { openRound, spoilRound } from './settling.ts'
import type { Transaction } from './sql.ts'
import type { Turning } from './turning.ts'
import { skipItem } from './verdicts.ts'
import { failedOf, workFigures, workStatus } from './work-status.ts'

export interface OperationsParts extends NodesParts {
  readonly policy: Policy
  readonly random: Random
  readonly effects: EffectWriter<Transaction>
  /** Called after every change, so that work begins at once where it is done in this process. */
  readonly onChange: () => void
}

/** A task that runs in no slot. */
interface IdleTask {
  readonly id: number
  readonly round_id: number | null
  readonly item_id: number | null
}

/** Parked tasks that are dropped in one transaction. */
const atOnce = 200
/** Transactions that drop all of a source: twenty million tasks at most. */
const maxTurns = 100_000

/** What an operator sees and does, in the same database as the work. */
export class SqlOperations implements Operations {
  readonly #parts: OperationsParts

  constructor(parts: OperationsParts) {
    this.#parts = parts
  }

  async work(ownerId: number | null, limit: number): Promise<WorkStatus> {
    return {
      processes: await this.processes(limit),
      ...(await workStatus(this.#parts.db, { ownerId, limit })),
    }
  }

  failed(query: FailedQuery): Promise<readonly FailedTask[]> {
    return failedOf(this.#parts.db, query)
  }

  figures(): Promise<WorkFigures> {
    return workFigures(this.#parts.db)
  }

  retry(taskId: number, ownerId: number | null): Promise<boolean> {
    return this.#withTask(taskId, ownerId, retryTask)
  }

  drop(taskId: number, ownerId: number | null): Promise<boolean> {
    return this.#withTask(taskId, ownerId, dropTask)
  }

  async retryAll(sourceId: number): Promise<number> {
    return this.#withParked(sourceId, retryTask)
  }

  async dropAll(sourceId: number): Promise<number> {
    return this.#withParked(sourceId, dropTask)
  }

  async restart(sourceId: number): Promise<void> {
    await this.#change(sourceId, async (t) => {
      const { tx, nowMs } = t
      // Slots stay taken until they tell, or their lease passes; what they bring is refused.
      await tx.run(
        `update slot set item_id = null where queue_id in (select id from queue where source_id = ?)`,
        sourceId,
      )
      await tx.run('delete from task where source_id = ?', sourceId)
      await tx.run(
        `update item set state = 1, error_code = null, error_message = null
         where source_id = ? and state in (2, 4)`,
        sourceId,
      )
      await tx.run(
        `update round set ended_ms = ?, outcome = 'restarted' where source_id = ? and ended_ms is null`,
        nowMs,
        sourceId,
      )
      await tx.run('update source set due_ms = ? where id = ?', nowMs, sourceId)
      await askForRound(tx, sourceId, true)
      await move(t, sourceId)
    })
  }

  async sourcesWithParked(limit: number, after = 0): Promise<readonly number[]> {
    const rows = await this.#parts.db.all<{ id: number }>(
      `select distinct source_id as id from task join source on source.id = task.source_id
       where state = 3 and source_id > ? and ${isThere} order by source_id limit ?`,
      after,
      limit,
    )
    return rows.map(({ id }) => id)
  }

  processes(limit: number): Promise<readonly ProcessStatus[]> {
    return processes(this.#parts, limit)
  }

  async pauseProcess(name: string | null, isPaused: boolean): Promise<number> {
    const { db, onChange } = this.#parts
    const count = await db.transaction(async (tx) => {
      await tx.notify()
      return setPaused(tx, name, isPaused)
    })
    onChange()
    return count
  }

  async #withTask(
    taskId: number,
    ownerId: number | null,
    act: (t: Turning, task: IdleTask) => Promise<void>,
  ): Promise<boolean> {
    const of = await this.#parts.db.get<{ source_id: number; owner_id: number }>(
      `select task.source_id, source.owner_id from task join source on source.id = task.source_id
       where task.id = ? and ${isThere}`,
      taskId,
    )
    if (of === undefined || (ownerId !== null && of.owner_id !== ownerId)) return false
    return this.#change(of.source_id, async (t) => {
      const task = await t.tx.get<IdleTask>(
        'select id, round_id, item_id from task where id = ? and state in (2, 3)',
        taskId,
      )
      if (task === undefined) return false
      await act(t, task)
      await move(t, of.source_id)
      return true
    })
  }

  async #withParked(
    sourceId: number,
    act: (t: Turning, task: IdleTask) => Promise<void>,
  ): Promise<number> {
    let count = 0
    for (let turn = 0; turn < maxTurns; turn++) {
      const done = await this.#change(sourceId, async (t) => {
        const tasks = await t.tx.all<IdleTask>(
          `select id, round_id, item_id from task where source_id = ? and state = 3
           order by id limit ${atOnce}`,
          sourceId,
        )
        for (const task of tasks) await act(t, task)
        if (tasks.length > 0) await move(t, sourceId)
        return tasks.length
      })
      count += done
      if (done < atOnce) break
    }
    return count
  }

  /** Changes a source and its work, which no turn has meanwhile. */
  async #change<T>(sourceId: number, work: (t: Turning) => Promise<T>): Promise<T> {
    const { db, onChange } = this.#parts
    const result = await db.transaction(
      async (tx) => {
        const t = this.#turning(tx)
        await t.ledger.take([sourceId])
        const done = await work(t)
        await Promise.all([t.ledger.write(t.nowMs), t.ledger.book.write()])
        await tx.notify()
        return done
      },
      { isLong: true },
    )
    onChange()
    return result
  }

  #turning(tx: Transaction): Turning {
    const { db, policy, random, effects } = this.#parts
    return {
      tx,
      policy,
      random,
      effects,
      nodeId: noNode,
      toldFence: 0,
      isShared: db.isShared,
      ledger: new Ledger(tx),
      nowMs: tx.nowMs,
      shifting: new Set(),
      touched: new Set(),
      hungry: new Set(),
      lively: new Map(),
    }
  }
}

/** A command has no slots. */
const noNode = 0

/** Whatever stood still of the source does so no more: it is for the next turn to see. */
async function move({ tx, nowMs }: Turning, sourceId: number): Promise<void> {
  await tx.run('update source set progress_ms = ? where id = ?', nowMs, sourceId)
  await stir(tx, sourceId)
}

async function retryTask({ tx, nowMs }: Turning, task: IdleTask): Promise<void> {
  if (task.item_id === null && (await openRound({ tx }, task.round_id ?? 0)) !== null) {
    await tx.run(
      `update task set state = 0, run_at_ms = null, attempts = 0, crashes = 0, failed_ms = null,
         error_code = null, error_message = null where id = ?`,
      task.id,
    )
    return
  }
  await tx.run('delete from task where id = ?', task.id)
  if (task.item_id === null) {
    // Its round is over: what it was to list is listed by the next one.
    await tx.run(
      `update source set is_asked = greatest(is_asked, 1), due_ms = ?
       where id = (select source_id from round where id = ?)`,
      nowMs,
      task.round_id,
    )
    return
  }
  await tx.run(
    'update item set state = 1, error_code = null, error_message = null where id = ?',
    task.item_id,
  )
}

async function dropTask(t: Turning, task: IdleTask): Promise<void> {
  await t.tx.run('delete from task where id = ?', task.id)
  if (task.item_id === null) await spoilRound(t, task.round_id, dropped)
  else await skipItem(t, task.item_id, dropped)
}
