import type { FreeSlots } from '../../engine/task-store.ts'
import type { Claim, Pool, WorkClass } from '../../engine/task.ts'
import { accrue } from './accrual.ts'
import { itemsToRead } from './items-to-read.ts'
import { refreshQueues } from './queues.ts'
import { Ring, type Pick } from './ring.ts'
import { candidatesOf } from './settling.ts'
import { rowsOf } from './sql.ts'
import { pools, type Claiming } from './turning.ts'

/** A slot, what goes into it, and under which fence. */
interface Given extends Pick {
  readonly pool: Pool
  readonly n: number
  readonly fence: number
}

/**
 * Fills the free slots that the process offers, one turn after the other. Processes that share a database claim one after
 * the other, each for a moment; what a result has to itself just now is passed over.
 */
export async function claim(t: Claiming, free: FreeSlots): Promise<Claim[]> {
  const wanted = pools.filter((pool) => (free[pool] ?? 0) > 0)
  if (wanted.length === 0) return []
  const { fence: newest } = (await t.tx.get<{ fence: number }>(
    `select value as fence from counter where name = 'fence' for update`,
  )) ?? { fence: 0 }
  const slots = await freeSlots(t, wanted)
  if (slots.length === 0) return []
  const open = wanted.filter((pool) => slots.some((slot) => slot.pool === pool))
  await accrue(t, open)
  const classes = await t.tx.all<{ pool: Pool; class: WorkClass; turn: number }>(
    `select clockwork.pool, clockwork.class, counter.value as turn
     from clockwork join counter on counter.name = clockwork.pool || ' turn' order by clockwork.class`,
  )
  const given: Given[] = []
  const rings: Ring[] = []
  for (const pool of open) {
    const places = slots.filter((slot) => slot.pool === pool).slice(0, free[pool])
    const here = classes.filter((row) => row.pool === pool)
    if (here.length === 0) continue
    const ring = new Ring({
      tx: t.tx,
      policy: t.policy,
      pool,
      reach: places.length,
      turn: here[0]?.turn ?? 0,
      classes: here.map((row) => row.class),
    })
    rings.push(ring)
    for (const { n } of places) {
      const pick = await ring.next()
      if (pick === null) break
      given.push({ ...pick, pool, n, fence: newest + given.length + 1 })
    }
  }
  if (given.length === 0) return []
  const claims = await hold(t, given)
  await settle(t, rings, newest + given.length)
  return claims
}

async function freeSlots(
  { tx, nodeId }: Claiming,
  wanted: readonly Pool[],
): Promise<{ pool: Pool; n: number }[]> {
  return tx.all(
    `select pool, n from slot where node_id = ? and pool = any(?) and fence is null order by pool, n`,
    nodeId,
    wanted,
  )
}

/** Where lanes, queues and counters stand now. */
async function settle({ tx }: Claiming, rings: readonly Ring[], fence: number): Promise<void> {
  const touched = new Set(rings.flatMap((ring) => ring.servedQueues))
  for (const ring of rings) await ring.write()
  await tx.run(
    `update counter set value = r.value from json_to_recordset(?) as r (name text, value bigint)
     where counter.name = r.name`,
    rowsOf([
      { name: 'fence', value: fence },
      ...rings.map(({ pool, turn }) => ({ name: `${pool} turn`, value: turn })),
    ]),
  )
  await refreshQueues({ tx, touched })
}

interface TaskRow {
  readonly id: number
  readonly kind: 'list' | 'read' | 'settle'
  readonly round_id: number | null
  readonly item_id: number | null
  readonly step: string | null
}

/** Puts tasks and items into slots, each under a new fence. */
async function hold(t: Claiming, picked: readonly Given[]): Promise<Claim[]> {
  const tasks = await leaseTasks(t, picked)
  const taken = await takeItems(t, picked)
  const itemOf = ({ itemId, taskId }: Given): number | null =>
    itemId ?? tasks.get(taskId ?? 0)?.item_id ?? null
  // What has gone another way since it was looked at is passed over.
  const given = picked.filter(({ itemId, taskId }) =>
    itemId === null ? tasks.has(taskId ?? 0) : taken.has(itemId),
  )
  const items = await itemsToRead(
    t,
    given.flatMap((each) => itemOf(each) ?? []),
  )
  const untilMs = t.nowMs + t.policy.leaseMs
  const claims: Claim[] = []
  for (const each of given) {
    const { lane, queue, pool, n, fence } = each
    const { owner_id: ownerId } = lane
    const lease = { fence, pool, slot: n, ownerId, sourceId: queue.source_id, untilMs }
    const read = items.get(itemOf(each) ?? 0)
    const task = tasks.get(each.taskId ?? 0)
    if (read !== undefined) {
      claims.push({ ...lease, kind: 'read', item: read.item, known: read.known })
    } else if (task !== undefined) claims.push(await listClaim(t, lease, task))
  }
  const rows = given.map((each) => ({
    pool: each.pool,
    n: each.n,
    fence: each.fence,
    task_id: each.taskId,
    item_id: itemOf(each),
    seq: items.get(itemOf(each) ?? 0)?.seq ?? null,
    queue_id: each.queue.id,
    tag: each.tag,
    charged: Math.round(each.queue.cost_ms),
  }))
  await t.tx.run(
    `update slot set fence = r.fence, task_id = r.task_id, item_id = r.item_id, seq = r.seq,
       queue_id = r.queue_id, tag = r.tag, charged = r.charged, started_ms = ?, until_ms = ?
     from json_to_recordset(?) as r (pool text, n bigint, fence bigint, task_id bigint, item_id bigint,
       seq bigint, queue_id bigint, tag bigint, charged bigint)
     where slot.node_id = ? and slot.pool = r.pool and slot.n = r.n`,
    t.nowMs,
    untilMs,
    rowsOf(rows),
    t.nodeId,
  )
  return claims
}

async function takeItems({ tx }: Claiming, picked: readonly Given[]): Promise<ReadonlySet<number>> {
  const ids = picked.flatMap(({ itemId }) => itemId ?? [])
  if (ids.length === 0) return new Set()
  const taken = await tx.all<{ id: number }>(
    'update item set state = 2 where id = any(?) and state = 1 returning id',
    ids,
  )
  return new Set(taken.map(({ id }) => id))
}

type Lease = Omit<Extract<Claim, { kind: 'list' }>, 'kind' | 'roundId' | 'step'>

async function listClaim(t: Claiming, lease: Lease, task: TaskRow): Promise<Claim> {
  const roundId = task.round_id ?? 0
  if (task.kind === 'list') return { ...lease, kind: 'list', roundId, step: task.step }
  const candidates = await candidatesOf(t, roundId, Number(task.step ?? 0))
  return { ...lease, kind: 'settle', roundId, candidates }
}

async function leaseTasks(
  { tx }: Claiming,
  given: readonly Given[],
): Promise<ReadonlyMap<number, TaskRow>> {
  const rows = given.flatMap(({ taskId, fence }) =>
    taskId === null ? [] : [{ id: taskId, fence }],
  )
  if (rows.length === 0) return new Map()
  const leased = await tx.all<TaskRow>(
    `update task set state = 1, fence = r.fence from json_to_recordset(?) as r (id bigint, fence bigint)
     where task.id = r.id and task.state = 0
     returning task.id, task.kind, task.round_id, task.item_id, task.step`,
    rowsOf(rows),
  )
  return new Map(leased.map((row) => [row.id, row]))
}
