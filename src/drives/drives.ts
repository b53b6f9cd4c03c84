import type { Clock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'
import { type AddressPolicy, permitting } from '../base/remote/address-policy.ts'
import { parseEndpoint } from '../base/remote/endpoint.ts'
import { basicAuthorization, RemoteHost, type RemoteLimits } from '../base/remote/remote-host.ts'
import type { Source } from '../engine/source.ts'
import { FolderDrive } from './folder/folder-drive.ts'
import { WebDavDrive } from './webdav/webdav-drive.ts'

/** Where a drive is, and how to get in. */
export interface DriveAccount {
  /** One of `driveKinds`. */
  readonly kind: string
  /** For `webdav` an `http:` or `https:` URL without credentials, for `folder` an absolute path. */
  readonly address: string
  readonly user?: string | null | undefined
  readonly password?: string | null | undefined
  /** An operator typed the address himself: its host and port may be private, and a folder of this machine is his to show. */
  readonly isOperators?: boolean
}

export interface DriveParts {
  readonly clock: Clock
  /** Where drives may connect to; for `isOperators` the host and port of the address come on top. */
  readonly policy: AddressPolicy
  readonly limits?: Partial<RemoteLimits>
}

/**
 * A drive, ready to be asked; nothing is connected or opened yet.
 * Throws `bad-address`, `blocked-address` and `bad-input`.
 */
export function openDrive(account: DriveAccount, parts: DriveParts): Source {
  const open = opened.get(account.kind)
  if (open !== undefined) return open(account, parts)
  const known = driveKinds.join(', ')
  throw new SyncError(
    'bad-input',
    `There is no drive of the kind "${account.kind}", only: ${known}.`,
  )
}

const opened: ReadonlyMap<string, (account: DriveAccount, parts: DriveParts) => Source> = new Map([
  ['folder', openFolder],
  ['webdav', openWebDav],
])

/** Kinds of drives that are known. */
export const driveKinds: readonly string[] = [...opened.keys()]

function openFolder({ address, isOperators }: DriveAccount): Source {
  if (isOperators === true) return new FolderDrive({ path: address })
  const message = 'A folder of this machine can only be added from its own command line.'
  throw new SyncError('blocked-address', message)
}

function openWebDav(account: DriveAccount, parts: DriveParts): Source {
  const endpoint = parseEndpoint(account.address)
  const { host, port } = endpoint
  const policy = account.isOperators === true ? permitting(parts.policy, host, port) : parts.policy
  const remote = new RemoteHost({ ...parts, ...credentials(account), endpoint, policy })
  return new WebDavDrive({ remote })
}

function credentials({ user, password }: DriveAccount): { authorization?: string } {
  if ((user ?? '') === '' && (password ?? '') === '') return {}
  if (user === null || user === undefined || user === '' || user.includes(':')) {
    throw new SyncError('bad-input', 'A password goes with a user name, which has no colon in it.')
  }
  return { authorization: basicAuthorization(user, password ?? '') }
}
