/** Users with a source each and work owed, by bulk SQL: what the registry and many listings would have left. */
import { firstExpectationMs } from '../../../src/engine/fair.ts'
import { defaultPolicy, planWeights, type Plan } from '../../../src/engine/policy.ts'
import type { SqlDatabase, SqlValue } from '../../../src/store/sql/sql.ts'

export interface Crowd {
  readonly users: number
  readonly plan?: Plan
  /** Owed by each user's source. */
  readonly items: number
}

/** Milliseconds until a round of theirs is due: nothing of the kind happens while the bench runs. */
export const intervalMs = 86_400_000

/**
 * Adds users. Their sources have numbers that follow each other; the first one comes back. What they owe is known to the
 * store's queues once it has settled.
 */
export async function addCrowd(sql: SqlDatabase, crowd: Crowd): Promise<number> {
  const { users, plan = 'free', items } = crowd
  const [owner, source] = await Promise.all([lastOf(sql, 'owner'), lastOf(sql, 'source')])
  await runLong(
    sql,
    `${counting} insert into owner (name, plan, weight)
     select 'user ' || (i + cast(?2 as bigint)), cast(?3 as text), cast(?4 as integer) from n`,
    users,
    owner,
    plan,
    planWeights[plan],
  )
  await runLong(
    sql,
    `insert into source (owner_id, name, kind, address, settings, interval_ms, due_ms, seq)
     select id, 'music', 'bench', '', '{}', cast(?1 as bigint), cast(?2 as bigint), cast(?3 as bigint)
     from owner where id > ?4 order by id`,
    intervalMs,
    (await sql.now()) + intervalMs,
    items,
    owner,
  )
  if (items > 0) {
    await runLong(
      sql,
      `${counting} insert into item (source_id, key, path, size, listed, seq, state, round_id, changed_ms)
       select source.id, 'file ' || n.i, '["file"]', 1, 'v1', n.i, 1, 0, 0
       from source, n where source.id > ?2`,
      items,
      source,
    )
  }
  return source + 1
}

/** The store looks at all sources when it settles next. */
export async function stirAll(sql: SqlDatabase): Promise<void> {
  await sql.run(
    'insert into stirred (source_id) select id from source where true on conflict do nothing',
  )
}

/**
 * Lanes and queues with something to run for all sources, where looking at one after the other would take minutes. They
 * begin at the same virtual time, as lanes that wake up together do; or, shuffled, close to each other and not in the
 * order of their numbers, so that turns take rows from everywhere.
 */
export async function openLanes(sql: SqlDatabase, { isShuffled = false } = {}): Promise<void> {
  await sql.run(`insert into clockwork (pool, class, v) values ('read', 1, 0)`)
  await runLong(
    sql,
    `insert into lane (pool, class, owner_id, vt, is_active)
     select 'read', 1, id, ${isShuffled ? '(id * 7919) % 1009' : '0'}, 1 from owner order by id`,
  )
  await runLong(
    sql,
    `insert into queue (lane_id, source_id, is_active, "window", cost_ms)
     select lane.id, source.id, 1, cast(?1 as integer), cast(?2 as integer)
     from lane join source on source.owner_id = lane.owner_id order by lane.id`,
    defaultPolicy.windowStart,
    firstExpectationMs,
  )
}

/** The numbers from 1 to ?1. */
const counting = `with recursive n (i) as
  (select cast(1 as bigint) union all select i + 1 from n where i < ?1)`

async function lastOf(sql: SqlDatabase, table: 'owner' | 'source'): Promise<number> {
  const row = await sql.get<{ id: number | null }>(`select max(id) as id from ${table}`)
  return row?.id ?? 0
}

function runLong(sql: SqlDatabase, text: string, ...values: readonly SqlValue[]): Promise<number> {
  return sql.transaction((tx) => tx.run(text, ...values), { isLong: true })
}
