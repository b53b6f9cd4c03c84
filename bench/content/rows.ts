/** The rows of the bench, in the order in which they are printed. */
import type { Unit } from '../table.ts'

export interface RowKind {
  readonly what: string
  readonly unit: Unit
  readonly better?: 'less' | 'more'
  /** What is promised, and what would be fine; in the unit of the row. */
  readonly must?: number
  readonly aim?: number
  /** What a Catalyst of March 2026 did on two cores as these: read somewhere, and not measured here. */
  readonly cited?: string
}

export type RowId = keyof typeof rows

export const rows = {
  bootstrap: {
    what: 'profiles that a new node takes up, verified',
    unit: '/s',
    better: 'more',
    must: 1_000,
    aim: 2_500,
    cited: '62 /s',
  },
  'bootstrap-cpu': {
    what: 'processor of the new node for each',
    unit: 'ms',
    must: 1,
    aim: 0.5,
    cited: '16 ms',
  },
  'bootstrap-memory': {
    what: 'its memory at most, ten times as many profiles',
    unit: 'B',
    must: 300_000_000,
    cited: '244 MB at 2,000',
  },
  deploy: {
    what: 'POST /entities, 4 in flight',
    unit: '/s',
    better: 'more',
    must: 600,
    aim: 2_000,
    cited: '58 /s',
  },
  contents: {
    what: '/contents/:hash of 788 bytes, 10 connections',
    unit: '/s',
    better: 'more',
    must: 5_000,
    aim: 12_000,
    cited: '1000 /s',
  },
  snapshots: {
    what: '/snapshots, 10 connections',
    unit: '/s',
    better: 'more',
    must: 10_000,
    cited: '5000 /s',
  },
  'changes-500': {
    what: '/pointer-changes, 500 a page, each from somewhere else',
    unit: '/s',
    better: 'more',
    must: 120,
    aim: 300,
    cited: '23-45 /s',
  },
  restart: {
    what: 'a node starts again and has what it missed, nothing else new',
    unit: 's',
    must: 3,
    cited: '2.2 s at 600',
  },
  propagation: {
    what: 'deployed on one node, active on its peer, p99',
    unit: 'ms',
    must: 1_000,
    aim: 100,
    cited: '600-5100 ms',
  },
  'snapshot-1m': {
    what: 'a node starts and writes the snapshots of 1,000,000',
    unit: 's',
    must: 60,
    aim: 20,
  },
  peers: {
    what: 'processor for each new entity, 20 peers that have it over one',
    unit: '',
    must: 1.5,
    cited: 'grows with the peers',
  },
  'old-sync': { what: 'all of it, ten deployments of each pointer', unit: 's' },
} as const satisfies Readonly<Record<string, RowKind>>
