/** What a stage of the bench found for one of its rows. */
import type { RowId } from './rows.ts'
import type { Sizes } from './sizes.ts'

export interface Measured {
  readonly value: number
  /** False: the promise of the row has another half, which does not hold, whatever the value. */
  readonly isWithin?: boolean
  /** What else there is to know of it, in a sentence. */
  readonly detail?: string
  /** Somebody else's figure, measured in the same run. */
  readonly peer?: { readonly name: string; readonly value: number }
}

export type Findings = Partial<Record<RowId, Measured>>

export interface StageOptions {
  readonly sizes: Sizes
  readonly runs: number
  /** A content node of somebody else's that takes part in what can be asked of any. */
  readonly peer: string | null
  /** The rows that are wanted; a stage may find more. */
  readonly wants: (id: RowId) => boolean
  readonly note: (text: string) => void
}

/** Rows that are measured on the same nodes. */
export interface Stage {
  readonly ids: readonly RowId[]
  readonly run: (options: StageOptions) => Promise<Findings>
}
