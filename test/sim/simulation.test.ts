import { expect, it } from 'vitest'
import { simulate } from './simulation.ts'

/** `SEED=17` replays one life, `SEEDS=10000` lives many. */
const only = process.env['SEED']
const count = Number(process.env['SEEDS'] ?? 200)
const seeds = only === undefined ? Array.from({ length: count }, (_, n) => n + 1) : [Number(only)]

for (const seed of seeds) {
  it(`seed ${seed}: nothing is broken on the way, and in the end the library is what the drives hold`, async () => {
    expect((await simulate(seed)).join('\n')).toBe('')
  })
}
