import type { ContentEffect } from '../content/content-store.ts'
import type { Effect, EffectWriter, Item, Reading } from '../engine/handler.ts'
import { applyContent } from '../store/sql/content/effect.ts'
import { forgetTally, tallyTaken } from '../store/sql/content/peer-tally.ts'
import type { LibraryWriter } from '../store/sql/library-writer.ts'
import type { Transaction } from '../store/sql/sql.ts'

/** What tasks bring goes to the library where a file was read, and to the content store where a peer was listed. */
export class Effects implements EffectWriter<Transaction> {
  readonly #library: LibraryWriter

  constructor(library: LibraryWriter) {
    this.#library = library
  }

  async listed(tx: Transaction, sourceId: number, effect: Effect): Promise<void> {
    // Peers are the only sources whose listings bring anything, and this is what they bring.
    const deployed = await applyContent(tx, effect as ContentEffect, tx.nowMs)
    await tallyTaken(tx, sourceId, deployed)
  }

  applied(tx: Transaction, readings: readonly Reading[]): Promise<void> {
    return this.#library.applied(tx, readings)
  }

  skipped(tx: Transaction, item: Item): Promise<void> {
    return this.#library.skipped(tx, item)
  }

  gone(tx: Transaction, item: Item, sinceMs: number): Promise<void> {
    return this.#library.gone(tx, item, sinceMs)
  }

  async sourceRemoved(tx: Transaction, sourceId: number, limit: number): Promise<number> {
    await forgetTally(tx, sourceId)
    return this.#library.sourceRemoved(tx, sourceId, limit)
  }
}
