import { randomBytes } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { SyncError } from '../base/errors.ts'
import { keyBytes } from './vault.ts'

/**
 * The master key in a file of its own (base64), made when there is none: beside the database, never inside it, and
 * for its owner's eyes only. Throws `bad-key` when others may read it, or when it holds no key.
 */
export async function loadKeyFile(path: string): Promise<Uint8Array> {
  return (await createKeyFile(path)) ?? (await readKeyFile(path))
}

/** A master key as text: 32 bytes in base64 (with or without padding, of either alphabet) or hex. Throws `bad-key`. */
export function masterKeyFrom(text: string): Uint8Array {
  const value = text.trim()
  if (/^[0-9a-f]{64}$/i.test(value)) return Buffer.from(value, 'hex')
  if (/^[\w+/-]{43}=?$/.test(value)) return Buffer.from(value, 'base64')
  throw new SyncError('bad-key', `A master key is ${keyBytes} bytes in base64 or hex.`)
}

/** Null when there is such a file already. */
async function createKeyFile(path: string): Promise<Uint8Array | null> {
  const file = await openIf('EEXIST', path, 'wx')
  if (file === null) return null
  try {
    const key = randomBytes(keyBytes)
    await file.writeFile(`${key.toString('base64')}\n`)
    await file.sync()
    return key
  } finally {
    await file.close()
  }
}

async function readKeyFile(path: string): Promise<Uint8Array> {
  const file = await openIf('ENOENT', path, 'r')
  if (file === null) throw new SyncError('bad-key', `The key file ${path} went away.`)
  try {
    const { mode, size } = await file.stat()
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new SyncError('bad-key', `Others may read the key file ${path}: chmod 600 it.`)
    }
    if (size > maxFileBytes) throw new SyncError('bad-key', `${path} is too big for a key file.`)
    return masterKeyFrom(await file.readFile('utf8'))
  } catch (error) {
    if (!(error instanceof SyncError) || error.message.includes(path)) throw error
    throw new SyncError('bad-key', `The key file ${path} holds no key. ${error.message}`)
  } finally {
    await file.close()
  }
}

async function openIf(
  unless: 'EEXIST' | 'ENOENT',
  path: string,
  flags: string,
): Promise<FileHandle | null> {
  try {
    return await open(path, flags, 0o600)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === unless) return null
    throw new SyncError('bad-key', `The key file ${path} cannot be opened.`, { cause: error })
  }
}

/** Bytes of a key file: a key and a line end, and room for a careless editor. */
const maxFileBytes = 1_024
