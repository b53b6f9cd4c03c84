import { homedir } from 'node:os'
import { basename, resolve } from 'node:path'
import { SyncError } from '../base/errors.ts'

export interface Address {
  readonly kind: 'folder' | 'webdav'
  readonly address: string
  /** A name for the source, made from the address. */
  readonly name: string
}

/** What a person types for a drive: a folder of this machine, or the URL of a WebDAV server. Throws `bad-address`. */
export function parseAddress(typed: string): Address {
  if (/^https?:\/\//i.test(typed)) return parseUrl(typed)
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(typed)) {
    throw new SyncError(
      'bad-address',
      'An address is a folder, or begins with https:// or http://.',
    )
  }
  // An empty variable of a script is not the folder that the script runs in.
  if (typed.trim() === '') throw new SyncError('bad-address', 'The address is empty.')
  const path = resolve(typed.replace(/^~(?=\/|$)/, homedir()))
  return { kind: 'folder', address: path, name: toName(basename(path)) }
}

function parseUrl(typed: string): Address {
  if (!URL.canParse(typed)) throw new SyncError('bad-address', 'The address is no valid URL.')
  const url = new URL(typed)
  if (url.username !== '' || url.password !== '') {
    throw new SyncError(
      'bad-address',
      'User name and password do not belong in the address: give --user, and the password when asked.',
    )
  }
  if (url.search !== '' || url.hash !== '') {
    throw new SyncError('bad-address', 'An address has no ? and no # in it.')
  }
  // With and without a slash at the end it is the same folder, so the same source.
  const address = url.href.endsWith('/') ? url.href : `${url.href}/`
  return { kind: 'webdav', address, name: toName(url.host) }
}

function toName(text: string): string {
  const name = text
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .slice(0, 64)
  return name === '' ? 'music' : name
}
