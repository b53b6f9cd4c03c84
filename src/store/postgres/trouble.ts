/** What PostgreSQL says went wrong (https://www.postgresql.org/docs/current/errcodes-appendix.html), in our words. */
import { DatabaseError } from 'pg'
import { SyncError, type ErrorCode } from '../../base/errors.ts'

/** What is wrong with the server or the place where it keeps its data, if that is what an error says; else the error. */
export function databaseTrouble(error: unknown): unknown {
  if (!(error instanceof DatabaseError)) return error
  const code = codeOf(error)
  if (code === null) return error
  return new SyncError(code, `The database did not do what it was asked: ${error.message}.`, {
    cause: error,
  })
}

/** Why no connection could be made. */
export function connectTrouble(error: unknown, title: string): SyncError {
  if (error instanceof SyncError) return error
  const [code, what] = refusalOf(error)
  return new SyncError(code, `The database ${title} ${what}: ${told(error)}.`, { cause: error })
}

function refusalOf(error: unknown): readonly [ErrorCode, string] {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (error instanceof DatabaseError) {
    if (/^(28|42501)/.test(code)) return ['database-login', 'does not let us in']
    if (code.startsWith('3D')) return ['database-missing', 'is not there']
  } else if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code)) {
    return ['database-certificate', 'cannot be trusted']
  }
  return ['database-away', 'cannot be reached']
}

/** A connection broke, and what was under way on it. */
export function lossTrouble(error: unknown, title: string): SyncError {
  const message = `The connection to the database ${title} broke: ${told(error)}.`
  return new SyncError('database-away', message, { cause: error })
}

/** Two transactions stood in each other's way; one of them is to begin anew. */
export function isConflict(error: unknown): boolean {
  return isStale(error) || (error instanceof DatabaseError && conflicts.has(error.code ?? ''))
}

/** A statement of this transaction failed before this one (in_failed_sql_transaction). */
export function isAfterFailure(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '25P02'
}

/** serialization_failure, deadlock_detected */
const conflicts: ReadonlySet<string> = new Set(['40001', '40P01'])

/**
 * What was prepared on a connection is no good any more: its tables were changed, or it was forgotten. Nothing has
 * been done.
 */
export function isStale(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false
  const isForgotten = error.code === '26000'
  return isForgotten || (error.code === '0A000' && error.routine === 'RevalidateCachedQuery')
}

/** The connection is of no use after such an error: the server ends it, or has become one that only reads. */
export function isLoss(error: unknown): boolean {
  if (!(error instanceof DatabaseError)) return false
  return error.severity === 'FATAL' || error.severity === 'PANIC' || error.code === '25006'
}

/**
 * Whether trying again cannot help before a person has done something: a wrong name, password or database, or a
 * certificate that nobody vouches for. A server that is away, starts up or is full comes back by itself.
 */
export function isLasting({ code }: SyncError): boolean {
  return lasting.has(code)
}

const lasting: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'database-login',
  'database-missing',
  'database-certificate',
  'database-unfit',
])

/** By the first two characters of the code, unless the whole code is listed. Others are faults of a statement. */
const codes: ReadonlyMap<string, ErrorCode> = new Map([
  ['08', 'database-away'],
  ['25006', 'database-away'],
  ['25P03', 'database'],
  ['28', 'database-login'],
  ['3D', 'database-missing'],
  ['40', 'database'],
  ['42501', 'database-unfit'],
  ['53', 'database'],
  ['53100', 'disk-full'],
  ['53300', 'database-away'],
  ['55P03', 'database'],
  ['57', 'database-away'],
  ['57014', 'database'],
  ['58', 'database'],
  ['XX', 'database'],
])

function codeOf({ code = '' }: DatabaseError): ErrorCode | null {
  return codes.get(code) ?? codes.get(code.slice(0, 2)) ?? null
}

/** Node says nothing in the error of an attempt on several addresses, but in those that it holds. */
function told(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map((one) => told(one)).join(', ')
  return error instanceof Error ? error.message : String(error)
}
