/** Tells that something may look different now. */
export interface Progress {
  /** `listener` returns at once and never throws, and may be called very often. The function that comes back ends the subscription. */
  subscribe(listener: () => void): () => void
}
