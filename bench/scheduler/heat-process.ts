/** One heat in a process of its own: its one message in says whose and of what, its one message out is what came of it. */
import { once } from 'node:events'
import type { Ground } from './contestant.ts'
import { type EntrantId, entrants } from './entrants.ts'
import { runHeat } from './heat.ts'
import type { Load } from './load.ts'

export interface HeatOptions {
  readonly entrant: EntrantId
  readonly ground: Ground
  readonly load: Load
}

process.once('disconnect', () => process.exit(1))
const [options] = await once(process, 'message')
const { entrant, ground, load } = options as HeatOptions
const open = await entrants[entrant].load()
const heat = await runHeat(await open(ground), load)
// Nobody is asked to stop: that its workers die is part of a scheduler's life.
process.send?.(heat, () => process.exit(0))
