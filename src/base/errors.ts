/**
 * What is to be done about a failure. Nobody looks at message texts; the remedy decides.
 *
 * - `retry`   later, with backoff: this attempt was unlucky
 * - `skip`    this version of this file is no good: recorded and shown, not tried again until it changes
 * - `restart` the cursor is of no use any more: a new full round, data is kept until it ends
 * - `source`  the remote is down, slow or refusing: counts against the source, not against the task
 * - `stop`    needs a person: the source stands still until somebody acts
 */
export type Remedy = 'retry' | 'skip' | 'restart' | 'source' | 'stop'

/** Every code that crosses a folder, with its remedy and what a person can do next. */
export const errorCodes = {
  auth: [
    'stop',
    'Check the user name and password of this source; a new password is given with: roundelay sync ADDRESS --user NAME --password-stdin',
  ],
  forbidden: ['stop', 'Ask for permission to read this place, or point the source elsewhere.'],
  'blocked-address': [
    'stop',
    'An operator can allow this host: from the command line, or with --allow-host.',
  ],
  'bad-address': [
    'stop',
    'Check the address of this source: http:// or https://, host, port, path.',
  ],
  'root-missing': [
    'source',
    'The folder of this source is not there: check its address or mount it.',
  ],
  'not-a-drive': ['stop', 'The server does not speak WebDAV at this address: check the path.'],
  'unknown-host': ['source', 'Check the host name, and that this machine can resolve it.'],
  unreachable: ['source', 'Check that the remote is switched on and reachable.'],
  'untrusted-certificate': [
    'stop',
    'Nobody known vouches for this server, or its certificate has expired: renew it, or start with NODE_EXTRA_CA_CERTS=<file of the certificate that vouches for it>.',
  ],
  unavailable: ['source', 'The remote answers with an error of its own; it is tried again later.'],
  'rate-limited': ['source', 'The remote asked to slow down; it is tried again later.'],
  timeout: ['source', 'The remote did not answer in time; it is tried again later.'],
  interrupted: ['source', 'The connection broke in the middle; it is tried again later.'],
  protocol: [
    'source',
    'The remote answered something that makes no sense; it is tried again later.',
  ],
  changed: ['retry', 'The file changed while it was read; it is read again.'],
  'range-ignored': [
    'skip',
    'The server sends whole files when asked for a part, and this one is too big to read whole.',
  ],
  'not-found': ['skip', 'The file is not there any more; the next listing settles it.'],
  'file-forbidden': ['skip', 'The server refuses this one file.'],
  'not-audio': ['skip', 'The file holds no audio that is understood.'],
  unparsable: ['skip', 'The file is damaged, or not what its name says.'],
  'parser-ended': ['retry', 'Reading the tags was ended under this file; it is read again.'],
  'verifier-ended': ['retry', 'Verifying was ended under this entity; it is verified again.'],
  'parser-timeout': ['skip', 'Reading the tags took too long.'],
  'too-big': ['skip', 'The file or folder is larger than the limit that the message names.'],
  'bad-name': ['skip', 'The name cannot be read back from the server; rename it there.'],
  dropped: ['skip', 'It is read again when it changes.'],
  'cursor-expired': ['restart', 'The remote forgot where we were; it is listed anew.'],
  'lease-lost': ['retry', 'The slot was taken back before the work was done.'],
  cancelled: ['retry', 'It was called off; nothing is lost.'],
  'disk-full': ['retry', 'Free some space where the database is, or raise the quota.'],
  database: ['retry', 'Look at the disk, and at who may write there.'],
  'database-away': ['retry', 'Check that the database server runs, and how Roundelay reaches it.'],
  // What reads the database may be a drive's task: that it cannot is no reason to stop the drive.
  'database-login': [
    'retry',
    'Check user and password in the address of the database (DATABASE_URL or its file), and that the server lets this user in from here.',
  ],
  'database-missing': [
    'retry',
    'Check the name at the end of the address of the database, or create it there: createdb NAME.',
  ],
  'database-certificate': [
    'retry',
    'Nobody known vouches for the database server, or its certificate has expired: renew it, or name the file of the one that vouches for it: sslrootcert=FILE in the address, or NODE_EXTRA_CA_CERTS=FILE.',
  ],
  'database-unfit': ['stop', 'Give the database server what the message names.'],
  busy: ['stop', 'Another process does the work on this database; stop it first.'],
  'newer-schema': ['stop', 'The database was written by a newer version: install that one.'],
  'bad-key': [
    'stop',
    'Bring back the key. Where it is lost, roundelay key adopt goes on with another one; then give each password again: roundelay sync ADDRESS --user NAME.',
  ],
  'bad-input': ['stop', 'See the message; --help tells what is accepted.'],
  'unknown-kind': [
    'retry',
    'Install the version that made this task, or drop it: roundelay task drop.',
  ],
  internal: ['retry', 'This is a fault of Roundelay: please report it with its log.'],
} as const satisfies Record<string, readonly [Remedy, string]>

export type ErrorCode = keyof typeof errorCodes

export interface ErrorDetails {
  readonly cause?: unknown
  /** Do not try again before so many milliseconds (a Retry-After). */
  readonly retryAfterMs?: number
  /** The HTTP status that was answered. */
  readonly status?: number
}

/** The one error that crosses folders. The message says what was tried and on what, never a secret; `hint` says what to do next. */
export class SyncError extends Error {
  override readonly name = 'SyncError'
  readonly code: ErrorCode
  readonly retryAfterMs: number | undefined
  readonly status: number | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? {} : { cause: details.cause })
    this.code = code
    this.retryAfterMs = details.retryAfterMs
    this.status = details.status
  }

  get remedy(): Remedy {
    return errorCodes[this.code][0]
  }

  get hint(): string {
    return errorCodes[this.code][1]
  }
}

/** What was thrown, as a SyncError; what nobody foresaw is `internal`. */
export function asSyncError(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown
  if (thrown instanceof Error && thrown.name === 'AbortError') {
    return new SyncError('cancelled', 'The work was called off.', { cause: thrown })
  }
  const text = thrown instanceof Error ? thrown.message : String(thrown)
  return new SyncError('internal', text, { cause: thrown })
}

/** For errors of the programmer, never for what comes from outside. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}
