/** Heats of everybody who takes part: each in a process of its own, on a server of its own, the median of several. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Options } from '../bench.ts'
import { failure } from '../race.ts'
import { plainEnvironment } from '../tools.ts'
import { type Entrant, type EntrantId, entrants } from './entrants.ts'
import type { Heat } from './heat.ts'
import type { HeatOptions } from './heat-process.ts'
import type { Load } from './load.ts'
import { installPackages } from './packages.ts'
import { servers } from './servers.ts'
import { median } from './statistics.ts'

/** A figure, or why there is none. */
export type Figure =
  | { readonly value: number; readonly reason: null }
  | { readonly value: null; readonly reason: string }

/** What is measured: a load, and the figure that a heat of it gives. */
export interface Race {
  readonly name: string
  readonly load: Load
  readonly figure: (heat: Heat) => Figure
}

export async function runHeats(id: EntrantId, race: Race, options: Options): Promise<Figure> {
  const entrant = entrants[id]
  const reason = await missing(entrant, options)
  if (reason !== null) return { value: null, reason }
  try {
    const values: number[] = []
    for (let run = 0; run < options.runs; run++) {
      const heat = await runAlone(id, race.load)
      options.note(`${entrant.name}, ${race.name}: ${described(heat)}`)
      const figure = race.figure(heat)
      if (figure.value === null) return figure
      values.push(figure.value)
      // What takes that long is not decided by chance.
      if (heat.ms > longestRepeatedMs) break
    }
    return { value: median(values), reason: null }
  } catch (error) {
    return { value: null, reason: failure(error) }
  }
}

const longestRepeatedMs = 2000

async function missing(entrant: Entrant, { note }: Options): Promise<string | null> {
  const reason = entrant.server === null ? null : await servers[entrant.server].missing()
  return reason ?? (entrant.isForeign ? await installPackages(note) : null)
}

async function runAlone(entrant: EntrantId, load: Load): Promise<Heat> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-scheduler-'))
  try {
    const kind = entrants[entrant].server
    await using server = kind === null ? null : await servers[kind].start()
    return await inProcess({ entrant, ground: { url: server?.url ?? '', folder }, load })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Queueing included. */
const longestProcessMs = 300_000

async function inProcess(options: HeatOptions): Promise<Heat> {
  const child = fork(fileURLToPath(new URL('heat-process.ts', import.meta.url)), [], {
    execArgv: ['--import', 'tsx'],
    env: plainEnvironment(),
    timeout: longestProcessMs,
    killSignal: 'SIGKILL',
  })
  const exit = once(child, 'exit')
  try {
    child.send(options)
    return await Promise.race([heatOf(child), exit.then(([code]) => ended(options.entrant, code))])
  } finally {
    child.kill('SIGKILL')
    await exit
  }
}

async function heatOf(child: ChildProcess): Promise<Heat> {
  const [heat] = await once(child, 'message')
  return heat as Heat
}

function ended(entrant: EntrantId, code: unknown): never {
  throw new Error(
    `The process of ${entrants[entrant].name} ended (${String(code)}) before it was measured.`,
  )
}

function described(heat: Heat): string {
  const { tasks, ms, smallDoneMs, mostAtOnce, mostLargeAtOnce, repeats, isCut } = heat
  const done = `${smallDoneMs.length} small users done`
  const speed = `${Math.round((1000 * tasks) / ms)} tasks/s over ${(ms / 1000).toFixed(2)} s`
  const slots = `at most ${mostAtOnce} at once, ${mostLargeAtOnce} of the large user`
  const oddities = `${repeats === 0 ? '' : `, ${repeats} ran twice`}${isCut ? ', cut' : ''}`
  return `${done}, ${speed}, ${slots}${oddities}`
}
