/** The rows of the bench, in the order in which they are printed. */
import type { Unit } from '../table.ts'
import type { EntrantId } from './entrants.ts'
import type { RaceId } from './races.ts'

/** Where Roundelay keeps its tasks. */
export type Store = 'SQLite' | 'PostgreSQL'

export interface RowKind {
  readonly what: string
  readonly unit: Unit
  readonly better?: 'less' | 'more'
  /** Each has a line, or one for each peer. */
  readonly stores: readonly Store[]
  /** What is run against whom; null where we are measured alone. */
  readonly race: { readonly id: RaceId; readonly peers: readonly PeerId[] } | null
}

/** Who runs, or the ideal as it is calculated. */
export type PeerId = EntrantId | 'calculated'

const both = ['SQLite', 'PostgreSQL'] as const
const sqlite = ['SQLite'] as const
const queues = ['bullmq', 'graphile', 'graphile-stamped', 'pg-boss'] as const

export type RowId = keyof typeof rows

export const rows = {
  'noisy-neighbour': {
    what: '100 small users done beside one with 50,000 tasks, p99',
    unit: 'ms',
    stores: both,
    race: { id: 'noisy-neighbour', peers: ['calculated', 'ideal', 'pools', ...queues] },
  },
  'million-ahead': {
    what: 'the only task of a user begins behind 1,000,000 of another, 40 ms each',
    unit: 'ms',
    stores: both,
    race: null,
  },
  'jain-equal': {
    what: "Jain's index by slot time, 100 equal users",
    unit: '',
    better: 'more',
    stores: sqlite,
    race: null,
  },
  'jain-slow': {
    what: "Jain's index by slot time, tasks 1, 10 and 100 times as long",
    unit: '',
    better: 'more',
    stores: sqlite,
    race: null,
  },
  weights: { what: 'share of weight 3 to weight 1', unit: '', stores: sqlite, race: null },
  'lanes-flat': {
    what: 'claims/s at 1,000 lanes over claims/s at 1,000,000',
    unit: '',
    stores: both,
    race: null,
  },
  'lanes-shuffled': {
    what: 'the same, their turns in no order of their numbers',
    unit: '',
    stores: both,
    race: null,
  },
  'noop-sqlite': {
    what: 'tasks that do nothing',
    unit: '/s',
    better: 'more',
    stores: sqlite,
    race: { id: 'no-op', peers: queues },
  },
  'noop-postgres': {
    what: 'tasks that do nothing',
    unit: '/s',
    better: 'more',
    stores: ['PostgreSQL'],
    race: { id: 'no-op', peers: queues },
  },
  'idle-million': {
    what: 'processor over a minute, 1,000,000 idle users',
    unit: '%',
    stores: both,
    race: null,
  },
  'dead-source': {
    what: 'throughput of nine sources with a tenth dead, of that without it',
    unit: '%',
    better: 'more',
    stores: sqlite,
    race: null,
  },
  enqueue: {
    what: '1,000,000 owed items with their first tasks',
    unit: '/s',
    better: 'more',
    stores: both,
    race: null,
  },
} as const satisfies Readonly<Record<string, RowKind>>
