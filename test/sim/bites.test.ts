import { describe, expect, it } from 'vitest'
import type { Rewrite } from './faulty-database.ts'
import { simulate } from './simulation.ts'

/**
 * The simulation is worth what it finds: each fault that is planted here, by another text for one statement, must be
 * caught within a few lives.
 */
function replacing(part: string, by: string): Rewrite {
  return (sql) => (sql.includes(part) ? sql.replace(part, by) : null)
}

const lives = 60

/** What the first life that notices anything notices. */
async function firstCaught(rewrite: Rewrite, from = 1): Promise<string> {
  let planted = 0
  const counted: Rewrite = (sql) => {
    const text = rewrite(sql)
    if (text !== null) planted++
    return text
  }
  for (let seed = from; seed < from + lives; seed++) {
    const broken = await simulate(seed, counted)
    if (broken.length > 0) return broken.join('\n')
  }
  return planted === 0 ? 'the text to be replaced is not there' : 'nothing'
}

interface Planted {
  readonly fault: string
  readonly rewrite: Rewrite
  /** The first life to try, where it takes a rare one. */
  readonly from?: number
  /** How the first thing that is noticed begins. */
  readonly noticed: RegExp
}

const planted: readonly Planted[] = [
  {
    fault: 'the lease of a result is not looked at',
    rewrite: replacing('slot.until_ms > ?', 'slot.until_ms + 0 * ? > 0'),
    noticed: /L2/,
  },
  {
    fault: 'a slot is free again long after its lease',
    rewrite: replacing('from slot where until_ms <= ?', 'from slot where until_ms + 3e10 <= ?'),
    noticed: /time stands still/,
  },
  {
    fault: 'lanes never move on, so that the first is always served first',
    rewrite: replacing('update lane set vt = r.vt, floor', 'update lane set vt = 0 * r.vt, floor'),
    noticed: /T4/,
  },
  {
    fault: 'a round with a step that was not listed counts as clean',
    from: 50,
    rewrite: replacing(
      'update round set is_clean = 0, spoiled_code',
      'update round set is_clean = 1, spoiled_code',
    ),
    noticed: /shows/,
  },
  {
    fault: 'what was read of an older version counts as the new one',
    from: 25,
    rewrite: replacing('item.seq as item_seq', 'slot.seq as item_seq'),
    noticed: /shows/,
  },
  {
    fault: 'a queue that could be claimed is not woken',
    rewrite: replacing('update queue set is_active = 1', 'update queue set is_active = 0'),
    noticed: /T9/,
  },
  {
    fault: 'a restarted round does not set the next one',
    rewrite: replacing(
      'update source set cursor = null, due_ms = ? where',
      'update source set cursor = null, due_ms = due_ms + 0 * ? where',
    ),
    noticed: /R9/,
  },
  {
    fault: 'an item that is listed in another version is not owed',
    rewrite: replacing('seq = r.seq, state = r.state', 'seq = r.seq, state = 0 * r.state'),
    noticed: /W5|shows/,
  },
]

describe('the simulation catches', () => {
  for (const { fault, rewrite, from, noticed } of planted) {
    it(
      fault,
      async () => {
        expect(await firstCaught(rewrite, from)).toMatch(noticed)
      },
      240_000,
    )
  }

  it('nothing where nothing is planted, though the same lives are lived', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      expect(await simulate(seed, (sql) => (sql.includes('select') ? `${sql} ` : null))).toEqual([])
    }
  })
})
