import type { Effect, EffectWriter, Item, Reading } from '../../src/engine/handler.ts'
import type { SqlDatabase, Transaction } from '../../src/store/sql/sql.ts'

/** What reading a file gives in these worlds: its bytes as text, or "the same as that item". */
export type ShownEffect = Effect & ({ readonly text: string } | { readonly sameAs: number })

/** Effects to look at. What is to be seen of a source, by key. */
export interface Shown {
  of(sourceId: number): Promise<Record<string, string>>
  /** How often effects of a source were written in all. */
  writes(sourceId: number): Promise<number>
  /** Effects of this text cannot be written. */
  breaksOn: string | null
  /** What `gone` was told last. */
  sinceMs: number | null
}

/** What a listing brings by itself: one line, under a number of its own. */
export interface ListedLine {
  readonly line: number
  readonly text: string
}

export const shownTable = `create table if not exists shown (
  item_id bigint primary key, source_id bigint, key text, text text, times bigint, is_gone bigint)`

/** Keeps effects in a table of the same database: they come and go with the transactions of the store. */
export class ShownFiles implements Shown, EffectWriter<Transaction> {
  breaksOn: string | null = null
  sinceMs: number | null = null
  readonly #db: SqlDatabase

  constructor(db: SqlDatabase) {
    this.#db = db
  }

  async open(): Promise<void> {
    await this.#db.run(shownTable)
  }

  async listed(tx: Transaction, sourceId: number, effect: Effect): Promise<void> {
    const { line, text } = effect as ListedLine
    await tx.run(
      `insert into shown values (?, ?, ?, ?, 1, 0)
       on conflict (item_id) do update set times = shown.times + 1`,
      -line,
      sourceId,
      `line ${line}`,
      text,
    )
    if (text === this.breaksOn) throw new Error('this effect cannot be written')
  }

  async applied(tx: Transaction, readings: readonly Reading[]): Promise<void> {
    for (const { item, effect } of readings) {
      const shown = effect as ShownEffect
      const text = 'text' in shown ? shown.text : await textOf(tx, shown.sameAs)
      await tx.run(
        `insert into shown values (?, ?, ?, ?, 1, 0) on conflict (item_id) do update
         set key = excluded.key, times = shown.times + 1, is_gone = 0, text = excluded.text`,
        item.rowId,
        item.sourceId,
        item.key,
        text,
      )
      if (text === this.breaksOn) throw new Error('this effect cannot be written')
    }
  }

  async skipped(tx: Transaction, item: Item): Promise<void> {
    await tx.run('delete from shown where item_id = ?', item.rowId)
  }

  async gone(tx: Transaction, item: Item, sinceMs: number): Promise<void> {
    this.sinceMs = sinceMs
    await tx.run('update shown set is_gone = 1 where item_id = ?', item.rowId)
  }

  async sourceRemoved(tx: Transaction, sourceId: number, limit: number): Promise<number> {
    return tx.run(
      'delete from shown where item_id in (select item_id from shown where source_id = ? limit ?)',
      sourceId,
      limit,
    )
  }

  async of(sourceId: number): Promise<Record<string, string>> {
    const rows = await this.#db.all<{ key: string; text: string }>(
      'select key, text from shown where source_id = ? and is_gone = 0 order by key',
      sourceId,
    )
    return Object.fromEntries(rows.map(({ key, text }) => [key, text]))
  }

  async writes(sourceId: number): Promise<number> {
    const row = await this.#db.get<{ n: number }>(
      'select coalesce(sum(times), 0) as n from shown where source_id = ?',
      sourceId,
    )
    return row?.n ?? 0
  }
}

async function textOf(tx: Transaction, itemId: number): Promise<string> {
  const row = await tx.get<{ text: string }>('select text from shown where item_id = ?', itemId)
  return row?.text ?? `nothing is known of ${itemId}`
}

interface Line {
  readonly sourceId: number
  readonly key: string
  readonly text: string
  readonly times: number
  readonly isGone: boolean
}

/** The same in plain objects, for the model. */
export class ShownInMemory implements Shown, EffectWriter {
  breaksOn: string | null = null
  sinceMs: number | null = null
  readonly #lines = new Map<number, Line>()

  async listed(_: unknown, sourceId: number, effect: Effect): Promise<void> {
    const { line, text } = effect as ListedLine
    if (text === this.breaksOn) throw new Error('this effect cannot be written')
    const times = (this.#lines.get(-line)?.times ?? 0) + 1
    this.#lines.set(-line, { sourceId, key: `line ${line}`, text, times, isGone: false })
  }

  async applied(_: unknown, readings: readonly Reading[]): Promise<void> {
    for (const { item, effect } of readings) {
      const { rowId, sourceId, key } = item
      const shown = effect as ShownEffect
      const text =
        'text' in shown
          ? shown.text
          : (this.#lines.get(shown.sameAs)?.text ?? `nothing is known of ${shown.sameAs}`)
      if (text === this.breaksOn) throw new Error('this effect cannot be written')
      const times = (this.#lines.get(rowId)?.times ?? 0) + 1
      this.#lines.set(rowId, { sourceId, key, text, times, isGone: false })
    }
  }

  async skipped(_: unknown, { rowId }: Item): Promise<void> {
    this.#lines.delete(rowId)
  }

  async gone(_: unknown, { rowId }: Item, sinceMs: number): Promise<void> {
    this.sinceMs = sinceMs
    const line = this.#lines.get(rowId)
    if (line !== undefined) this.#lines.set(rowId, { ...line, isGone: true })
  }

  async sourceRemoved(_: unknown, sourceId: number): Promise<number> {
    const { size } = this.#lines
    for (const [rowId, line] of this.#lines) {
      if (line.sourceId === sourceId) this.#lines.delete(rowId)
    }
    return size - this.#lines.size
  }

  async of(sourceId: number): Promise<Record<string, string>> {
    const lines = [...this.#lines.values()]
      .filter((line) => line.sourceId === sourceId && !line.isGone)
      .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    return Object.fromEntries(lines.map(({ key, text }) => [key, text]))
  }

  async writes(sourceId: number): Promise<number> {
    let times = 0
    for (const line of this.#lines.values()) if (line.sourceId === sourceId) times += line.times
    return times
  }
}
