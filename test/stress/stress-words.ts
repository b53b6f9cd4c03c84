import { defaultPolicy, type Policy } from '../../src/engine/policy.ts'

/** What a process is told. */
export type Order = 'change' | 'stop'

/** What a process tells. */
export type Report =
  | { readonly type: 'started' | 'changed' }
  | { readonly type: 'fault'; readonly text: string }
  | { readonly type: 'stopped'; readonly counts: readonly object[] }

/** Claimers of a process. */
export const claimersEach = 4

/** Everything comes back soon; nothing is given up, however often it was lost. */
export const stressPolicy: Policy = {
  ...defaultPolicy,
  slots: { list: 2, read: 3 },
  leaseMs: 4_000,
  graceMs: 200,
  maxAttempts: 1_000,
  maxCrashes: 1_000,
  retryBaseMs: 20,
  retryMaxMs: 200,
  restBaseMs: 50,
  restMaxMs: 200,
  checkMs: 500,
}
