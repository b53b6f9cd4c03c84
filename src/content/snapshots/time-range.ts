/** From `init` to `end`, both included, in milliseconds since 1970. */
export interface TimeRange {
  readonly init: number
  readonly end: number
}
