import { mkdir, open, readdir, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { SyncError } from '../../base/errors.ts'

/**
 * Gives a finished file its place, whatever was there, and makes its folders. It is whole under its new name even
 * after a loss of power; what bad disks do later is found out when it is read.
 */
export async function moveDurably(from: string, to: string): Promise<void> {
  const folder = dirname(to)
  const firstMade = await mkdir(folder, { recursive: true })
  await rename(from, to)
  const highest = firstMade === undefined ? folder : dirname(firstMade)
  for (let path = folder; ; path = dirname(path)) {
    await syncFolder(path)
    if (path.length <= highest.length) return
  }
}

/** Names in a folder that are like `pattern`, in order; nothing where there is no such folder. */
export async function namesIn(folder: string, pattern: RegExp): Promise<readonly string[]> {
  const names = await unlessGone(readdir(folder))
  return (names ?? []).filter((name) => pattern.test(name)).toSorted()
}

/** What is asked of a file; null where there is none. */
export async function unlessGone<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

/** Does something on the disk: throws `disk-full` or `database`, with what was tried. */
export async function onDisk<T>(tried: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const code = fullCodes.has(codeOf(error)) ? 'disk-full' : 'database'
    throw new SyncError(code, `${tried} failed (${codeOf(error)}).`, { cause: error })
  }
}

/** No space, no quota, and the limit on the size of a file. */
const fullCodes: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** So that new names in it survive a loss of power too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
}
