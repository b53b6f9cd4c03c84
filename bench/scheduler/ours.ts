/** Our own side: the stores as entrants of the races, and trials for the rows in which nobody else takes part. */
import type { Options } from '../bench.ts'
import { runAlone } from './alone.ts'
import type { EntrantId } from './entrants.ts'
import type { Outcome } from './ours/trial.ts'
import type { TrialId } from './ours/trials.ts'
import type { RowId, Store } from './rows.ts'
import { servers } from './servers.ts'
import type { TrialOptions } from './trial-process.ts'

export interface Ours {
  /** The stores that run the races, as entrants like everybody else. */
  readonly entrants: Readonly<Partial<Record<Store, EntrantId>>>
  /** The rows without a race. */
  readonly rows: Readonly<Partial<Record<RowId, Measure>>>
}

/** In the unit of the row; what goes wrong is thrown. */
export type Measure = (store: Store, options: Options) => Promise<number>

export const ours: Ours = {
  entrants: { SQLite: 'roundelay-sqlite', PostgreSQL: 'roundelay-postgres' },
  rows: {
    'million-ahead': valueOf('million-ahead'),
    'jain-equal': valueOf('jain-equal'),
    'jain-slow': valueOf('jain-slow'),
    weights: valueOf('weights'),
    'lanes-flat': ratioOf('thousand-lanes', 'million-lanes'),
    'lanes-shuffled': ratioOf('thousand-lanes-shuffled', 'million-lanes-shuffled'),
    'idle-million': valueOf('idle-million'),
    'dead-source': valueOf('dead-source'),
    enqueue: valueOf('enqueue'),
  },
}

/** Filling a database with a million of something is the longest part of it. */
const longestTrialMs = 1_200_000

function ratioOf(one: TrialId, other: TrialId): Measure {
  return async (store, options) =>
    (await valueOf(one)(store, options)) / (await valueOf(other)(store, options))
}

function valueOf(trial: TrialId): Measure {
  return async (store, { note }) => {
    const server = store === 'PostgreSQL' ? 'postgres' : null
    const reason = server === null ? null : await servers[server].missing()
    if (reason !== null) throw new Error(reason)
    const answer = await runAlone({
      module: 'trial-process.ts',
      name: `${trial} on ${store}`,
      server,
      question: (ground) => ({ trial, store, ground }) satisfies TrialOptions,
      longestMs: longestTrialMs,
    })
    // That is what the process of a trial answers.
    const outcome = answer as Outcome
    note(`${trial} on ${store}: ${outcome.note}`)
    return outcome.value
  }
}
