import type { ActiveRow } from '../content-store.ts'

/**
 * A snapshot is a file of lines: a heading, then what is active, one deployment a line as JSON (ADR-52, ADR-116). The
 * order of the keys and the lack of spaces are part of it, for its hash is its name.
 */
export const snapshotHeading = '### Decentraland json snapshot\n'

/** The hash of a snapshot in which nothing is. */
export const emptySnapshotHash = 'bafkreig6sfhegnp4okzecgx3v6gj6pohh5qzw6zjtrdqtggx64743rkmz4'

/** A line, with its end. The auth chain goes in as it is stored. */
export function snapshotLine({
  entityId,
  type,
  pointers,
  authChain,
  timestamp,
}: ActiveRow): string {
  return `{"entityId":"${entityId}","entityType":"${type}","pointers":${JSON.stringify(pointers)},"authChain":${authChain},"entityTimestamp":${timestamp}}\n`
}

/** The same in the one file of ADR-52's own time: when it was deployed here stands in the place of its own time. */
export function legacyLine({ entityId, type, pointers, authChain, localMs }: ActiveRow): string {
  return `{"entityId":"${entityId}","entityType":"${type}","pointers":${JSON.stringify(pointers)},"localTimestamp":${localMs},"authChain":${authChain}}\n`
}
