import { describe, expect, it } from 'vitest'
import { KeptInSqlite } from './kept-in-sqlite.ts'
import { plantedFaults, type PlantedFault } from './planted-faults.ts'
import { simulate } from './simulation.ts'

/**
 * The simulation is worth what it finds: each fault that is planted here must be caught within far fewer lives than are
 * lived where none is.
 */
const lives = 200

/** What the first life that notices anything notices. */
async function firstCaught({ rewrite, policy, spoil }: PlantedFault): Promise<string> {
  let planted = rewrite === undefined ? 1 : 0
  const keeping = new KeptInSqlite({
    rewrite: (sql) => {
      const text = rewrite?.(sql) ?? null
      if (text !== null) planted++
      return text
    },
  })
  for (let seed = 1; seed <= lives; seed++) {
    keeping.clear()
    const broken = await simulate(seed, {
      keeping,
      ...(policy === undefined ? {} : { policy }),
      ...(spoil === undefined ? {} : { spoil }),
    })
    if (broken.length > 0) return `${broken.join('\n')} (seed ${seed})`
  }
  return planted === 0 ? 'the text to be replaced is not there' : 'nothing'
}

describe('the simulation catches', () => {
  for (const planted of plantedFaults) {
    it(planted.fault, async () => {
      expect(await firstCaught(planted)).toMatch(planted.noticed)
    })
  }
})
