import type { SyncError } from '../base/errors.ts'
import type { ListedItem, Source } from './source.ts'

/** An item as the store keeps it: what its source listed last, and whose it is. */
export interface Item extends ListedItem {
  /** Number of the item in the store; never used again for another item. */
  readonly rowId: number
  readonly sourceId: number
  readonly ownerId: number
}

/**
 * What a change does to the catalogue, as plain data: the handler makes it outside of any transaction, the store
 * writes it in the one that ends the task. Opaque to the engine.
 */
export type Effect = object

/** What an item's content means. The engine knows no more of music or entities than this. */
export interface Handler {
  /** Whether an item of this name and size is of any interest; what is not is never stored. Pure, cheap, called for every listed item. */
  wants(item: ListedItem): boolean
  /**
   * Reads what is needed of an owed item. May run again for the same item and version; must not change anything
   * outside. `known` is another item of the same source with the same stable id, version and size that is applied already:
   * its content is the same, so nothing needs to be opened.
   */
  read(item: Item, known: Item | null, source: Source, signal: AbortSignal): Promise<Effect>
}

/** What was read of an item's present version. */
export interface Reading {
  readonly item: Item
  readonly effect: Effect
}

/**
 * Writes effects inside the transaction that ends a task (the store calls it, nobody else); `Tx` is that transaction,
 * as the store has it.
 * Every method is idempotent: applying a change twice is the same as once. What throws undoes this one effect
 * only; the others of its turn are written once more, so a writer keeps nothing in memory of what it has been told.
 */
export interface EffectWriter<Tx = unknown> {
  /** What a step of a source brought by itself (`Batch.effect`). Only where there are sources that do. */
  listed?(tx: Tx, sourceId: number, effect: Effect): Promise<void>
  /** In this order. */
  applied(tx: Tx, readings: readonly Reading[]): Promise<void>
  /** The present version of the item is no good; an older version's effect, if any, no longer holds. */
  skipped(tx: Tx, item: Item, reason: SyncError): Promise<void>
  /**
   * The item went away; its identity is kept for `tombstoneMs`. If it moved, its new place was listed since `sinceMs`:
   * that is when the last clean round before this one began.
   */
  gone(tx: Tx, item: Item, sinceMs: number): Promise<void>
  /**
   * The source and all its items were removed by a person, a while ago: nothing of them is shown any more. Forgets at most
   * `limit` rows of what it has of them, and returns how many; fewer than that: nothing is left.
   */
  sourceRemoved(tx: Tx, sourceId: number, limit: number): Promise<number>
}
