import type { Stage } from './stage.ts'

/** What a trial found. */
export interface Outcome {
  /** In the unit of its row. */
  readonly value: number
  /** The particulars, for who watches. */
  readonly note: string
}

/** A measurement of our side alone, on a stage of its own. What goes wrong is thrown. */
export type Trial = (stage: Stage) => Promise<Outcome>
