/** One trial in a process of its own: its one message in says which and where, its one message out is what was found. */
import { once } from 'node:events'
import type { Ground } from './contestant.ts'
import { openStage } from './ours/stage.ts'
import { type TrialId, trials } from './ours/trials.ts'
import type { Store } from './rows.ts'

export interface TrialOptions {
  readonly trial: TrialId
  readonly store: Store
  readonly ground: Ground
}

process.once('disconnect', () => process.exit(1))
const [options] = await once(process, 'message')
const { trial, store, ground } = options as TrialOptions
const outcome = await trials[trial](await openStage(store, ground))
// What still runs dies with the process.
process.send?.(outcome, () => process.exit(0))
