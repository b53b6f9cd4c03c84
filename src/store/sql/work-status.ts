import { stride } from '../../engine/fair.ts'
import {
  maxCountedLanes,
  maxWaiting,
  type LaneStatus,
  type FailedQuery,
  type FailedTask,
  type PoolStatus,
  type SlotStatus,
  type UnwellSource,
  type WorkFigures,
  type WorkStatus,
} from '../../engine/operations.ts'
import type { Pool, WorkClass } from '../../engine/task.ts'
import { busySlots } from './queues.ts'
import { isThere } from './removal.ts'
import type { Sql } from './sql.ts'

/** Whose, and how many of each at most. */
interface Scope {
  readonly ownerId: number | null
  readonly limit: number
}

/** What is going on, counted from rows; not who does it. */
export async function workStatus(db: Sql, scope: Scope): Promise<Omit<WorkStatus, 'processes'>> {
  const pools = await poolsOf(db)
  return {
    pools,
    slots: await slotsOf(db, scope),
    lanes: await lanesOf(db, pools, scope),
    unwell: await unwellOf(db, scope),
    parked: await failedOf(db, { ...scope, sourceId: null, isAll: false, after: 0 }),
  }
}

function poolsOf(db: Sql): Promise<PoolStatus[]> {
  return db.all(
    'select pool, count(*) as slots, count(fence) as busy from slot group by pool order by pool',
  )
}

interface SlotRow extends Omit<SlotStatus, 'what'> {
  readonly step: string | null
  readonly path: string | null
}

async function slotsOf(db: Sql, { ownerId, limit }: Scope): Promise<SlotStatus[]> {
  const rows = await db.all<SlotRow>(
    `select coalesce(node.name, '') as process, slot.pool, slot.n as slot, owner.name as owner,
       source.name as source, slot.started_ms as "sinceMs", slot.until_ms as "untilMs", task.step, item.path,
       case when task.id is not null then task.kind
         when slot.task_id is null and item.id is not null then 'read' end as kind
     from slot join queue on queue.id = slot.queue_id join source on source.id = queue.source_id
       join owner on owner.id = source.owner_id left join node on node.id = slot.node_id
       left join task on task.id = slot.task_id and task.fence = slot.fence and task.state = 1
       left join item on item.id = slot.item_id
     where slot.fence is not null ${ownerId === null ? '' : 'and owner.id = ?'}
     order by slot.started_ms, slot.pool, slot.node_id, slot.n limit ?`,
    ...given(ownerId),
    limit,
  )
  return rows.map(withWhat)
}

interface What {
  readonly kind: SlotStatus['kind']
  readonly step: string | null
  readonly path: string | null
}

/** The path of a file, or the step of a listing. */
function withWhat<Row extends What>({
  step,
  path,
  ...row
}: Row): Omit<Row, 'step' | 'path'> & { readonly what: string } {
  // Written by `storeItems` alone.
  if (path !== null) return { ...row, what: (JSON.parse(path) as string[]).join('/') }
  return { ...row, what: row.kind === 'list' ? (step ?? '') : '' }
}

function given(id: number | null): readonly number[] {
  return id === null ? [] : [id]
}

interface LaneRow {
  readonly id: number
  readonly owner: string
  readonly pool: Pool
  readonly class: WorkClass
  readonly weight: number
  readonly behind: number
  readonly running: number
}

async function lanesOf(db: Sql, pools: readonly PoolStatus[], scope: Scope): Promise<LaneStatus[]> {
  const rows = await db.all<LaneRow>(
    `select lane.id, owner.name as owner, lane.pool, lane.class, owner.weight,
       coalesce(clockwork.v, 0) - lane.vt as behind, coalesce(busy.slots, 0) as running
     from lane join owner on owner.id = lane.owner_id
       left join clockwork on clockwork.pool = lane.pool and clockwork.class = lane.class
       left join (select queue.lane_id, count(*) as slots from slot join queue on queue.id = slot.queue_id
         group by queue.lane_id) as busy on busy.lane_id = lane.id
     where lane.id = any(?) and (lane.is_active = 1 or busy.slots > 0)
     order by behind desc, lane.id limit ?`,
    await laneIds(db, scope),
    scope.limit,
  )
  const waiting = await waitingOf(
    db,
    rows.map(({ id }) => id),
  )
  const busy = new Map(pools.map((pool) => [pool.pool, pool.busy]))
  return rows.map(({ id, owner, pool, class: workClass, weight, behind, running }) => ({
    owner,
    pool,
    class: workClass,
    weight,
    lag: behind / stride,
    waiting: waiting.get(id) ?? 0,
    running,
    share: running / Math.max(1, busy.get(pool) ?? 0),
  }))
}

/** Lanes that are looked at: those of an owner, or of each pool and class those that come next, and all that have slots. */
async function laneIds(db: Sql, { ownerId, limit }: Scope): Promise<number[]> {
  if (ownerId !== null) {
    const own = await db.all<{ id: number }>('select id from lane where owner_id = ?', ownerId)
    return own.map(({ id }) => id)
  }
  const rings = await db.all<{ pool: Pool; class: WorkClass }>('select pool, class from clockwork')
  const ids = new Set<number>()
  for (const ring of rings) {
    const next = await db.all<{ id: number }>(
      `select id from lane where pool = ? and class = ? and is_active = 1 order by vt, id limit ?`,
      ring.pool,
      ring.class,
      limit,
    )
    for (const { id } of next) ids.add(id)
  }
  const served = await db.all<{ id: number }>(
    `select distinct queue.lane_id as id from slot join queue on queue.id = slot.queue_id`,
  )
  for (const { id } of served) ids.add(id)
  return [...ids]
}

/** Tasks that are ready, and owed items that no slot reads. */
async function waitingOf(db: Sql, lanes: readonly number[]): Promise<ReadonlyMap<number, number>> {
  if (lanes.length === 0) return new Map()
  const rows = await db.all<{ lane_id: number; ready: number; owed: number }>(
    `select queue.lane_id,
       (select count(*) from (select 1 from task where task.queue_id = queue.id and task.state = 0
         limit ?1) as ready) as ready,
       case when lane.pool = 'read' then (select count(*) from (
         select 1 from item where item.source_id = queue.source_id and item.state = 1 limit ?1) as owed)
         - coalesce(busy.reads, 0) else 0 end as owed
     from queue join lane on lane.id = queue.lane_id left join ${busySlots} as busy on busy.queue_id = queue.id
     where queue.lane_id = any(?2)`,
    maxWaiting,
    lanes,
  )
  const waiting = new Map<number, number>()
  for (const { lane_id: id, ready, owed } of rows) {
    waiting.set(id, (waiting.get(id) ?? 0) + ready + Math.max(0, owed))
  }
  return waiting
}

function unwellOf(db: Sql, { ownerId, limit }: Scope): Promise<UnwellSource[]> {
  return db.all<UnwellSource>(
    `select source.id, owner.name as owner, source.name as source,
       case source.health when 1 then 'resting' else 'stopped' end as state, source.ok_ms as "wellMs",
       source.rest_until_ms as "untilMs", coalesce(source.error_code, '') as code,
       coalesce(source.error_message, '') as message
     from source join owner on owner.id = source.owner_id
     where source.health > 0 ${ownerId === null ? '' : 'and source.owner_id = ?'}
     order by source.id limit ?`,
    ...given(ownerId),
    limit,
  )
}

interface FailedRow extends Omit<FailedTask, 'what'> {
  readonly step: string | null
  readonly path: string | null
}

export async function failedOf(
  db: Sql,
  { ownerId, sourceId, isAll, limit, after }: FailedQuery,
): Promise<FailedTask[]> {
  const rows = await db.all<FailedRow>(
    `select task.id, task.kind, owner.name as owner, source.id as "sourceId", source.name as source,
       task.step, item.path, task.attempts, task.crashes,
       case when task.state = 2 then task.run_at_ms end as "nextMs", coalesce(task.error_code, '') as code,
       coalesce(task.error_message, '') as message
     from task join source on source.id = task.source_id join owner on owner.id = source.owner_id
       left join item on item.id = task.item_id
     where task.state ${isAll ? 'in (2, 3)' : '= 3'} and ${isThere} and task.id > ? ${ownerId === null ? '' : 'and source.owner_id = ?'}
       ${sourceId === null ? '' : 'and source.id = ?'}
     order by task.id limit ?`,
    after,
    ...given(ownerId),
    ...given(sourceId),
    limit,
  )
  return rows.map(withWhat)
}

export async function workFigures(db: Sql): Promise<WorkFigures> {
  const lanes = await db.all<{ pool: Pool; active: number }>(
    `select pool, count(*) as active from (select pool from lane where is_active = 1 limit ?) as ready
     group by pool order by pool`,
    maxCountedLanes,
  )
  const unwell = await db.all<{ health: number; count: number }>(
    'select health, count(*) as count from source where health > 0 group by health',
  )
  const parked = await db.get<{ count: number }>(
    `select count(*) as count from task where state = 3
       and not exists (select 1 from source where source.id = task.source_id and not ${isThere})`,
  )
  const countOf = (health: number): number =>
    unwell.find((row) => row.health === health)?.count ?? 0
  return { lanes, resting: countOf(1), stopped: countOf(2), parked: parked?.count ?? 0 }
}
