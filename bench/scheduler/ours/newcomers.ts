/** How soon a user's only task begins while somebody with very much to do has all slots. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../../src/engine/engine.ts'
import { median } from '../statistics.ts'
import { addCrowd, stirAll } from './population.ts'
import type { Stage } from './stage.ts'
import type { Trial } from './trial.ts'

export interface Arrivals {
  /** Owed by the large user. */
  readonly ahead: number
  /** They come one after the other, each when the last one has begun. */
  readonly newcomers: number
  readonly taskMs: number
  /** Until the large user has all slots. */
  readonly warmMs: number
}

/** Milliseconds from the commit of what a newcomer owes to the beginning of his task, the median of several. */
export function waiting(arrivals: Arrivals): Trial {
  return async (stage) => {
    const { ahead, newcomers, taskMs } = arrivals
    const waitsMs = await waitsOf(stage, arrivals)
    const value = median(waitsMs)
    const most = Math.max(...waitsMs).toFixed(1)
    const note = `begins after ${value.toFixed(1)} ms, at most ${most} ms, of ${newcomers} who came one after the other behind ${ahead} tasks of ${taskMs} ms`
    return { value, note }
  }
}

export async function waitsOf(stage: Stage, arrivals: Arrivals): Promise<readonly number[]> {
  const { ahead, newcomers, taskMs, warmMs } = arrivals
  const { sql } = stage
  const large = await addCrowd(sql, { users: 1, items: ahead })
  const first = await addCrowd(sql, { users: newcomers, items: 0 })
  await stirAll(sql)
  await stage.settle()
  let noteBegin = (): void => undefined
  const engine = await stage.work({
    read: async ({ sourceId }) => {
      if (sourceId !== large) noteBegin()
      await sleep(taskMs)
    },
  })
  await sleep(warmMs)
  const waitsMs: number[] = []
  for (let n = 0; n < newcomers; n++) {
    const begun = new Promise<number>((resolve) => {
      noteBegin = () => resolve(performance.now())
    })
    await owe(stage, first + n, engine)
    const sinceMs = performance.now()
    waitsMs.push((await begun) - sinceMs)
    // Nobody comes at a moment that a turn has chosen.
    await sleep(taskMs + ((n * 7) % 20))
  }
  return waitsMs
}

/** As a command beside the engine would: what it changes is stirred, and the engine hears of it. */
async function owe({ sql }: Stage, sourceId: number, engine: Engine): Promise<void> {
  await sql.transaction(async (tx) => {
    await tx.run(
      `insert into item (source_id, key, path, size, listed, seq, state, round_id, changed_ms)
       values (?, 'file', '["file"]', 1, 'v1', 1, 1, 0, 0)`,
      sourceId,
    )
    await tx.run('update source set seq = 1 where id = ?', sourceId)
    await tx.run('insert into stirred (source_id) values (?)', sourceId)
  })
  engine.wake()
}
