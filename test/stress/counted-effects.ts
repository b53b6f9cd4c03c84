import type { EffectWriter, Item, Reading } from '../../src/engine/handler.ts'
import type { SqlDatabase, Transaction } from '../../src/store/sql/sql.ts'
import { ShownFiles } from '../sim/shown-files.ts'

/** Shows files as `ShownFiles` does, and writes down every effect: each version of an item is to be there once. */
export class CountedEffects implements EffectWriter<Transaction> {
  readonly shown: ShownFiles
  readonly #db: SqlDatabase

  constructor(db: SqlDatabase) {
    this.#db = db
    this.shown = new ShownFiles(db)
  }

  /** Makes its tables. */
  async open(): Promise<void> {
    await this.shown.open()
    await this.#db.run('create table effect (item_id bigint, version text)')
  }

  async applied(tx: Transaction, readings: readonly Reading[]): Promise<void> {
    await this.shown.applied(tx, readings)
    await tx.each(
      'insert into effect (item_id, version) select r.item_id, r.version from rows as r (item_id bigint, version text)',
      readings.map(({ item }) => ({ item_id: item.rowId, version: item.version })),
    )
  }

  async skipped(tx: Transaction, item: Item): Promise<void> {
    await this.shown.skipped(tx, item)
  }

  async gone(tx: Transaction, item: Item, sinceMs: number): Promise<void> {
    await this.shown.gone(tx, item, sinceMs)
  }

  async sourceRemoved(tx: Transaction, sourceId: number, limit: number): Promise<number> {
    return this.shown.sourceRemoved(tx, sourceId, limit)
  }
}
