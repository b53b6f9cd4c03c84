import { expect, it } from 'vitest'
import { inSqlite, inTheModel } from './content-keeping.ts'
import { simulate, type SimulationParts } from './simulation.ts'

/** `SEED=17` lives that one life again, of each kind. */
const only = process.env['SEED']

/** Lives of which each kind of network has some. */
export const networks = {
  'SQLite, peers of our own kind': { keeping: inSqlite },
  'the model, peers of our own kind': { keeping: inTheModel },
  'SQLite, plain peers': { keeping: inSqlite, isPlain: () => true, isForgetful: false },
  'the model, both kinds of peers': {
    keeping: inTheModel,
    isPlain: (name) => name === 'bob' || name === 'dora',
    isForgetful: false,
  },
} as const satisfies Record<string, Omit<SimulationParts, 'seed'>>

/** Lives that one test lives. */
const perTest = 5

/** Lives these, from the first to before the last one; one that goes wrong is named, with the command that lives it again. */
export function live(name: keyof typeof networks, first: number, last: number): void {
  const seeds = only === undefined ? range(first, last) : [Number(only)]
  for (let at = 0; at < seeds.length; at += perTest) {
    const some = seeds.slice(at, at + perTest)
    it(`N1 all nodes end the same: ${name}, seeds ${some[0]} to ${some.at(-1)}`, async () => {
      for (const seed of some) {
        const wrong = await simulate({ ...networks[name], seed })
        expect(wrong.join('\n'), `SEED=${seed} npx vitest run test/network/simulation`).toBe('')
      }
    })
  }
}

function range(first: number, last: number): readonly number[] {
  return Array.from({ length: last - first }, (_, n) => first + n)
}
