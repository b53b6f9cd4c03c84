import type { EntityType } from './entity.ts'
import type { Step } from './peers/step.ts'

/** How a peer stands, as the rows say. Times in milliseconds since 1970 by the clock of the database. */
export interface PeerStanding {
  readonly id: number
  readonly url: string
  /** `unreachable`: it is asked again at `nextMs`; `stopped`: a person is needed; `paused`: by a person. */
  readonly state: 'bootstrapping' | 'following' | 'unreachable' | 'stopped' | 'paused'
  /** When it last answered well; null: never. */
  readonly wellMs: number | null
  readonly nextMs: number | null
  readonly error: { readonly code: string; readonly message: string; readonly atMs: number } | null
  /** Where its changes have been read up to, by its own clock; null: not yet. */
  readonly seenMs: number | null
  /** When all that it had was last read to its end; null: never. */
  readonly levelMs: number | null
  /** Snapshots of it that are being gone through, and how many of their parts are left. */
  readonly snapshots: number
  readonly parts: number
  /** Entities that came from it and were new. */
  readonly taken: number
  /** Of what it offered, so much could not be deployed until now. */
  readonly failed: number
}

/** What a node holds. */
export interface NodeTotals {
  /** Active entities. */
  readonly active: Readonly<Record<EntityType, number>>
  readonly failed: number
  /** When something was deployed last; 0: never. */
  readonly newestMs: number
}

/** An active entity whose signature is to be checked again. */
export interface SignedRow {
  readonly id: number
  readonly entityId: string
  /** As JSON. */
  readonly authChain: string
}

/** How many peers there are, and how many of them do not answer. */
export interface Reach {
  readonly known: number
  readonly unreachable: number
}

/** What an operator looks at. */
export interface NodeFacts {
  peers(): Promise<readonly PeerStanding[]>
  totals(): Promise<NodeTotals>
  /** Cheap. */
  reach(): Promise<Reach>
  /** Active entities behind this number, by number. */
  activeBehind(id: number, limit: number): Promise<readonly SignedRow[]>
  /** Hashes of content in the database behind this one, in order. */
  blobsBehind(hash: string, limit: number): Promise<readonly string[]>
  /** Content that these entities list. */
  contentOf(
    ids: readonly number[],
  ): Promise<readonly { readonly id: number; readonly hash: string }[]>
  /** Puts the file of an entity in the place of what is stored. */
  putEntityFile(entityId: string, file: Uint8Array): Promise<void>
}

/** Where a cursor of a peer has come to, by the peer's own clock; null: it is none. */
export function seenOf(cursor: string | null): number | null {
  if (cursor === null) return null
  try {
    // Written by `stepText`, perhaps of another version.
    const step = JSON.parse(cursor) as Partial<Extract<Step, { do: 'follow' }>>
    return step.do === 'follow' && Number.isSafeInteger(step.seen) ? (step.seen ?? null) : null
  } catch {
    return null
  }
}
