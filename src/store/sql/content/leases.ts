import type { Leases } from '../../../content/lease.ts'
import type { SqlDatabase } from '../sql.ts'

/** Leases as rows, by the clock of the database. */
export class SqlLeases implements Leases {
  readonly #db: SqlDatabase

  constructor({ db }: { readonly db: SqlDatabase }) {
    this.#db = db
  }

  async take(name: string, holder: string, leaseMs: number): Promise<boolean> {
    const nowMs = await this.#db.now()
    // One statement: of two that ask at the same time, the second one sees what the first one wrote.
    const changed = await this.#db.run(
      `insert into lease (name, holder, until_ms) values (?1, ?2, ?3)
       on conflict (name) do update set holder = excluded.holder, until_ms = excluded.until_ms
       where lease.holder = excluded.holder or lease.until_ms <= ?4`,
      name,
      holder,
      nowMs + leaseMs,
      nowMs,
    )
    return changed > 0
  }

  /** Whether somebody has it, as far as is known. */
  async isHeld(name: string): Promise<boolean> {
    const row = await this.#db.get<{ until_ms: number }>(
      'select until_ms from lease where name = ?',
      name,
    )
    return row !== undefined && row.until_ms > (await this.#db.now())
  }

  async end(name: string, holder: string): Promise<void> {
    await this.#db.run('delete from lease where name = ? and holder = ?', name, holder)
  }
}
