import type { Item } from '../../engine/handler.ts'
import type { CoverPlace } from '../../library/tags.ts'
import type { Database } from './database.ts'
import { folderOf } from './track-rows.ts'

/** Where the pictures are: at most one an item. What is known of the bytes is forgotten when the item has another version. */
export class CoverPlaces {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** The whole file is a picture of its folder. */
  picture(item: Item, rank: number): void {
    this.#database
      .prepare(keepSql)
      .run(...whose(item), folderOf(item), rank, null, null, null, null)
  }

  /** A picture inside of an audio file. */
  embedded(item: Item, place: CoverPlace | undefined): void {
    if (place === undefined) this.forget(item.rowId)
    else {
      const { start, end, mime, form } = place
      this.#database.prepare(keepSql).run(...whose(item), null, null, start, end, mime, form)
    }
  }

  forget(itemId: number): void {
    this.#database.prepare('delete from cover where item_id = ?').run(itemId)
  }

  /** Forgets every cover of a source, as long as its tracks are still there. */
  clear(sourceId: number): void {
    for (const sql of [
      'delete from cover where source_id = ? and folder is not null',
      'delete from cover where item_id in (select item_id from track where source_id = ?)',
    ]) {
      this.#database.prepare(sql).run(sourceId)
    }
  }
}

function whose(item: Item): [number, number, number, string] {
  return [item.rowId, item.ownerId, item.sourceId, item.version]
}

const keepSql = `
  insert into cover
    (item_id, owner_id, source_id, version, folder, rank, start_byte, end_byte, mime, form)
  values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  on conflict (item_id) do update set
    hash = case when version = excluded.version then hash end,
    hash_mime = case when version = excluded.version then hash_mime end,
    version = excluded.version, folder = excluded.folder, rank = excluded.rank,
    start_byte = excluded.start_byte, end_byte = excluded.end_byte,
    mime = excluded.mime, form = excluded.form`
