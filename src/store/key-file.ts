import { randomBytes } from 'node:crypto'
import { type FileHandle, link, open, rm, stat, writeFile } from 'node:fs/promises'
import { asSyncError, SyncError } from '../base/errors.ts'
import { keyBytes } from './vault.ts'

/**
 * The master key in a file of its own (base64), made when there is none: beside the database, never inside it, and
 * for its owner's eyes only. Throws `bad-key` when others may read it, or when it holds no key.
 */
export async function loadKeyFile(path: string): Promise<KeyFile> {
  const made = await createKeyFile(path)
  return made === null ? { key: await readKeyFile(path), isNew: false } : { key: made, isNew: true }
}

export interface KeyFile {
  readonly key: Uint8Array
  /** It was not there, and has just been made. */
  readonly isNew: boolean
}

export async function hasKeyFile(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

/** A master key as text: 32 bytes in base64 (with or without padding, of either alphabet) or hex. Throws `bad-key`. */
export function masterKeyFrom(text: string): Uint8Array {
  const value = text.trim()
  if (/^[0-9a-f]{64}$/i.test(value)) return Buffer.from(value, 'hex')
  if (/^[\w+/-]{43}=?$/.test(value)) return Buffer.from(value, 'base64')
  throw new SyncError('bad-key', `A master key is ${keyBytes} bytes in base64 or hex.`)
}

/** Null when there is such a file already. Written beside its place and linked there whole: whoever dies here, or finds the disk full, leaves no half of a key. */
async function createKeyFile(path: string): Promise<Uint8Array | null> {
  if (await hasKeyFile(path)) return null
  const part = `${path}.${randomBytes(6).toString('hex')}`
  const key = randomBytes(keyBytes)
  try {
    await writeFile(part, `${key.toString('base64')}\n`, { flag: 'wx', mode: 0o600, flush: true })
    await link(part, path)
    return key
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return null
    throw new SyncError('bad-key', `The key file ${path} cannot be made.`, { cause: error })
  } finally {
    await rm(part, { force: true })
  }
}

async function readKeyFile(path: string): Promise<Uint8Array> {
  const file = await opened(path)
  try {
    const { mode, size } = await file.stat()
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new SyncError('bad-key', `Others may read the key file ${path}: chmod 600 it.`)
    }
    if (size > maxFileBytes) throw new SyncError('bad-key', `${path} is too big for a key file.`)
    return keyOf(path, await file.readFile('utf8'))
  } finally {
    await file.close()
  }
}

function keyOf(path: string, text: string): Uint8Array {
  try {
    return masterKeyFrom(text)
  } catch (error) {
    const { message } = asSyncError(error)
    throw new SyncError(
      'bad-key',
      `The key file ${path} holds no key: put it back, or remove it. ${message}`,
    )
  }
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r')
  } catch (error) {
    const what = codeOf(error) === 'ENOENT' ? 'went away' : 'cannot be opened'
    throw new SyncError('bad-key', `The key file ${path} ${what}.`, { cause: error })
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** Bytes of a key file: a key and a line end, and room for a careless editor. */
const maxFileBytes = 1_024
