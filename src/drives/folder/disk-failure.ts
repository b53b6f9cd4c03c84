import { asSyncError, type ErrorCode, SyncError } from '../../base/errors.ts'

/** A failure of the operating system as a SyncError. `what` says what was tried, on what. */
export function diskFailure(thrown: unknown, what: string, scope: 'root' | 'item'): SyncError {
  if (thrown instanceof SyncError || !(thrown instanceof Error) || !('code' in thrown)) {
    return asSyncError(thrown)
  }
  const code = String(thrown.code)
  const [root, item] = codes[code] ?? ['unavailable', 'unavailable']
  return new SyncError(scope === 'root' ? root : item, `${what} failed: ${code}.`, {
    cause: thrown,
  })
}

/** Whatever is not here comes from a disk or a mount in trouble: EIO, ESTALE, ENOTCONN, EMFILE ... */
const codes: Readonly<Record<string, readonly [root: ErrorCode, item: ErrorCode]>> = {
  ENOENT: ['root-missing', 'not-found'],
  ENOTDIR: ['root-missing', 'not-found'],
  ELOOP: ['root-missing', 'not-found'],
  ENAMETOOLONG: ['root-missing', 'not-found'],
  EACCES: ['forbidden', 'file-forbidden'],
  EPERM: ['forbidden', 'file-forbidden'],
}
