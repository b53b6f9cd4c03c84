/** Our own side. What is not here is not measured yet, and its rows say so. */
import type { Options } from '../bench.ts'
import type { EntrantId } from './entrants.ts'
import type { RowId, Store } from './rows.ts'

export interface Ours {
  /** The stores that run the races, as entrants like everybody else. */
  readonly entrants: Readonly<Partial<Record<Store, EntrantId>>>
  /** The rows without a race. */
  readonly rows: Readonly<Partial<Record<RowId, Measure>>>
}

/** In the unit of the row; what goes wrong is thrown. */
export type Measure = (store: Store, options: Options) => Promise<number>

export const ours: Ours = { entrants: {}, rows: {} }
