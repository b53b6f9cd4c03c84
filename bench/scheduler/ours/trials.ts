/** Every trial with its numbers. */
import { dying, type Death } from './dead-source.ts'
import { enqueueing } from './enqueue.ts'
import { idling } from './idle.ts'
import { claiming } from './lanes.ts'
import { waiting } from './newcomers.ts'
import { fairness, weighting } from './shares.ts'
import type { Trial } from './trial.ts'

export type TrialId = keyof typeof trials

/** A round trip of the link of the other bench: no task that asks a remote takes less. */
const roundTripMs = 40

const warmMs = 3_000

const death = {
  taskMs: roundTripMs,
  items: 20_000,
  warmMs,
  spanMs: 15_000,
} satisfies Partial<Death>

/** More than warm, so that nobody's plans are those of the first claims. */
const claims = { warm: 4_000, claims: 20_000 }

export const trials = {
  'million-ahead': waiting({
    ahead: 1_000_000,
    newcomers: 25,
    taskMs: roundTripMs,
    warmMs,
  }),
  'jain-equal': fairness({
    kinds: [{ users: 100, taskMs: 5, items: 2_500 }],
    warmMs,
    spanMs: 10_000,
  }),
  'jain-slow': fairness({
    kinds: [
      { users: 33, taskMs: 5, items: 5_000 },
      { users: 33, taskMs: 50, items: 1_000 },
      { users: 33, taskMs: 500, items: 200 },
    ],
    warmMs,
    spanMs: 30_000,
  }),
  weights: weighting({
    kinds: [
      { users: 10, plan: 'free', taskMs: 5, items: 10_000 },
      { users: 10, plan: 'premium', taskMs: 5, items: 20_000 },
    ],
    warmMs,
    spanMs: 10_000,
  }),
  'thousand-lanes': claiming({ lanes: 1_000, items: 100, ...claims }),
  'million-lanes': claiming({ lanes: 1_000_000, items: 2, ...claims }),
  'thousand-lanes-shuffled': claiming({ lanes: 1_000, items: 100, ...claims, isShuffled: true }),
  'million-lanes-shuffled': claiming({ lanes: 1_000_000, items: 2, ...claims, isShuffled: true }),
  'idle-million': idling({ users: 1_000_000, settleMs: 5_000, spanMs: 60_000 }),
  'dead-source': dying([
    { ...death, silentMs: 2_000 },
    { ...death, silentMs: 0 },
  ]),
  enqueue: enqueueing({ sources: 10, items: 100_000 }),
} as const satisfies Readonly<Record<string, Trial>>
