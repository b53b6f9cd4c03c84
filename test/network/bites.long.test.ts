import { describe, expect, it } from 'vitest'
import { inSqlite } from './content-keeping.ts'
import { collectingMarks, forgettingHolders, movingTooSoon } from './planted-faults.ts'
import type { Spoiling } from './peer-sources.ts'
import { simulate } from './simulation.ts'

/** The simulation is worth what it finds: each fault that is planted here must be caught within a few lives. */
const lives = 30

/** Even seeds live in a line, where what one overlooks nobody else brings. `first`: one that is known to notice it. */
async function firstCaught(spoiling: Spoiling, first: number): Promise<string> {
  for (let seed = first; seed < first + 2 * lives; seed += 2) {
    const wrong = await simulate({ seed, keeping: inSqlite, spoiling })
    if (wrong.length > 0) return `${wrong.join('\n')} (seed ${seed})`
  }
  return 'nothing'
}

const planted: Readonly<Record<string, readonly [Spoiling, RegExp, number]>> = {
  'a cursor that is moved before what its page brings is stored': [
    movingTooSoon,
    /lacks|marks/,
    12,
  ],
  'marks that are collected with the dead': [collectingMarks, /lacks|for active|marks/, 12],
  'the dead that hold marks being forgotten': [forgettingHolders, /for active|marks/, 24],
}

describe('the simulated network catches', () => {
  for (const [fault, [spoiling, noticed, first]] of Object.entries(planted)) {
    it(fault, async () => expect(await firstCaught(spoiling, first)).toMatch(noticed))
  }
})
