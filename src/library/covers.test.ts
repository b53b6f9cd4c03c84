import { createHash } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { LibraryWorld, tagsOf } from '../../test/library/world.ts'
import { systemClock } from '../base/clock.ts'
import { SyncError } from '../base/errors.ts'
import { MemoryDrive } from '../drives/memory/memory-drive.ts'
import { DiskBlobs } from '../store/blobs/disk-blobs.ts'
import type { Cover } from './catalogue.ts'
import { Covers, maxCoverBytes } from './covers.ts'
import { maxReadingsEach, maxWaitingEach } from './reading-turns.ts'

const never = new AbortController().signal
const code = (expected: string) => expect.objectContaining({ code: expected })
const png = Buffer.concat([
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
  Buffer.from('\0\0\0\rIHDR and more of a picture'),
])
const hash = createHash('sha256').update(png).digest('hex')

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'covers-'))
})
afterEach(() => rm(folder, { recursive: true }))

class Gallery {
  readonly world: LibraryWorld
  readonly drive = new MemoryDrive({ clock: systemClock, shape: 'tree' })
  readonly blobs = new DiskBlobs({ root: folder, maxBytes: 20_000_000 })
  readonly covers: Covers
  refusal: SyncError | null = null

  private constructor(world: LibraryWorld) {
    this.world = world
    this.covers = new Covers({
      catalogue: world.catalogue,
      blobs: this.blobs,
      source: async () => this.drive,
      refusal: async () => this.refusal,
    })
  }

  static async open(): Promise<Gallery> {
    return new Gallery(await LibraryWorld.open('SQLite'))
  }

  /** Puts a file whose bytes from `start` on are a picture, or all of it. */
  async put(path: string, content: Buffer, start: number | null = null): Promise<Cover> {
    this.drive.put(path, content)
    const { key, version, size, ...listed } = await this.listed(path)
    expect(key).toBe(path)
    const cover = { start: start ?? 0, end: size, mime: 'x/y', form: 'raw' } as const
    await this.world.apply(
      path,
      start === null
        ? { kind: 'picture', rank: 0 }
        : { kind: 'track', tags: tagsOf({ cover }), names: { title: path } },
      { version, size, ...listed },
    )
    return this.kept(path, { version, size })
  }

  async kept(path: string, song: { version: string; size: number }): Promise<Cover> {
    return (await this.world.catalogue.cover((await this.world.item(path, song)).rowId))!
  }

  async listed(path: string): Promise<{ key: string; version: string; size: number }> {
    for await (const { changes } of this.drive.list(null, never)) {
      for (const change of changes) {
        if (change.type === 'listed' && change.item.key === path) return change.item
      }
    }
    return expect.unreachable('the drive lists what was put')
  }
}

it('reads a picture inside a file with exactly its range, and the next time from the blobs', async () => {
  const gallery = await Gallery.open()
  const content = Buffer.concat([Buffer.alloc(100_000), png])
  const cover = await gallery.put('1.mp3', content, 100_000)
  const first = await gallery.covers.get(cover, never)
  expect({ ...first, bytes: Buffer.from(first.bytes) }).toEqual({
    bytes: png,
    mime: 'image/png',
    hash,
  })
  expect(gallery.drive.counts).toMatchObject({ opens: 1, bytes: png.length })
  const known = await gallery.kept('1.mp3', cover.item)
  expect(known).toMatchObject({ hash, mime: 'image/png' })
  const again = await gallery.covers.get(known, never)
  expect(Buffer.from(again.bytes).equals(png)).toBe(true)
  expect(gallery.drive.counts.opens).toBe(1)
  await gallery.blobs.remove(hash)
  await gallery.covers.get(known, never)
  expect(gallery.drive.counts.opens).toBe(2)
})

it('reads a picture of a folder whole', async () => {
  const gallery = await Gallery.open()
  const { mime } = await gallery.covers.get(await gallery.put('cover.jpg', png), never)
  expect(mime).toBe('image/png')
  expect(gallery.drive.counts).toMatchObject({ opens: 1, bytes: png.length })
})

it('says that the file has changed, and keeps nothing', async () => {
  const gallery = await Gallery.open()
  const cover = await gallery.put('cover.jpg', png)
  gallery.drive.put('cover.jpg', Buffer.alloc(50))
  await expect(gallery.covers.get(cover, never)).rejects.toEqual(code('changed'))
  expect(await gallery.kept('cover.jpg', cover.item)).toMatchObject({ hash: null })
})

it('never hands out what is no picture, nor reads one beyond the limit', async () => {
  const gallery = await Gallery.open()
  const page = await gallery.put('cover.jpg', Buffer.from('<script>alert(1)</script>'))
  await expect(gallery.covers.get(page, never)).rejects.toEqual(code('unparsable'))
  const big = await gallery.put('folder.jpg', Buffer.alloc(maxCoverBytes + 1))
  await expect(gallery.covers.get(big, never)).rejects.toEqual(code('too-big'))
  expect(gallery.drive.counts.opens).toBe(1)
})

it('reads once for all who ask at the same time, and goes on while one of them waits', async () => {
  const gallery = await Gallery.open()
  const cover = await gallery.put('cover.jpg', png)
  const stop = new AbortController()
  const asked = [stop.signal, never, never].map((signal) => gallery.covers.get(cover, signal))
  stop.abort()
  const [left, ...stayed] = await Promise.allSettled(asked)
  expect(left).toMatchObject({ status: 'rejected', reason: { code: 'cancelled' } })
  expect(stayed).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }])
  expect(gallery.drive.counts.opens).toBe(1)
})

it('stops reading when nobody waits any more, and reads anew for who comes later', async () => {
  const gallery = await Gallery.open()
  const cover = await gallery.put('cover.jpg', png)
  gallery.drive.inject({ on: 'open', does: 'hang', times: 1 })
  const stop = new AbortController()
  const asked = gallery.covers.get(cover, stop.signal)
  await expect.poll(() => gallery.drive.counts.opens).toBe(1)
  stop.abort()
  await expect(asked).rejects.toEqual(code('cancelled'))
  expect((await gallery.covers.get(cover, never)).hash).toBe(hash)
})

it('lets who waits behind a drive that hangs wait in turn, and forgets who left', async () => {
  const gallery = await Gallery.open()
  const cover = await gallery.put('cover.jpg', png)
  const takeBack = gallery.drive.inject({ on: 'open', does: 'hang' })
  const stop = new AbortController()
  setMaxListeners(0, never, stop.signal)
  const numbered = (id: number): Cover => ({ ...cover, id })
  const ask = (count: number, first: number, signal: AbortSignal) =>
    Array.from({ length: count }, (_, i) => gallery.covers.get(numbered(first + i), signal))
  const hanging = ask(maxReadingsEach, 1, stop.signal)
  const left = ask(maxWaitingEach, 1_001, stop.signal)
  await expect(gallery.covers.get(numbered(0), never)).rejects.toEqual(code('cancelled'))
  await expect.poll(() => gallery.drive.counts.opens).toBe(maxReadingsEach)
  takeBack()
  stop.abort()
  await Promise.allSettled([...hanging, ...left])
  const waiting = ask(maxWaitingEach, 2_001, never)
  expect(new Set((await Promise.all(waiting)).map((each) => each.hash))).toEqual(new Set([hash]))
  expect(gallery.drive.counts.opens).toBe(maxReadingsEach + maxWaitingEach)
})

it('refuses at once what lies on a drive that rests, but shows what it has', async () => {
  const gallery = await Gallery.open()
  const cover = await gallery.put('cover.jpg', png)
  gallery.refusal = new SyncError('unreachable', 'It rests.')
  await expect(gallery.covers.get(cover, never)).rejects.toBe(gallery.refusal)
  expect(gallery.drive.counts.opens).toBe(0)
  gallery.refusal = null
  await gallery.covers.get(cover, never)
  gallery.refusal = new SyncError('unreachable', 'It rests.')
  expect(
    await gallery.covers.get(await gallery.kept('cover.jpg', cover.item), never),
  ).toMatchObject({ hash })
})

it('does not wait for a drive that goes to rest meanwhile', async () => {
  const gallery = await Gallery.open()
  const cover = await gallery.put('cover.jpg', png)
  gallery.drive.inject({ on: 'open', does: 'hang', times: maxReadingsEach })
  const stop = new AbortController()
  const hanging = Array.from({ length: maxReadingsEach }, (_, i) =>
    gallery.covers.get({ ...cover, id: i + 1 }, stop.signal),
  )
  const waiting = gallery.covers.get({ ...cover, id: 100 }, never)
  await expect.poll(() => gallery.drive.counts.opens).toBe(maxReadingsEach)
  gallery.refusal = new SyncError('timeout', 'It rests.')
  stop.abort()
  await expect(waiting).rejects.toBe(gallery.refusal)
  await Promise.allSettled(hanging)
  expect(gallery.drive.counts.opens).toBe(maxReadingsEach)
})
