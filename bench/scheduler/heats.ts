/** Heats of everybody who takes part: each in a process of its own, on a server of its own, the median of several. */
import type { Options } from '../bench.ts'
import { failure } from '../race.ts'
import { runAlone } from './alone.ts'
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
      const heat = await heatAlone(id, race.load)
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

/** Queueing included. */
const longestProcessMs = 300_000

async function heatAlone(entrant: EntrantId, load: Load): Promise<Heat> {
  const { name, server } = entrants[entrant]
  const answer = await runAlone({
    module: 'heat-process.ts',
    name,
    server,
    question: (ground) => ({ entrant, ground, load }) satisfies HeatOptions,
    longestMs: longestProcessMs,
  })
  // That is what the process of a heat answers.
  return answer as Heat
}

function described(heat: Heat): string {
  const { tasks, ms, smallDoneMs, mostAtOnce, mostLargeAtOnce, repeats, isCut } = heat
  const done = `${smallDoneMs.length} small users done`
  const speed = `${Math.round((1000 * tasks) / ms)} tasks/s over ${(ms / 1000).toFixed(2)} s`
  const slots = `at most ${mostAtOnce} at once, ${mostLargeAtOnce} of the large user`
  const oddities = `${repeats === 0 ? '' : `, ${repeats} ran twice`}${isCut ? ', cut' : ''}`
  return `${done}, ${speed}, ${slots}${oddities}`
}
