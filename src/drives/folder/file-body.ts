import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { SyncError } from '../../base/errors.ts'
import type { ByteRange } from '../../engine/source.ts'

export interface OpenFile {
  readonly handle: FileHandle
  /** As it was opened. */
  readonly stats: BigIntStats
}

/** Opens a file, and nothing but a file: a link is refused, a pipe does not make it wait. */
export async function openFile(path: Buffer): Promise<OpenFile> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stats = await handle.stat({ bigint: true })
    if (stats.isFile()) return { handle, stats }
    throw new SyncError('not-found', 'It is no file.')
  } catch (thrown) {
    await handle.close()
    throw thrown
  }
}

/**
 * What changes when the content of a file may have changed: size, and time in nanoseconds. Not the inode: vfat, exfat
 * and sshfs number their files anew at every mount.
 */
export function versionOf({ size, mtimeNs }: BigIntStats): string {
  return `${size}-${mtimeNs}`
}

/** What a file keeps when it moves. An inode alone soon belongs to another file; with its time of birth, where the file system knows that, to no other. */
export function idOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return birthtimeNs > 0n ? `${dev}:${ino}:${birthtimeNs}` : `${dev}:${ino}`
}

/**
 * The bytes of a range; ends in `changed` when the file became another version while it was read. Closes the file.
 * `ask` makes the calls to the disk, and gives its failures the form of SyncErrors.
 */
export function fileBody(
  { handle, stats }: OpenFile,
  range: ByteRange | null,
  ask: <T>(call: () => Promise<T>) => Promise<T>,
): Readable {
  let at = range?.start ?? 0
  const end = Math.min(range?.end ?? Number.POSITIVE_INFINITY, Number(stats.size))
  const next = async (): Promise<Buffer | null> => {
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(chunkBytes, end - at)))
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at)
    at += bytesRead
    if (bytesRead > 0) return buffer.subarray(0, bytesRead)
    const isSame = versionOf(await handle.stat({ bigint: true })) === versionOf(stats)
    if (isSame && at >= end) return null
    throw new SyncError('changed', 'The file changed while it was read.')
  }
  let reading: Promise<unknown> = Promise.resolve()
  return new Readable({
    read() {
      const call = ask(() => {
        const work = next()
        reading = work.catch(() => undefined)
        return work
      })
      call.then(
        (chunk) => this.push(chunk),
        (thrown: Error) => this.destroy(thrown),
      )
    },
    destroy(error, done) {
      void closeAfter(reading, handle)
      done(error)
    },
  })
}

/** Lets go of a handle whenever the disk lets us; a disk that hangs keeps nobody waiting. */
export function closeQuietly(handle: { close(): Promise<void> }): void {
  void handle.close().catch(() => undefined)
}

/** Not under a call that is still reading: the number it reads by would soon be that of another file. */
async function closeAfter(reading: Promise<unknown>, handle: FileHandle): Promise<void> {
  await reading
  closeQuietly(handle)
}

const chunkBytes = 65_536
