import { execFileSync } from 'node:child_process'
import {
  appendFile,
  chmod,
  link,
  mkdir,
  rename,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { sharedDir } from '../../../test/servers/process.ts'
import { readBody } from '../../base/remote/body.ts'
import type { Batch, ListedItem } from '../../engine/source.ts'
import { DiskCalls, maxAbandoned } from './disk-calls.ts'
import { FolderDrive } from './folder-drive.ts'

const never = new AbortController().signal
let outside = ''
let root = ''
let drive: FolderDrive

beforeEach(async () => {
  outside = await sharedDir('folder')
  root = join(outside, 'music')
  await mkdir(root)
  drive = new FolderDrive({ path: `${root}/` })
})

afterEach(() => rm(outside, { recursive: true }))

describe('a folder', () => {
  test('with names that are no UTF-8 lists and opens them', async () => {
    await writeFile(
      Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9]), Buffer.from('.mp3')]),
      'one',
    )
    await writeFile(`${root}/café.mp3`, 'two')
    const found = await items(null)
    expect(found.map(({ key }) => key).toSorted()).toEqual(['caf%C3%A9.mp3', 'caf%E9.mp3'])
    expect(found.find(({ key }) => key === 'caf%E9.mp3')?.path).toEqual(['caf\ufffd.mp3'])
    expect((await Promise.all(found.map(read))).toSorted()).toEqual(['one', 'two'])
  })

  test('follows links to files inside, and no others', async () => {
    await mkdir(join(root, 'album'))
    await writeFile(join(root, 'album/song.mp3'), 'mine')
    await writeFile(join(outside, 'secret.mp3'), 'not mine')
    await symlink('album/song.mp3', join(root, 'inside.mp3'))
    await symlink('../secret.mp3', join(root, 'outside.mp3'))
    await symlink('nowhere', join(root, 'dangling.mp3'))
    await symlink('itself.mp3', join(root, 'itself.mp3'))
    await symlink('.', join(root, 'loop'))
    await symlink('..', join(root, 'album/up'))
    const [batch] = await list(null)
    expect((await items(null)).map(({ key }) => key)).toEqual(['inside.mp3'])
    expect(batch?.next).toEqual([{ step: 'album' }])
    expect((await list('album'))[0]?.next).toEqual([])
    const [inside] = await items(null)
    expect(await read(inside!)).toBe('mine')
    for (const key of ['outside.mp3', 'loop', 'album/up/secret.mp3']) {
      const item = { ...inside!, key }
      await expect(read(item)).rejects.toMatchObject({ code: 'not-found' })
      await expect(drive.stat(item, never)).rejects.toMatchObject({ code: 'not-found' })
    }
    await expect(list('album/up')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('shows neither pipes nor keys that lead out of it', async () => {
    execFileSync('mkfifo', [join(root, 'pipe.mp3')])
    expect(await items(null)).toEqual([])
    const item = { key: 'pipe.mp3', path: ['pipe.mp3'], size: 0, version: 'v' }
    await expect(drive.open(item, null, never)).rejects.toMatchObject({ code: 'not-found' })
    for (const key of ['..', '../secret.mp3', 'a//b', '%2E%2E/x', 'a%2Fb', '/etc/passwd']) {
      await expect(drive.stat({ ...item, key }, never)).rejects.toMatchObject({ code: 'bad-name' })
    }
  })

  test('keeps the id of a file that moves, and tells hard links apart by their keys', async () => {
    await writeFile(join(root, 'a.mp3'), 'x')
    const [before] = await items(null)
    await rename(join(root, 'a.mp3'), join(root, 'b.mp3'))
    await link(join(root, 'b.mp3'), join(root, 'c.mp3'))
    const after = await items(null)
    expect(after.map(({ id }) => id)).toEqual([before?.id, before?.id])
    expect(new Set(after.map(({ key }) => key)).size).toBe(2)
  })

  test('does not take a file for changed that only has another inode, as after a new mount', async () => {
    await writeFile(join(root, 'a.mp3'), 'same')
    const [before] = await items(null)
    execFileSync('cp', ['-p', join(root, 'a.mp3'), join(outside, 'copy')])
    await rename(join(outside, 'copy'), join(root, 'a.mp3'))
    const [after] = await items(null)
    expect(after?.id).not.toBe(before?.id)
    expect(after?.version).toBe(before?.version)
    expect(await read(before!)).toBe('same')
  })

  test('never gives the id of a file that is gone to another', async () => {
    const ids = new Set<string | undefined>()
    for (let i = 0; i < 20; i++) {
      await writeFile(join(root, `${i}.mp3`), 'x')
      ids.add((await items(null))[0]?.id)
      await rm(join(root, `${i}.mp3`))
    }
    expect(ids.size).toBe(20)
  })

  test('notices a file of the same size that was written again', async () => {
    await writeFile(join(root, 'a.mp3'), 'old')
    const [before] = await items(null)
    await writeFile(join(root, 'a.mp3'), 'new')
    await utimes(join(root, 'a.mp3'), 1_000, 1_000)
    await expect(read(before!)).rejects.toMatchObject({ code: 'changed' })
  })

  test('notices a file that changes while it is read', async () => {
    await writeFile(join(root, 'a.mp3'), Buffer.alloc(300_000))
    const [item] = await items(null)
    const { body } = await drive.open(item!, null, never)
    await appendFile(join(root, 'a.mp3'), 'more')
    await expect(readBody(body, 1_000_000, never)).rejects.toMatchObject({ code: 'changed' })
  })

  test('lists ten thousand files in bounded batches', async () => {
    touch(10_000)
    const batches = await list(null)
    expect(batches.flatMap(({ changes }) => changes)).toHaveLength(10_000)
    expect(Math.max(...batches.map(({ changes }) => changes.length))).toBeLessThanOrEqual(1_000)
  })

  test('stops in the middle of a listing when it is called off', async () => {
    touch(300)
    const caller = new AbortController()
    const batches = drive.list(null, caller.signal)
    await batches.next()
    caller.abort()
    await expect(batches.next()).rejects.toMatchObject({ code: 'cancelled' })
  })
})

test('a folder on a disk that hangs answers at once that it is unavailable', async () => {
  await writeFile(join(root, 'a.mp3'), 'x')
  const [item] = await items(null)
  const calls = new DiskCalls()
  for (let i = 0; i < maxAbandoned; i++) {
    const caller = new AbortController()
    const attempt = { what: 'Reading', scope: 'item', signal: caller.signal } as const
    const hung = calls.make(attempt, () => new Promise<never>(() => undefined))
    setImmediate(() => caller.abort())
    await expect(hung).rejects.toMatchObject({ code: 'cancelled' })
  }
  drive = new FolderDrive({ path: root, calls })
  await expect(list(null)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(drive.open(item!, null, never)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(drive.stat(item!, never)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(drive.check(never)).rejects.toMatchObject({ code: 'unavailable' })
})

describe('a folder that is not there', () => {
  test('is told apart from an empty one', async () => {
    const missing = new FolderDrive({ path: join(root, 'unmounted') })
    await expect(missing.check(never)).rejects.toMatchObject({ code: 'root-missing' })
    await expect(missing.list(null, never).next()).rejects.toMatchObject({ code: 'root-missing' })
    await writeFile(join(root, 'unmounted'), 'a file')
    await expect(missing.check(never)).rejects.toMatchObject({ code: 'root-missing' })
    await expect(list('gone')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('or may not be read, fails instead of being empty', async () => {
    await mkdir(join(root, 'closed'))
    await writeFile(join(root, 'closed/a.mp3'), '')
    await chmod(join(root, 'closed'), 0o600)
    await asNobody(async () => {
      await expect(list('closed')).rejects.toMatchObject({ code: 'file-forbidden' })
      const closed = new FolderDrive({ path: join(root, 'closed') })
      await expect(closed.check(never)).rejects.toMatchObject({ code: 'forbidden' })
    })
  })

  test.each(['music', './music', '', 'C:\\music', '/mus\0ic'])(
    'has an absolute path: "%s"',
    (path) => {
      expect(() => new FolderDrive({ path })).toThrowError(
        expect.objectContaining({ code: 'bad-address' }),
      )
    },
  )
})

async function list(step: string | null): Promise<Batch[]> {
  const batches: Batch[] = []
  for await (const batch of drive.list(step, never)) batches.push(batch)
  return batches
}

async function items(step: string | null): Promise<ListedItem[]> {
  return (await list(step)).flatMap(({ changes }) =>
    changes.flatMap((change) => (change.type === 'listed' ? [change.item] : [])),
  )
}

async function read(item: ListedItem): Promise<string> {
  const { body } = await drive.open(item, null, never)
  return String(await readBody(body, 1_000_000, never))
}

/** Empty files, `1.mp3` and so on. */
function touch(count: number): void {
  execFileSync('sh', ['-c', 'cd "$0" && seq -f %g.mp3 "$1" | xargs touch', root, String(count)])
}

/** Nothing is closed to root: who runs the tests as root looks through other eyes. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    await work()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}
