import type { Sql, Transaction } from '../sql.ts'

/** What was given last: a local time in milliseconds since 1970, the number of a deployment. */
export interface ContentClock {
  readonly last_ms: number
  readonly last_id: number
}

/**
 * Nobody else deploys, collects or finishes a snapshot until this transaction is over. To be asked first: whoever waits
 * for it then sees all that the one before has written.
 */
export async function lockClock(tx: Transaction): Promise<ContentClock> {
  const clock = await tx.get<ContentClock>('select last_ms, last_id from content_clock for update')
  return clock ?? { last_ms: 0, last_id: 0 }
}

export async function newestMs(sql: Sql): Promise<number> {
  const clock = await sql.get<{ last_ms: number }>('select last_ms from content_clock')
  return clock?.last_ms ?? 0
}
