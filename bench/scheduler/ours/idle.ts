/** What a server costs that has nothing to do, and very many users who might. */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startServing } from '../../serving.ts'
import { addCrowd } from './population.ts'
import { familyMs, lineOf } from './processor.ts'
import type { Stage } from './stage.ts'
import type { Trial } from './trial.ts'

export interface Rest {
  /** With a source each, of which no round is due for a day. */
  readonly users: number
  /** Until whatever comes with the start is over. */
  readonly settleMs: number
  readonly spanMs: number
}

export interface Idleness {
  /** Per cent of one core, of `roundelay serve`. */
  readonly own: number
  /** The same of the database's server; zero where there is none. */
  readonly server: number
}

/** Per cent of one core: ours and the database's together. */
export function idling(rest: Rest): Trial {
  return async (stage) => {
    const { own, server } = await idlenessOf(stage, rest)
    const note = `${own.toFixed(2)} % of a core by serve, ${server.toFixed(2)} % by the server of the database, ${rest.users} users, over ${rest.spanMs / 1000} s`
    return { value: own + server, note }
  }
}

/** Three folders above this one, and above where it lies once it is compiled. */
const command = fileURLToPath(new URL('../../../bin/roundelay.cjs', import.meta.url))

export async function idlenessOf(stage: Stage, rest: Rest): Promise<Idleness> {
  const { folder, url } = stage.ground
  const { users, settleMs, spanMs } = rest
  await addCrowd(stage.sql, { users, items: 0 })
  await stage.settle()
  const server = await serverOf(stage)
  // The work is that of `serve` alone from now on.
  await stage[Symbol.asyncDispose]()
  await using serving = await startServing(command, folder, url === '' ? {} : { DATABASE_URL: url })
  await sleep(settleMs)
  const usedMs = async (): Promise<readonly [number, number]> => [
    (await serving.usage()).cpuMs,
    server === null ? 0 : await familyMs(server),
  ]
  const startMs = performance.now()
  const before = await usedMs()
  await sleep(spanMs)
  const after = await usedMs()
  const passedMs = performance.now() - startMs
  return {
    own: (100 * (after[0] - before[0])) / passedMs,
    server: (100 * (after[1] - before[1])) / passedMs,
  }
}

/** The process that has started everything on the server; null where there is no server. */
async function serverOf({ sql, store }: Stage): Promise<number | null> {
  if (store === 'SQLite') return null
  await sql.run('checkpoint')
  const row = await sql.get<{ pid: number }>('select pg_backend_pid() as pid')
  return (await lineOf(row?.pid ?? 0)).parent
}
