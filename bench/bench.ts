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
  /** Tells a person who waits what is going on. */
  readonly note: (text: string) => void
}

export type Bench = (options: Options) => Promise<readonly Finding[]>
