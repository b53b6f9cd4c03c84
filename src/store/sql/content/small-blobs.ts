import type { SqlDatabase } from '../sql.ts'

/** Content that is small enough for a row. It is written by the transaction of the deployment that brings it. */
export class SmallBlobs {
  readonly #sql: SqlDatabase

  constructor({ sql }: { readonly sql: SqlDatabase }) {
    this.#sql = sql
  }

  /** Bytes of those that are there. */
  async sizes(hashes: readonly string[]): Promise<ReadonlyMap<string, number>> {
    if (hashes.length === 0) return new Map()
    const rows = await this.#sql.all<{ hash: string; size: number }>(
      'select hash, size from small_blob where hash = any(?)',
      hashes,
    )
    return new Map(rows.map(({ hash, size }) => [hash, size]))
  }

  async read(hash: string): Promise<Uint8Array | null> {
    const row = await this.#sql.get<{ bytes: Uint8Array }>(
      'select bytes from small_blob where hash = ?',
      hash,
    )
    return row?.bytes ?? null
  }

  async remove(hashes: readonly string[]): Promise<void> {
    if (hashes.length === 0) return
    await this.#sql.run('delete from small_blob where hash = any(?)', hashes)
  }
}
