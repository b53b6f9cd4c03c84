import type { FreeSlots } from '../../engine/task-store.ts'
import type { Claim, Pool, WorkClass } from '../../engine/task.ts'
import { accrualMs, accrue, runningOf, type Occupied } from './accrual.ts'
import { itemsToRead, type ToRead } from './items-to-read.ts'
import type { Clockwork } from './lane-book.ts'
import { refreshQueues } from './queues.ts'
import { lanesOutside, Ring, type LanesAhead, type Picked } from './ring.ts'
import { candidatesOf } from './settling.ts'
import type { Write } from './sql.ts'
import { pools, type Claiming } from './turning.ts'

/** A slot, and what goes into it. */
interface Given {
  readonly place: Place
  readonly pick: Picked
}

/**
 * Fills the free slots that the process offers, one turn after the other. Processes that share a database claim one after
 * the other, each for a moment; what a result has to itself just now is passed over.
 */
export async function claim(t: Claiming, free: FreeSlots): Promise<readonly Claim[]> {
  const wanted = pools.filter((pool) => (free[pool] ?? 0) > 0)
  if (wanted.length === 0) return nothing(t)
  // The first of these holds up other processes that claim: what is read behind it stays as it is.
  const asked = [newestFence(t), slotsOf(t, wanted), knownClasses(t)] as const
  const ahead = new Map(wanted.map((pool) => [pool, lanesAhead(t, pool, free[pool] ?? 0)]))
  const [newest, looked, classes] = await Promise.all(asked)
  const { book } = t.ledger
  book.wakeLanes(clockworkOf(classes))
  const slots = looked.filter(({ fence, is_paused: isPaused }) => fence === null && isPaused === 0)
  const open = wanted.filter((pool) => slots.some((slot) => slot.pool === pool))
  // Told before the lanes are looked at, which then stand where they stand.
  const running = looked.filter(({ pool }) => open.includes(pool))
  const charged = accrue(t, await runningOf(t, running))
  const filled = open.map(async (pool) => {
    const places = slots.filter((slot) => slot.pool === pool).slice(0, free[pool])
    const here = classes.filter((row) => row.pool === pool)
    const ring = new Ring({
      tx: t.tx,
      book,
      policy: t.policy,
      pool,
      reach: places.length,
      doubtful: t.touched.size,
      turn: here[0]?.turn ?? 0,
      classes: here.map((row) => row.class),
      lively: t.lively,
      ahead: ahead.get(pool) ?? null,
    })
    return { ring, given: await fill(ring, places) }
  })
  t.tx.later(charged)
  const fills = await Promise.all(filled)
  const given = fills.flatMap((filled) => filled.given)
  if (given.length === 0) return nothing(t)
  const { claims, rows, passed } = await hold(t, given, newest)
  const rings = fills.map(({ ring }) => ring)
  await settle(t, rings, { fence: newest + given.length, rows, passed })
  return claims
}

/** A turn waits for one answer less where the class that was served last is the one to be served now. */
function lanesAhead(t: Claiming, pool: Pool, reach: number): LanesAhead | null {
  const workClass = t.lively.get(pool)
  if (workClass === undefined) return null
  const { tx, touched } = t
  const { book } = t.ledger
  const parts = { tx, book, pool, reach, doubtful: touched.size }
  const rows = lanesOutside(parts, workClass)
  tx.later(rows)
  return { workClass, known: book.lanesOf(pool, workClass).length, rows }
}

async function nothing(t: Claiming): Promise<readonly Claim[]> {
  await refreshQueues(t, t.touched)
  const { book } = t.ledger
  if (book.isStirred) book.wakeLanes(clockworkOf(await knownClasses(t)))
  await book.write()
  return []
}

async function newestFence({ tx }: Claiming): Promise<number> {
  const row = await tx.get<{ fence: number }>(
    `select value as fence from counter where name = 'fence' for update`,
  )
  return row?.fence ?? 0
}

interface Place {
  readonly pool: Pool
  readonly n: number
}

type Looked = Place & Occupied & { readonly fence: number | null; readonly is_paused: number }

/** Slots of this process that are free, or used for longer than they were charged for. Paused by an operator, it fills none. */
function slotsOf({ tx, nowMs, nodeId }: Claiming, wanted: readonly Pool[]): Promise<Looked[]> {
  return tx.all(
    `select pool, n, fence, queue_id, charged, cast(?1 as bigint) - started_ms as used,
       (select is_paused from node where node.id = slot.node_id) as is_paused
     from slot where node_id = ?2 and pool = any(?3)
       and (fence is null or cast(?1 as bigint) - started_ms >= charged + ?4) order by pool, n`,
    nowMs,
    nodeId,
    wanted,
    accrualMs,
  )
}

/** Classes that ever had a lane, and how many slots of their pool were ever filled. */
function knownClasses({ tx }: Claiming): Promise<ClassRow[]> {
  return tx.all(
    `select clockwork.pool, clockwork.class, clockwork.v, counter.value as turn
     from clockwork join counter on counter.name = clockwork.pool || ' turn' order by clockwork.class`,
  )
}

interface ClassRow {
  readonly pool: Pool
  readonly class: WorkClass
  readonly v: number
  readonly turn: number
}

function clockworkOf(classes: readonly ClassRow[]): Clockwork {
  return ({ pool, workClass }) =>
    classes.find((row) => row.pool === pool && row.class === workClass)?.v ?? 0
}

async function fill(ring: Ring, places: readonly Place[]): Promise<Given[]> {
  const given: Given[] = []
  for (const place of places) {
    const pick = await ring.next()
    if (pick === null) break
    given.push({ place, pick })
  }
  return given
}

interface Filled {
  /** The newest one. */
  readonly fence: number
  readonly rows: readonly SlotRow[]
  readonly passed: readonly number[]
}

/** What is in the slots, and where lanes, queues and counters stand now. */
async function settle(
  t: Claiming,
  rings: readonly Ring[],
  { fence, rows, passed }: Filled,
): Promise<void> {
  const left = rings.map((ring) => ring.settle())
  const unknown = new Set([...t.touched, ...left.flatMap(({ unknown: ids }) => ids)])
  for (const id of left.flatMap(({ known }) => known)) unknown.delete(id)
  for (const id of passed) unknown.add(id)
  const slots = slotWrite(t, rows)
  if (unknown.size > 0) {
    await t.tx.together([slots])
    await refreshQueues(t, unknown)
  }
  const writes = [
    ...(unknown.size > 0 ? [] : [slots]),
    ...t.ledger.book.writes(),
    ...rings.map(({ write }) => write),
    counterWrite(fence, rings),
  ]
  t.tx.later(t.tx.together(writes))
}

function counterWrite(fence: number, rings: readonly Ring[]): Write {
  return {
    text: `update counter set value = r.value from rows as r (name text, value bigint)
      where counter.name = r.name`,
    rows: [
      { name: 'fence', value: fence },
      ...rings.map(({ pool, turn }) => ({ name: `${pool} turn`, value: turn })),
    ],
  }
}

interface TaskRow {
  readonly id: number
  /** `list`, `read` or `settle`; another version may know more. */
  readonly kind: string
  readonly round_id: number | null
  readonly item_id: number | null
  readonly step: string | null
}

interface Held {
  readonly claims: readonly Claim[]
  readonly rows: readonly SlotRow[]
  /** Queues of what has gone another way since it was looked at: it is passed over. */
  readonly passed: readonly number[]
}

/** Tasks and items for slots, each under a new fence: the numbers behind `newest`. */
async function hold(t: Claiming, given: readonly Given[], newest: number): Promise<Held> {
  const [tasks, fresh] = await Promise.all([
    leaseTasks(t, given, newest),
    itemsToRead(
      t,
      given.flatMap(({ pick }) => pick.itemId ?? []),
    ),
  ])
  const again = await itemsToRead(
    t,
    [...tasks.values()].flatMap((task) => (task.kind === 'read' ? (task.item_id ?? []) : [])),
  )
  const untilMs = t.nowMs + t.policy.leaseMs
  const claims: Claim[] = []
  const rows: SlotRow[] = []
  const passed: number[] = []
  for (const [at, { place, pick }] of given.entries()) {
    const fence = newest + at + 1
    const task = tasks.get(pick.taskId ?? 0)
    const itemId = pick.itemId ?? (task?.kind === 'read' ? task.item_id : null)
    const read = (pick.itemId === null ? again : fresh).get(itemId ?? 0)
    const lease = leaseOf(place, pick, { fence, untilMs })
    if (read !== undefined) claims.push(readClaim(lease, read))
    else if (task !== undefined) claims.push(await listClaim(t, lease, task))
    else {
      passed.push(pick.queue.id)
      continue
    }
    rows.push(slotRow(place, pick, { fence, itemId, seq: read?.seq ?? null }))
  }
  return { claims, rows, passed }
}

function leaseOf(
  { pool, n: slot }: Place,
  { lane, queue }: Picked,
  { fence, untilMs }: { readonly fence: number; readonly untilMs: number },
): Lease {
  return { fence, pool, slot, ownerId: lane.ownerId, sourceId: queue.sourceId, untilMs }
}

interface SlotRow {
  readonly pool: Pool
  readonly n: number
  readonly fence: number
  readonly task_id: number | null
  readonly item_id: number | null
  readonly seq: number | null
  readonly queue_id: number
  readonly tag: number
  readonly charged: number
}

function slotRow(
  { pool, n }: Place,
  { taskId, queue, tag }: Picked,
  held: { readonly fence: number; readonly itemId: number | null; readonly seq: number | null },
): SlotRow {
  return {
    pool,
    n,
    fence: held.fence,
    task_id: taskId,
    item_id: held.itemId,
    seq: held.seq,
    queue_id: queue.id,
    tag,
    charged: Math.round(queue.costMs),
  }
}

function slotWrite(t: Claiming, rows: readonly SlotRow[]): Write {
  return {
    text: `update slot set fence = r.fence, task_id = r.task_id, item_id = r.item_id, seq = r.seq,
        queue_id = r.queue_id, tag = r.tag, charged = r.charged, started_ms = ?1, until_ms = ?2
      from rows as r (pool text, n bigint, fence bigint, task_id bigint, item_id bigint, seq bigint,
        queue_id bigint, tag bigint, charged bigint)
      where slot.node_id = ?3 and slot.pool = r.pool and slot.n = r.n`,
    values: [t.nowMs, t.nowMs + t.policy.leaseMs, t.nodeId],
    rows,
  }
}

type Lease = Omit<Extract<Claim, { kind: 'list' }>, 'kind' | 'roundId' | 'step'>

function readClaim(lease: Lease, { item, known }: ToRead): Claim {
  const { fence, pool, slot, ownerId, sourceId, untilMs } = lease
  return { kind: 'read', fence, pool, slot, ownerId, sourceId, untilMs, item, known }
}

async function listClaim(t: Claiming, lease: Lease, task: TaskRow): Promise<Claim> {
  const roundId = task.round_id ?? 0
  if (task.kind === 'list') return { ...lease, kind: 'list', roundId, step: task.step }
  const behind = Number(task.step ?? 0)
  if (task.kind !== 'settle' || !Number.isSafeInteger(behind)) {
    return { ...lease, kind: 'unknown', name: task.kind }
  }
  const candidates = await candidatesOf(t, roundId, behind)
  return { ...lease, kind: 'settle', roundId, candidates }
}

async function leaseTasks(
  { tx }: Claiming,
  given: readonly Given[],
  newest: number,
): Promise<ReadonlyMap<number, TaskRow>> {
  const rows = given.flatMap(({ pick: { taskId: id } }, at) =>
    id === null ? [] : [{ id, fence: newest + at + 1 }],
  )
  if (rows.length === 0) return new Map()
  const leased = await tx.each<TaskRow>(
    `update task set state = 1, fence = r.fence from rows as r (id bigint, fence bigint)
     where task.id = r.id and task.state = 0
     returning task.id, task.kind, task.round_id, task.item_id, task.step`,
    rows,
  )
  return new Map(leased.map((row) => [row.id, row]))
}
