import { holdMs } from '../../../content/blobs.ts'
import type { SqlDatabase } from '../sql.ts'

/**
 * Content that is small enough for a row, and the files of entities, whatever their size. Both are written by the
 * transaction of the deployment that brings them.
 */
export class SmallBlobs {
  readonly #sql: SqlDatabase

  constructor({ sql }: { readonly sql: SqlDatabase }) {
    this.#sql = sql
  }

  /** Bytes of those that are there. */
  async sizes(hashes: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (hashes.length === 0) return new Map()
    const rows = await this.#sql.all<{ hash: string; size: number }>(
      `select hash, size from small_blob where hash = any(?1)
       union select deployment.entity_id as hash, length(entity_file.bytes) as size
         from deployment cross join entity_file on entity_file.id = deployment.id
         where deployment.entity_id = any(?1)`,
      hashes,
    )
    return new Map(rows.map(({ hash, size }) => [hash, size]))
  }

  /** The same; those that were stored a while ago count as stored now. */
  async hold(hashes: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (hashes.length === 0) return new Map()
    const nowMs = await this.#sql.now()
    const old = await this.#sql.all<{ hash: string }>(
      'select hash from small_blob where hash = any(?) and stored_ms <= ?',
      hashes,
      nowMs - holdMs,
    )
    if (old.length > 0) {
      const names = old.map(({ hash }) => hash)
      await this.#sql.run('update small_blob set stored_ms = ? where hash = any(?)', nowMs, names)
    }
    return this.sizes(hashes)
  }

  async read(hash: string): Promise<Uint8Array | null> {
    const row =
      (await this.#sql.get<BytesRow>(
        `select entity_file.bytes from deployment
           cross join entity_file on entity_file.id = deployment.id
         where deployment.entity_id = ?`,
        hash,
      )) ?? (await this.#sql.get<BytesRow>('select bytes from small_blob where hash = ?', hash))
    return row?.bytes ?? null
  }

  /** Those that were stored no later than that. An entity's file goes with its deployment, and no sooner. */
  async remove(hashes: readonly string[], untilMs = Number.MAX_SAFE_INTEGER): Promise<void> {
    if (hashes.length === 0) return
    await this.#sql.run(
      'delete from small_blob where hash = any(?) and stored_ms <= ?',
      hashes,
      untilMs,
    )
  }
}

interface BytesRow {
  readonly bytes: Uint8Array
}
