import { errorCodes, SyncError, type ErrorCode } from '../../base/errors.ts'
import { health } from '../../engine/breaker.ts'
import type { Sql } from './sql.ts'

/**
 * Why no cover is to be read from a source now: the error it rests or was stopped with, or that it is paused. Null when
 * it is well, or is not there: who opens it hears of that.
 */
export async function coverRefusal(
  sql: Sql,
  sourceId: number,
  nowMs: number,
): Promise<SyncError | null> {
  const row = await sql.get<SourceRow>(
    `select name, is_paused, health, rest_until_ms, error_code, error_message from source where id = ?`,
    sourceId,
  )
  if (row === undefined) return null
  if (row.is_paused === 1) return new SyncError('cancelled', `The source "${row.name}" is paused.`)
  if (row.health === health.well) return null
  const isResting = row.health === health.resting
  const what = `The source "${row.name}" ${isResting ? 'rests' : 'is stopped'}`
  const why = row.error_message === null ? '.' : `: ${row.error_message}`
  const retryAfterMs = Math.max(0, (row.rest_until_ms ?? nowMs) - nowMs)
  return new SyncError(codeOf(row), `${what}${why}`, isResting ? { retryAfterMs } : {})
}

interface SourceRow {
  readonly name: string
  readonly is_paused: number
  readonly health: number
  readonly rest_until_ms: number | null
  readonly error_code: string | null
  readonly error_message: string | null
}

function codeOf({ error_code: code }: SourceRow): ErrorCode {
  return code !== null && isErrorCode(code) ? code : 'unavailable'
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code)
}
