/** Whether a figure keeps what is promised of it. */
import type { Reach } from '../table.ts'
import type { Measured } from './measured.ts'
import type { RowKind } from './rows.ts'

/** Null: nothing is promised. */
export function reachOf(
  { must, aim, better = 'less' }: RowKind,
  { value, isWithin = true }: Pick<Measured, 'value' | 'isWithin'>,
): Reach | null {
  if (must === undefined) return null
  const reaches = (goal: number): boolean => (better === 'more' ? value >= goal : value <= goal)
  const isMet = isWithin && reaches(must)
  const met = !isMet ? 'no' : aim !== undefined && reaches(aim) ? 'aim' : 'must'
  return { must, ...(aim === undefined ? {} : { aim }), met }
}
