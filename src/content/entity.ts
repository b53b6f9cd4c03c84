/** The kinds of entities (ADR-51 and the ADRs of each kind). */
export const entityTypes = ['scene', 'profile', 'wearable', 'store', 'emote', 'outfits'] as const

export type EntityType = (typeof entityTypes)[number]

export function isEntityType(text: unknown): text is EntityType {
  return entityTypes.some((type) => type === text)
}

/** A file that belongs to an entity: what it calls it, and the hash of its bytes. */
export interface ContentFile {
  readonly file: string
  readonly hash: string
}

/** What an entity file says (ADR-51); its id is the hash of that file's bytes. */
export interface Entity {
  readonly id: string
  readonly version: string
  readonly type: EntityType
  /** In lower case, in the order of the file. */
  readonly pointers: readonly string[]
  /** Milliseconds since 1970, as whoever signed it says. */
  readonly timestamp: number
  readonly content: readonly ContentFile[]
  readonly metadata?: unknown
}

/** One link of an auth chain (ADR-44): who hands his authority to whom. */
export interface AuthLink {
  readonly type: string
  readonly payload: string
  readonly signature?: string | null
}

export type AuthChain = readonly AuthLink[]

/**
 * What a snapshot or a change feed says of a deployment before anybody has looked into it: it comes from outside, and
 * may be wrong in every field.
 */
export interface DeploymentOffer {
  readonly entityId: string
  readonly entityType: EntityType
  /** In lower case. */
  readonly pointers: readonly string[]
  readonly entityTimestamp: number
  readonly authChain: AuthChain
}

/**
 * An entity of which file, structure and signature have been verified, as it is stored: texts and bytes that need not
 * be made once more.
 */
export interface Deployment {
  readonly entityId: string
  readonly type: EntityType
  readonly pointers: readonly string[]
  readonly timestamp: number
  /** Whoever signs: the payload of the chain's first link, as it stands there. */
  readonly deployer: string
  readonly version: string
  readonly content: readonly ContentFile[]
  /** The chain as JSON with the keys of a link in the order payload, signature, type. */
  readonly authChain: string
  /** The entity file. */
  readonly file: Uint8Array
  /** Where in the file the metadata stand, as JSON: bytes from `start` to before `end`; null: not in one piece, or none. */
  readonly metadata: { readonly start: number; readonly end: number } | null
  /** False: not all content could be had, and it is stored because it is dead anyway. */
  readonly isComplete: boolean
}

/** The order of all entities: by time, then by id. What is greater wins a pointer. */
export function compareEntities(
  a: { readonly timestamp: number; readonly entityId: string },
  b: { readonly timestamp: number; readonly entityId: string },
): number {
  if (a.timestamp !== b.timestamp) return a.timestamp - b.timestamp
  const [one, other] = [a.entityId.toLowerCase(), b.entityId.toLowerCase()]
  return one < other ? -1 : Number(one > other)
}
