import type { Deployment } from '../entity.ts'

/**
 * Whether a signer owns what he deploys or deploys to, as far as only a chain can tell (ADR-51, access). This is the
 * place for more: an implementation of its own file beside this one, handed in where the parts meet. The network's
 * servers ask, at the block of the deployment's time and the one five minutes before:
 *
 * - `scene`: does he own or operate every parcel, or the estate it is in (LAND)
 * - `profile`: does he own the name he claims, and each wearable and emote on him that is no base item
 * - `outfits`: the same of all outfits, and of the names that open more slots
 * - `wearable`, `emote`: may he write that item of a second collection, whose contract holds the hash of content and
 *   metadata; is a third party's item in the tree whose root its registry holds
 *
 * What needs no chain is told by `lateErrors` and holds whatever stands here.
 */
export interface Ownership {
  /**
   * Errors in words that clients know; none: he may. Asked once a deployment, after all other rules; may be asked again
   * for the same one. A chain that does not answer is no error of the deployment: throws SyncError with remedy
   * `source` or `retry`.
   */
  errors(deployment: Deployment, signal: AbortSignal): Promise<readonly string[]>
}

/** Asks nobody: whoever signs owns what he says. For networks of one's own. */
export const ownershipOff: Ownership = {
  errors: () => Promise.resolve([]),
}
