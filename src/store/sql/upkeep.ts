import { silentSince } from './nodes.ts'
import { queueOf, touchSource } from './queues.ts'
import { never, startRound, type DueSource } from './rounds.ts'
import {
  emptySlots,
  settleCharge,
  tasksInSlots,
  touch,
  type Hold,
  type Turning,
} from './turning.ts'
import { giveBack, storeCrash } from './verdicts.ts'

/** Leases, delayed tasks, sources that were changed and rounds that are looked at in one turn. */
const maxExpired = 100
const maxPromoted = 256
const maxStirred = 256
const maxStarts = 100

/**
 * What falls due by itself: leases that have passed, delayed tasks whose time has come, sources that a person changed,
 * rounds. Of several processes the one that comes first does it; what another one has just now is left to it.
 */
export async function keepUp(t: Turning, due: Due): Promise<Upkeep> {
  const isDue = due.sources.length > 0
  let isAll = true
  if (isDue) {
    isAll = await t.ledger.takeFree(due.sources)
    await reap(t)
    await promote(t)
  }
  await t.ledger.write(t.nowMs)
  if (isDue) await takeStirred(t)
  for (const sourceId of t.hungry) touch(t, await queueOf(t, 'read', 1, sourceId))
  if (isDue) await startDueRounds(t)
  return { checks: due.hasChecks ? await dueChecks(t) : [], isLeft: t.isShared && !isAll }
}

export interface Upkeep {
  /** Resting sources that are to be asked whether they are well. */
  readonly checks: readonly number[]
  /** Something is due that another process may have just now. */
  readonly isLeft: boolean
}

/** What is due, and when more is that nobody will announce (null: nothing). */
export interface Due {
  /** Of these sources; zero is one that is gone. */
  readonly sources: readonly number[]
  /** Resting sources may be asked whether they are well. */
  readonly hasChecks: boolean
  readonly nextMs: number | null
}

/** One look tells whether anything is due, and what will be when these slots of ours have been given back. */
export async function lookForDue(t: Turning, fences: readonly number[]): Promise<Due> {
  const due = await t.tx.all<{ id: number | null; at: number | null }>(
    `select ${next} as id, (${nextAt('?5')}) as at
     union all select ${check}, null
       where (select min(rest_until_ms) from source where is_paused = 0 and health = 1) <= ?1
     union all select queue.source_id, null from (
         select slot.queue_id from slot left join node on node.id = slot.node_id
         where slot.fence is not null and ${isOver} order by slot.until_ms limit ${maxExpired}
       ) as expired left join queue on queue.id = expired.queue_id
     union select source_id, null from (
         select source_id from task where state = 2 and run_at_ms <= ?1 order by run_at_ms limit ${maxPromoted}
       ) as delayed
     union select source_id, null from (select source_id from stirred limit ${maxStirred}) as stirred
     union select id, null from (
         select id from source where is_paused = 0 and health = 0 and due_ms <= ?1
         order by due_ms, id limit ${maxStarts}
       ) as starting`,
    t.nowMs,
    silentSince(t),
    t.nodeId,
    t.toldFence,
    fences,
  )
  const ids = due.map(({ id }) => id ?? 0)
  return {
    sources: ids.filter((id) => id >= 0),
    hasChecks: ids.includes(check),
    nextMs: known(due.find(({ id }) => id === next)?.at),
  }
}

/** No sources have these numbers. */
const check = -1
const next = -2

/** When something falls due that nobody will announce, these slots left out. */
const nextAt = (fences: string): string => `select min(due.at) from (
  select min(run_at_ms) as at from task where state = 2
  union all select min(until_ms) from slot where fence is not null and not (fence = any(${fences}))
  union all select min(due_ms) from source where is_paused = 0 and health = 0
  union all select min(rest_until_ms) from source where is_paused = 0 and health = 1) as due`

function known(at: number | null = null): number | null {
  return at === null || at >= never ? null : at
}

/**
 * Of a slot: its process has been silent since ?2, or it is this one (?3) and never heard of the claim: whether it was
 * committed nobody could say when the connection broke.
 */
const isLost = '(coalesce(node.seen_ms, 0) < ?2 or (slot.node_id = ?3 and slot.fence > ?4))'

/** The same, or its lease has passed (by ?1). */
const isOver = `(slot.until_ms <= ?1 or ${isLost})`

interface Expired extends Hold {
  readonly source_id: number | null
  readonly held_ms: number
  readonly is_late: number
}

/**
 * Slots that are free again though nobody gave them back. A task whose lease has passed is ready again, or parked when
 * that happened too often; the task of a process that is gone, or never heard of it, is given back unblamed.
 */
async function reap(t: Turning): Promise<void> {
  const expired = await t.tx.all<Expired>(
    `select slot.fence, slot.tag, slot.charged, slot.queue_id, queue.source_id,
       least(slot.until_ms, ?1) - slot.started_ms as held_ms,
       case when ${isLost} then 0 else 1 end as is_late
     from slot left join queue on queue.id = slot.queue_id left join node on node.id = slot.node_id
     where slot.fence is not null and ${isOver}
       and (queue.id is null or queue.source_id = any(?5))
     order by slot.node_id, slot.pool, slot.n limit ${maxExpired}`,
    t.nowMs,
    silentSince(t),
    t.nodeId,
    t.toldFence,
    // In the statement: those of others would take the places of ours.
    t.ledger.sourceIds,
  )
  if (expired.length === 0) return
  const fences = expired.map(({ fence }) => fence)
  const tasks = await tasksInSlots(t, fences)
  emptySlots(t, fences)
  for (const slot of expired) {
    settleCharge(t, slot, slot.held_ms)
    const task = tasks.get(slot.fence)
    if (task !== undefined) await (slot.is_late === 1 ? storeCrash(t, task) : giveBack(t, task))
  }
}

/** Delayed tasks whose time has come are ready. */
async function promote(t: Turning): Promise<void> {
  const due = await t.tx.all<{ id: number; queue_id: number; source_id: number }>(
    `select id, queue_id, source_id from task where state = 2 and run_at_ms <= ?
     order by run_at_ms, id limit ${maxPromoted}`,
    t.nowMs,
  )
  const ours = due.filter((task) => t.ledger.source(task.source_id) !== null)
  if (ours.length === 0) return
  await t.tx.run(
    'update task set state = 0, run_at_ms = null where id = any(?)',
    ours.map(({ id }) => id),
  )
  for (const task of ours) touch(t, task.queue_id)
}

/** Sources that a command paused, resumed or asked for since the last turn. */
async function takeStirred(t: Turning): Promise<void> {
  const stirred = await t.tx.all<{ id: number }>(
    `select source_id as id from stirred limit ${maxStirred}`,
  )
  const gone: number[] = []
  for (const { id } of stirred) {
    if (t.ledger.source(id) === null) continue
    gone.push(id)
    touchSource(t, id)
    t.hungry.add(id)
  }
  await t.tx.run(
    `delete from stirred where source_id = any(?)
       or not exists (select 1 from source where source.id = stirred.source_id)`,
    gone,
  )
}

/** Starts the rounds that are due. */
async function startDueRounds(t: Turning): Promise<void> {
  const due = await t.tx.all<DueSource>(
    `select id, cursor, is_asked, full_ms from source
     where is_paused = 0 and health = 0 and due_ms <= ? order by due_ms, id limit ${maxStarts}`,
    t.nowMs,
  )
  for (const source of due) if (t.ledger.source(source.id) !== null) await startRound(t, source)
}

/** Checks handed out in one turn. */
const maxChecks = 16

/** Resting sources that are due for a check; asked by nobody else while it may take. */
async function dueChecks({ tx, nowMs, policy }: Turning): Promise<number[]> {
  const due = await tx.all<{ id: number }>(
    `select id from source where health = 1 and is_paused = 0 and rest_until_ms <= ?
     order by rest_until_ms, id limit ${maxChecks} for no key update skip locked`,
    nowMs,
  )
  if (due.length === 0) return []
  const ids = due.map(({ id }) => id)
  await tx.run(
    'update source set rest_until_ms = ? where id = any(?)',
    nowMs + policy.checkMs + policy.graceMs,
    ids,
  )
  return ids
}

/** When something falls due that nobody will announce, after all that this turn has done. */
export async function nextDue({ tx }: Turning): Promise<number | null> {
  return known((await tx.get<{ at: number | null }>(`select (${nextAt('?')}) as at`, []))?.at)
}

/**
 * The clock was set back, or may have been while no process ran: nothing lies farther ahead than it could have been
 * put there now, so that no slot is held and nobody waits for longer than usual.
 */
export async function pullBack({ tx, nowMs, policy }: Turning): Promise<void> {
  const leaseMs = nowMs + policy.leaseMs
  await tx.run('update slot set until_ms = ?1 where until_ms > ?1', leaseMs)
  await tx.run('update slot set started_ms = ?1 where started_ms > ?1', nowMs)
  await tx.run(
    'update task set run_at_ms = ?1 where state = 2 and run_at_ms > ?1',
    nowMs + policy.retryMaxMs,
  )
  await tx.run(
    'update source set rest_until_ms = ?1 where health = 1 and rest_until_ms > ?1',
    nowMs + policy.restMaxMs,
  )
  await tx.run(
    `update source set due_ms = cast(?1 as bigint) + interval_ms
     where due_ms <> ?2 and due_ms > cast(?1 as bigint) + interval_ms`,
    nowMs,
    never,
  )
  await tx.run('update source set full_ms = ?1 where full_ms > ?1', nowMs)
  await tx.run('update source set progress_ms = ?1 where progress_ms > ?1', nowMs)
}
