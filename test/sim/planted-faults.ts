import type { Policy } from '../../src/engine/policy.ts'
import type { TaskStore } from '../../src/engine/task-store.ts'
import type { Listed, Result } from '../../src/engine/task.ts'
import type { Rewrite } from './faulty-database.ts'

/** A fault that somebody might build into a store: by another text for a statement, or around the whole of it. */
export interface PlantedFault {
  readonly fault: string
  readonly rewrite?: Rewrite
  readonly policy?: Partial<Policy>
  readonly spoil?: (store: TaskStore) => TaskStore
  /** How what is noticed begins. */
  readonly noticed: RegExp
}

const day = 86_400_000

export const plantedFaults: readonly PlantedFault[] = [
  {
    fault: 'no lease: a slot whose task never ends never comes back',
    policy: { leaseMs: 300 * day, longestListMs: 300 * day },
    noticed: /not idle|shows/,
  },
  {
    fault: 'the cursor of a page is stored before the work that it owes',
    spoil: storingLate,
    noticed: /shows/,
  },
  {
    fault: 'an unfair turn: lanes never move on, so that the first is always served first',
    rewrite: replacing(/update lane set vt = (\?\d+), floor/, 'update lane set vt = 0 * $1, floor'),
    noticed: /T4/,
  },
  {
    fault: 'a late result is accepted: nobody looks whether the lease has passed',
    rewrite: replacing(/slot\.until_ms > \?(?=\s*(?:\)|$))/, 'slot.until_ms + 0 * ? > 0'),
    noticed: /L2/,
  },
  {
    fault: 'a round is closed as clean with a list task that was parked',
    rewrite: replacing(/set is_clean = 0, spoiled_code/, 'set is_clean = 1, spoiled_code'),
    noticed: /shows/,
  },
  {
    fault: 'what was read of an older version counts as the new one',
    rewrite: replacing(/item\.seq as item_seq/, 'slot.seq as item_seq'),
    noticed: /shows/,
  },
  {
    fault: 'a queue that could be claimed is not woken',
    rewrite: replacing(/is_active = (\?\d+)(\s+where queue)/, 'is_active = 0 * $1 $2'),
    noticed: /T9/,
  },
  {
    fault: 'a restarted round does not set the next one',
    rewrite: replacing(
      /set cursor = null, due_ms = \? where/,
      'set cursor = null, due_ms = due_ms + 0 * ? where',
    ),
    noticed: /R9/,
  },
  {
    fault: 'an item that is listed in another version is not owed',
    rewrite: replacing(/seq = (\?\d+), state = (\?\d+)/, 'seq = $1, state = 0 * $2'),
    noticed: /W5|shows/,
  },
  {
    fault: 'what a process held is not given back when the next one starts',
    rewrite: replacing(
      /update task set state = 0, fence = null where state = 1/,
      'update task set state = 1 where state = 1',
    ),
    noticed: /leased task/,
  },
]

function replacing(part: RegExp, by: string): Rewrite {
  return (sql) => (part.test(sql) ? sql.replace(part, by) : null)
}

/** Stores a page without its items, which are kept in memory until the next page of the source is stored. */
function storingLate(store: TaskStore): TaskStore {
  const owed = new Map<number, Listed['items']>()
  const split = (result: Result): Result => {
    if (result.type !== 'listed' || result.isTree) return result
    const { sourceId } = result.claim
    const items = [...(owed.get(sourceId) ?? []), ...result.items]
    owed.delete(sourceId)
    if (result.next.length === 0) return { ...result, items }
    owed.set(sourceId, items)
    return { ...result, items: [] }
  }
  return {
    open: () => store.open(),
    close: () => store.close(),
    turn: (results, free) => store.turn(results.map(split), free),
    stalls: () => store.stalls(),
    purge: (limit) => store.purge(limit),
  }
}
