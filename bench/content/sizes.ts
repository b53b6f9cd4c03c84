/** How much of everything there is. */
export interface Sizes {
  /** Profiles that a new node takes up, and that are asked for. */
  readonly profiles: number
  /** The same where memory and starting again are looked at. */
  readonly manyProfiles: number
  readonly deployments: number
  /** Seconds in which requests are counted, and before that are not. */
  readonly rateSeconds: number
  readonly warmSeconds: number
  /** Deployments of which each is waited for. */
  readonly propagations: number
  /** Active entities of which snapshots are written. */
  readonly snapshotEntities: number
  /** How many peers there are, from few to many. */
  readonly peers: readonly number[]
  /** Entities that all of them offer. */
  readonly peerEntities: number
  /** People with ten deployments each. */
  readonly historyPeople: number
}

export const fullSizes: Sizes = {
  profiles: 20_000,
  manyProfiles: 200_000,
  deployments: 8_000,
  rateSeconds: 8,
  warmSeconds: 3,
  propagations: 300,
  snapshotEntities: 1_000_000,
  peers: [1, 5, 20],
  peerEntities: 2_000,
  historyPeople: 2_000,
}

/** A share of it all: to see that it runs, and no figure. */
export function scaled(scale: number): Sizes {
  const part = (count: number): number => Math.max(1, Math.ceil(count * scale))
  return {
    profiles: part(fullSizes.profiles),
    manyProfiles: part(fullSizes.manyProfiles),
    deployments: part(fullSizes.deployments),
    rateSeconds: part(fullSizes.rateSeconds),
    warmSeconds: part(fullSizes.warmSeconds),
    propagations: part(fullSizes.propagations),
    snapshotEntities: part(fullSizes.snapshotEntities),
    peers: fullSizes.peers,
    peerEntities: part(fullSizes.peerEntities),
    historyPeople: part(fullSizes.historyPeople),
  }
}
