import { SyncError } from '../../base/errors.ts'

/** What a list task of a peer does, as the engine keeps it: JSON. */
export type Step =
  /**
   * Follow its changes from there on; also the form of a cursor. `seen`: the greatest local time seen; `isMore`: on in the
   * same round.
   */
  | {
      readonly do: 'follow'
      readonly seen: number
      readonly from: number
      readonly lastId?: string
      readonly isMore?: true
    }
  /** Take what no snapshot has: what is dead and yet the greatest of a pointer; of our own kind only. */
  | { readonly do: 'unlisted'; readonly from: number; readonly lastId?: string }
  /** Fetch a snapshot and cut it into parts. */
  | { readonly do: 'snapshot'; readonly hash: string }
  /** Take a part of a snapshot: lines that begin from `start` to before `end`. */
  | { readonly do: 'part'; readonly hash: string; readonly start: number; readonly end: number }

export function stepText(step: Step): string {
  return JSON.stringify(step)
}

/** Throws `cursor-expired` for what this version did not write: then the peer is listed anew. */
export function readStep(text: string): Step {
  try {
    const step = JSON.parse(text) as Step
    if (['follow', 'unlisted', 'snapshot', 'part'].includes(step.do)) return step
  } catch {
    // The same.
  }
  throw new SyncError('cursor-expired', 'Where to go on at a peer was written by another version.')
}
