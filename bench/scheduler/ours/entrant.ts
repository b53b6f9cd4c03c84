/** Ourselves as a contestant: the full form, each task an owed item that is read in a leased slot. */
import type { Item } from '../../../src/engine/handler.ts'
import { defaultPolicy } from '../../../src/engine/policy.ts'
import type { Ground, SchedulerContestant } from '../contestant.ts'
import { batchesOf, type Task } from '../load.ts'
import type { Store } from '../rows.ts'
import { intervalMs, stirAll } from './population.ts'
import { openStage, type Stage } from './stage.ts'

export const openOnSqlite = (ground: Ground): Promise<Ourselves> => open('SQLite', ground)
export const openOnPostgres = (ground: Ground): Promise<Ourselves> => open('PostgreSQL', ground)

/** In a heat the end of the process is the end of it; a test goes on. */
type Ourselves = SchedulerContestant & AsyncDisposable

async function open(store: Store, ground: Ground): Promise<Ourselves> {
  const stage = await openStage(store, ground)
  return {
    queue: async (tasks) => {
      const sources = new Map<number, number>()
      for (const batch of batchesOf(tasks)) await owe(stage, batch, sources)
      await stage.sql.run(
        `update source set due_ms = ?,
           seq = (select max(item.seq) from item where item.source_id = source.id)`,
        (await stage.sql.now()) + intervalMs,
      )
      await stirAll(stage.sql)
      await stage.settle()
    },
    start: async (slots, work) => {
      const engine = await stage.work({
        policy: { slots: { ...defaultPolicy.slots, read: slots } },
        read: (item) => work(taskOf(item)),
      })
      return () => engine.stop(longestEndMs)
    },
    [Symbol.asyncDispose]: () => stage[Symbol.asyncDispose](),
  }
}

/** Milliseconds for writing the last results. */
const longestEndMs = 5_000

/** A user's n-th task is the n-th item that his source came to owe. */
async function owe(
  { sql, registry }: Stage,
  tasks: readonly Task[],
  sources: Map<number, number>,
): Promise<void> {
  for (const { user } of tasks) {
    if (sources.has(user)) continue
    const { id: ownerId } = await registry.addOwner(`user${user}`, 'free')
    const source = await registry.addSource({ ...sourceOf, ownerId })
    sources.set(user, source.id)
  }
  await sql.each(
    `insert into item (source_id, key, path, size, listed, seq, state, round_id, changed_ms)
     select r.source_id, r.key, r.path, 1, 'v1', r.seq, 1, 0, 0
     from rows as r (source_id bigint, key text, path text, seq bigint)`,
    tasks.map(({ id, user, nth }) => ({
      source_id: sources.get(user),
      key: String(id),
      path: JSON.stringify([String(user), String(nth)]),
      seq: nth,
    })),
  )
}

const sourceOf = {
  name: 'music',
  kind: 'bench',
  address: '',
  settings: {},
  intervalMs,
  password: null,
}

function taskOf({ key, path: [user, nth] }: Item): Task {
  return { id: Number(key), user: Number(user), nth: Number(nth) }
}
