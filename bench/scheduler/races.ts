/** What everybody is measured at. */
import { longestHeatMs } from './heat.ts'
import type { Figure, Race } from './heats.ts'
import { noisyNeighbour, noOperation } from './load.ts'
import { percentile } from './statistics.ts'

export type RaceId = keyof typeof races

export const races = {
  'noisy-neighbour': {
    name: '5 ms tasks',
    load: noisyNeighbour,
    figure: ({ smallDoneMs }) => smallDone(smallDoneMs),
  },
  'no-op': {
    name: 'no-op tasks',
    load: noOperation,
    // Who was cut has a throughput all the same.
    figure: ({ tasks, ms }) => ({ value: (1000 * tasks) / ms, reason: null }),
  },
} as const satisfies Readonly<Record<string, Race>>

/** When 99 of 100 small users have their last task behind them. */
export function smallDone(doneMs: readonly number[]): Figure {
  const { smallUsers } = noisyNeighbour
  if (doneMs.length === smallUsers) return { value: percentile(doneMs, 0.99), reason: null }
  const seconds = longestHeatMs / 1000
  return {
    value: null,
    reason: `${doneMs.length} of ${smallUsers} small users were done after ${seconds} s`,
  }
}
