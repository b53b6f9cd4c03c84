import { SyncError } from '../../base/errors.ts'

/** Where a database is. The URL holds the password and is shown to nobody; the title is for messages. */
export interface DatabaseAddress {
  readonly url: string
  /** `host:port/name` */
  readonly title: string
}

/**
 * Reads `postgres://user:password@host:5432/name?sslmode=verify-full`; throws `bad-input`. What a password may leak
 * through is refused: an `@`, `/`, `?` or `#` of it that is not escaped would be taken for a part of what is shown.
 */
export function readAddress(url: string): DatabaseAddress {
  if (!URL.canParse(url)) throw unreadable()
  const { protocol, hostname, port, pathname, searchParams, search, hash } = new URL(url)
  const isPostgres = protocol === 'postgres:' || protocol === 'postgresql:'
  if (!isPostgres || /[@#]/.test(pathname + search + hash)) throw unreadable()
  for (const mode of searchParams.getAll('sslmode')) {
    if (!sslModes.includes(mode)) throw unknownMode()
  }
  const host = hostname || searchParams.get('host') || 'localhost'
  return { url, title: `${host}:${port || defaultPort}${pathname}` }
}

const defaultPort = 5432

/** What the driver knows; of others it says nothing, and takes them for `verify-full`. */
const sslModes: readonly string[] = [
  'disable',
  'no-verify',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
]

/** What was written there is not shown: it may be a part of a password. */
function unknownMode(): SyncError {
  return new SyncError(
    'bad-input',
    `In the address of the database, sslmode is one of ${sslModes.join(', ')}.`,
  )
}

function unreadable(): SyncError {
  return new SyncError(
    'bad-input',
    'The address of the database cannot be read. It looks like postgres://user:password@host:5432/name, with %40 for ' +
      'an @ in the password, %2F for a /, %3F for a ? and %23 for a #.',
  )
}
