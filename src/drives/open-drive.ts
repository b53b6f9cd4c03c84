import type { Clock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'
import type { AddressPolicy } from '../base/remote/address-policy.ts'
import { parseEndpoint } from '../base/remote/endpoint.ts'
import { basicAuthorization, RemoteHost, type RemoteLimits } from '../base/remote/remote-host.ts'
import type { Source } from '../engine/source.ts'
import { FolderDrive } from './folder/folder-drive.ts'
import { WebDavDrive } from './webdav/webdav-drive.ts'

/** Where a drive is, and how to get in. */
export interface DriveAccount {
  /** For `webdav` an `http:` or `https:` URL without credentials, for `folder` an absolute path. */
  readonly address: string
  readonly user?: string
  readonly password?: string
}

export interface DriveParts {
  readonly clock: Clock
  /** Where this source may connect to. */
  readonly policy: AddressPolicy
  readonly limits?: Partial<RemoteLimits>
}

/** Kinds of drives that are known. */
export const driveKinds = ['folder', 'webdav'] as const
export type DriveKind = (typeof driveKinds)[number]

export function isDriveKind(kind: string): kind is DriveKind {
  return (driveKinds as readonly string[]).includes(kind)
}

/** A drive, ready to be asked; nothing is connected or opened yet. Throws `bad-address`, `bad-input`. */
export function openDrive(kind: DriveKind, account: DriveAccount, parts: DriveParts): Source {
  return opened[kind](account, parts)
}

const opened: Readonly<Record<DriveKind, (account: DriveAccount, parts: DriveParts) => Source>> = {
  folder: ({ address }) => new FolderDrive({ path: address }),
  webdav: (account, parts) => {
    const endpoint = parseEndpoint(account.address)
    return new WebDavDrive({
      remote: new RemoteHost({ endpoint, ...parts, ...credentials(account) }),
    })
  },
}

function credentials({ user, password }: DriveAccount): { authorization?: string } {
  if (user === undefined && password === undefined) return {}
  if (user === undefined || user.includes(':')) {
    throw new SyncError(
      'bad-input',
      'A user name is needed with the password, without a colon in it.',
    )
  }
  return { authorization: basicAuthorization(user, password ?? '') }
}
