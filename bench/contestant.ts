/** Somebody who can bring a WebDAV drive into a library, and be measured at it. */
export interface Contestant extends AsyncDisposable {
  readonly name: string
  /** From nothing to a finished library, database included. Called once, before `again`. */
  readonly first: () => Promise<Run>
  /** The same drive once more, with nothing changed. */
  readonly again: () => Promise<Run>
}

export interface Run {
  /** By the clock on the wall. */
  readonly seconds: number
  /** User and system time of the contestant's own processes. */
  readonly cpuMs: number
  /** The most memory that was resident at once; null where it was not measured. */
  readonly peakBytes: number | null
}
