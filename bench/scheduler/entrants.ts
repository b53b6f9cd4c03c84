/** Everybody who takes part with a process, and what each one needs. */
import type { OpenContestant } from './contestant.ts'

export interface Entrant {
  readonly name: string
  readonly server: 'redis' | 'postgres' | null
  /** Whether it is made of packages that belong to the bench alone. */
  readonly isForeign: boolean
  /** Loaded by its own process, so that nobody carries what another one imports. */
  readonly load: () => Promise<OpenContestant>
}

export type EntrantId = keyof typeof entrants

export const entrants = {
  'roundelay-sqlite': {
    name: 'Roundelay on SQLite',
    server: null,
    isForeign: false,
    load: async () => (await import('./ours/entrant.ts')).openOnSqlite,
  },
  'roundelay-postgres': {
    name: 'Roundelay on PostgreSQL',
    server: 'postgres',
    isForeign: false,
    load: async () => (await import('./ours/entrant.ts')).openOnPostgres,
  },
  ideal: {
    name: 'ideal, real timers',
    server: null,
    isForeign: false,
    load: async () => (await import('./peers/ideal.ts')).openIdeal,
  },
  pools: {
    name: 'a pool a user, 101 slots',
    server: null,
    isForeign: false,
    load: async () => (await import('./peers/pools.ts')).openPools,
  },
  bullmq: {
    name: 'BullMQ',
    server: 'redis',
    isForeign: true,
    load: async () => (await import('./peers/bullmq.ts')).openBullmq,
  },
  graphile: {
    name: 'graphile-worker',
    server: 'postgres',
    isForeign: true,
    load: async () => (await import('./peers/graphile-worker.ts')).openGraphileWorker,
  },
  'graphile-stamped': {
    name: 'graphile-worker, stamped',
    server: 'postgres',
    isForeign: true,
    load: async () => (await import('./peers/graphile-worker.ts')).openStampedGraphileWorker,
  },
  'pg-boss': {
    name: 'pg-boss',
    server: 'postgres',
    isForeign: true,
    load: async () => (await import('./peers/pg-boss.ts')).openPgBoss,
  },
} as const satisfies Readonly<Record<string, Entrant>>
