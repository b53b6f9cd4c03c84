/** A picture, ready to be sent. */
export interface CoverBody {
  readonly bytes: Uint8Array
  /** As its first bytes tell, or the file claims; only pictures that are harmless in a browser are sent as such. */
  readonly mime: string
  /** sha256 of the bytes in hex. */
  readonly hash: string
}

/** Pictures of tracks, albums and folders; the bytes are read from their drive when first wanted. */
export interface Covers {
  /** Null when there is no such cover, or it is not `ownerId`'s (null: whosever it is). Throws what reading its source throws. */
  read(coverId: number, ownerId: number | null, signal: AbortSignal): Promise<CoverBody | null>
}
