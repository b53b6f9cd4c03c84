/**
 * From when each rule holds, in milliseconds since 1970, by the time that an entity gives itself: what was good when it
 * was signed stays good, so that nodes can take it from each other for ever (ADR-51). ADRs: adr.decentraland.org.
 */
export interface RuleDates {
  /** The launch of the network: before it sizes do not count, and what Decentraland signed needs no other right. */
  readonly launch: number
  /** Hashes are CIDv1, metadata fit their schema, entities are of version 3. */
  readonly adr45: number
  /** Profiles wear what has a URN. */
  readonly adr75: number
  /** There are emotes, and profiles have a list of them. */
  readonly adr74: number
  /** Scenes have no configuration of a world. */
  readonly adr173: number
  /** Profiles bring both of their images. */
  readonly adr158: number
  /** The thumbnail of a scene is one of its files. */
  readonly adr236: number
  /** Nobody wears a thing twice. */
  readonly adr232: number
  /** What is worn is named with its token. */
  readonly adr244: number
  /** Profiles need no images any more. */
  readonly adr290: number
  /** Profiles must not have images any more. */
  readonly adr290Rejected: number
}

/** What the rules depend on besides the entity: plain data, so that it can be sent to a thread. */
export interface RuleSettings {
  readonly dates: RuleDates
  /** Who may deploy the defaults of the network; `0x` and 40 digits, in lower case. */
  readonly decentralandAddresses: readonly string[]
}

export const ruleDates: RuleDates = {
  launch: 1_582_167_600_000,
  adr45: 1_652_191_200_000,
  adr75: 1_658_275_200_000,
  adr74: 1_662_987_600_000,
  adr173: 1_673_967_600_000,
  adr158: 1_674_576_000_000,
  adr236: 1_684_497_600_000,
  adr232: 1_686_571_200_000,
  adr244: 1_710_428_400_000,
  adr290: 1_762_743_600_000,
  adr290Rejected: 1_770_519_600_000,
}

export const ruleSettings: RuleSettings = {
  dates: ruleDates,
  decentralandAddresses: ['0x1337e0507eb4ab47e08a179573ed4533d9e22a7b'],
}
