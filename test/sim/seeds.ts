import { expect, it } from 'vitest'
import type { Charge } from '../../src/engine/policy.ts'
import type { Keeping } from './keeping.ts'
import { simulate } from './simulation.ts'

/** `SEED=17` lives that one life again; `SEEDS=100000` lives so many of each store. */
const only = process.env['SEED']
const wanted = process.env['SEEDS']
/** `IN_FULL=1`: all of them, as `.ci/run` does; otherwise the first tenth. */
const isEvery = process.env['IN_FULL'] !== undefined

/** Lives that one test lives. */
const perTest = 50

export interface Seeds {
  readonly store: string
  /** Lives there are on this store, of both charges. */
  readonly count: number
  /** Even seeds are charged by task, odd ones by time: two files of tests, so that two processors live them. */
  readonly charge: Charge
  /** Somewhere without any rows. */
  readonly empty: () => Keeping
}

/** A test for every fifty lives; the first one that goes wrong is named, with the command that lives it again. */
export function liveAll({ store, count, charge, empty }: Seeds): void {
  const seeds = seedsOf(Number(wanted ?? (isEvery ? count : count / 10))).filter(
    (seed) => (seed % 2 === 0) === (charge === 'tasks'),
  )
  for (let at = 0; at < seeds.length; at += perTest) {
    const some = seeds.slice(at, at + perTest)
    const span = some.length === 1 ? `seed ${some[0]}` : `seeds ${some[0]} to ${some.at(-1)}`
    it(`${span}: nothing is broken on the way, and in the end the library on ${store} is what the drives hold`, async () => {
      for (const seed of some) {
        const broken = await simulate(seed, { keeping: empty() })
        const again = `SEED=${seed} npx vitest run test/sim/simulation`
        expect(broken.join('\n'), again).toBe('')
      }
    })
  }
  // Where one life is asked for, the file of the other charge has none.
  if (seeds.length === 0) it(`seed ${only} is charged otherwise`, () => expect(only).toBeDefined())
}

function seedsOf(count: number): readonly number[] {
  return only === undefined ? Array.from({ length: count }, (_, n) => n + 1) : [Number(only)]
}
