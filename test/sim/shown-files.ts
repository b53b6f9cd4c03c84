import type { Effect, EffectWriter, Item } from '../../src/engine/handler.ts'
import type { Database } from '../../src/store/sqlite/database.ts'

/** What reading a file gives in these worlds: its bytes as text, or "the same as that item". */
export type ShownEffect = Effect & ({ readonly text: string } | { readonly sameAs: number })

/** Effects to look at. What is to be seen of a source, by key. */
export interface Shown extends EffectWriter {
  of(sourceId: number): Record<string, string>
  /** Effects of this text cannot be written. */
  breaksOn: string | null
  /** What `gone` was told last. */
  sinceMs: number | null
}

/** Keeps effects in a table of the same database: they come and go with the transactions of the store. */
export class ShownFiles implements Shown {
  breaksOn: string | null = null
  sinceMs: number | null = null
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
    db.exec(`create table if not exists shown (
      item_id integer primary key, source_id integer, key text, text text, times integer, is_gone integer)`)
  }

  applied(item: Item, effect: Effect): void {
    const shown = effect as ShownEffect
    const text = 'text' in shown ? shown.text : this.#textOf(shown.sameAs)
    this.#db
      .prepare(
        `insert into shown values (?, ?, ?, ?, 1, 0) on conflict (item_id) do update
         set key = excluded.key, times = times + 1, is_gone = 0, text = excluded.text`,
      )
      .run(item.rowId, item.sourceId, item.key, text)
    if (text === this.breaksOn) throw new Error('this effect cannot be written')
  }

  #textOf(itemId: number): string {
    const row = this.#db
      .prepare<{ text: string }>('select text from shown where item_id = ?')
      .get(itemId)
    return row?.text ?? `nothing is known of ${itemId}`
  }

  skipped(item: Item): void {
    this.#db.prepare('delete from shown where item_id = ?').run(item.rowId)
  }

  gone(item: Item, sinceMs: number): void {
    this.sinceMs = sinceMs
    this.#db.prepare('update shown set is_gone = 1 where item_id = ?').run(item.rowId)
  }

  sourceRemoved(sourceId: number): void {
    this.#db.prepare('delete from shown where source_id = ?').run(sourceId)
  }

  of(sourceId: number): Record<string, string> {
    const rows = this.#db
      .prepare<{ key: string; text: string }>(
        'select key, text from shown where source_id = ? and is_gone = 0 order by key',
      )
      .all(sourceId)
    return Object.fromEntries(rows.map(({ key, text }) => [key, text]))
  }

  count(sourceId: number): number {
    const row = this.#db
      .prepare<{ n: number }>('select count(*) as n from shown where source_id = ? and is_gone = 0')
      .get(sourceId)
    return row?.n ?? 0
  }

  /** How often effects of a source were written in all. */
  writes(sourceId: number): number {
    const row = this.#db
      .prepare<{ n: number }>('select coalesce(sum(times), 0) as n from shown where source_id = ?')
      .get(sourceId)
    return row?.n ?? 0
  }
}

interface Line {
  readonly sourceId: number
  readonly key: string
  readonly text: string
  readonly isGone: boolean
}

/** The same in plain objects, for the model. */
export class ShownInMemory implements Shown {
  breaksOn: string | null = null
  sinceMs: number | null = null
  readonly #lines = new Map<number, Line>()

  applied({ rowId, sourceId, key }: Item, effect: Effect): void {
    const shown = effect as ShownEffect
    const text =
      'text' in shown
        ? shown.text
        : (this.#lines.get(shown.sameAs)?.text ?? `nothing is known of ${shown.sameAs}`)
    if (text === this.breaksOn) throw new Error('this effect cannot be written')
    this.#lines.set(rowId, { sourceId, key, text, isGone: false })
  }

  skipped({ rowId }: Item): void {
    this.#lines.delete(rowId)
  }

  gone({ rowId }: Item, sinceMs: number): void {
    this.sinceMs = sinceMs
    const line = this.#lines.get(rowId)
    if (line !== undefined) this.#lines.set(rowId, { ...line, isGone: true })
  }

  sourceRemoved(sourceId: number): void {
    for (const [rowId, line] of this.#lines) {
      if (line.sourceId === sourceId) this.#lines.delete(rowId)
    }
  }

  of(sourceId: number): Record<string, string> {
    const lines = [...this.#lines.values()]
      .filter((line) => line.sourceId === sourceId && !line.isGone)
      .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    return Object.fromEntries(lines.map(({ key, text }) => [key, text]))
  }
}
