/** What a bench is: it gets the options of the command line and gives back what it found. */
import type { Finding } from './table.ts'

export interface Options {
  /** Of every generator. */
  readonly seed: number
  /** The size of what is measured, where the bench has one. */
  readonly tracks: number
  /** Only these rows; null is all of them. */
  readonly rows: readonly string[] | null
  /** How often what is short is measured; the median counts. */
  readonly runs: number
  /** A share of the usual size, where the bench has one: to see that it runs. 1 unless told otherwise. */
  readonly scale?: number
  /** The address of somebody else's server that takes part, where the bench has a place for one. */
  readonly peer?: string | null
  /** Tells a person who waits what is going on. */
  readonly note: (text: string) => void
}

export type Bench = (options: Options) => Promise<readonly Finding[]>
