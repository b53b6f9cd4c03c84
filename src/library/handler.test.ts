import { expect, it } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { MemoryDrive } from '../drives/memory/memory-drive.ts'
import type { Item } from '../engine/handler.ts'
import type { ListedItem } from '../engine/source.ts'
import { tagsOf } from '../../test/library/world.ts'
import { LibraryHandler, type TagReader } from './handler.ts'
import { maxRangeBytes, rangeFetch } from './range-fetch.ts'

const never = new AbortController().signal
const code = (expected: string) => expect.objectContaining({ code: expected })

async function driveWith(
  path: string,
  content: Uint8Array,
): Promise<{ drive: MemoryDrive; item: Item }> {
  const drive = new MemoryDrive({ clock: systemClock, shape: 'feed' })
  drive.put(path, content)
  for await (const { changes } of drive.list(null, never)) {
    for (const change of changes) {
      if (change.type === 'listed') {
        return { drive, item: { ...change.item, rowId: 7, sourceId: 1, ownerId: 1 } }
      }
    }
  }
  return expect.unreachable('the drive lists its one file')
}

/** Reads the first and the last four bytes, as a reader of tags would. */
const readEnds: TagReader = async ({ size }, fetch) => {
  const head = await fetch({ start: 0, end: 4 })
  const tail = await fetch({ start: size - 4, end: size + 100 })
  return tagsOf({ title: Buffer.concat([head, tail]).toString() })
}

it('wants audio and pictures of folders, and nothing else', () => {
  const handler = new LibraryHandler({ readTags: readEnds })
  const wants = (name: string): boolean =>
    handler.wants({ key: name, path: ['a', name], size: 1, version: '' } satisfies ListedItem)
  expect(['1.mp3', 'x.FLAC', 'cover.jpg', 'Folder.PNG'].map((name) => wants(name))).not.toContain(
    false,
  )
  expect(['mp3', 'a.txt', 'me.jpg', 'cover.jpg.txt'].map((name) => wants(name))).not.toContain(true)
})

it('wants what is empty, and says so without opening it: a file that was full once is not kept as it was', async () => {
  const { drive, item } = await driveWith('Anna/1.mp3', Buffer.alloc(0))
  const handler = new LibraryHandler({ readTags: readEnds })
  expect(handler.wants(item)).toBe(true)
  const reason = { code: 'not-audio', message: '1.mp3 is empty.' }
  await expect(handler.read(item, null, drive, never)).rejects.toMatchObject(reason)
  await expect(handler.read(item, { ...item, rowId: 5 }, drive, never)).rejects.toMatchObject(
    reason,
  )
  const picture = handler.read({ ...item, path: ['Anna', 'cover.jpg'] }, null, drive, never)
  await expect(picture).rejects.toMatchObject({
    code: 'unparsable',
    message: 'cover.jpg is empty.',
  })
  expect(drive.counts.opens).toBe(0)
})

it('reads only the ranges that hold the tags, and names what they leave out by the path', async () => {
  const content = Buffer.concat([Buffer.from('head'), Buffer.alloc(1_000_000), Buffer.from('tail')])
  const { drive, item } = await driveWith('Anna/Live/03 - Song.mp3', content)
  const effect = await new LibraryHandler({ readTags: readEnds }).read(item, null, drive, never)
  expect(effect).toMatchObject({
    kind: 'track',
    tags: { title: 'headtail' },
    names: { title: 'Song', artist: 'Anna', album: 'Live', track: 3 },
  })
  expect(drive.counts).toMatchObject({ opens: 2, bytes: 8 })
})

it('opens neither a picture of a folder nor a file whose content is known', async () => {
  const { drive, item } = await driveWith('Anna/Live/03 - Song.mp3', Buffer.from('x'))
  const handler = new LibraryHandler({ readTags: readEnds })
  const known: Item = { ...item, key: 'old.mp3', path: ['old.mp3'], rowId: 5 }
  expect(await handler.read(item, known, drive, never)).toMatchObject({
    kind: 'copy',
    from: 5,
    fromVersion: item.version,
    names: { title: 'Song' },
  })
  const ranks: number[] = []
  for (const name of ['cover.jpg', 'Front.png', 'folder.jpg', 'AlbumArt.webp']) {
    const effect = await handler.read({ ...item, path: ['a', name] }, null, drive, never)
    ranks.push('rank' in effect ? effect.rank : -1)
  }
  expect(ranks).toEqual([0, 1, 2, 3])
  expect(drive.counts.opens).toBe(0)
})

it('ends as soon as it is called off, with the reason', async () => {
  const { drive, item } = await driveWith('1.mp3', Buffer.alloc(100))
  drive.inject({ on: 'open', does: 'stall', after: 2 })
  const stop = new AbortController()
  const reading = new LibraryHandler({ readTags: readEnds }).read(item, null, drive, stop.signal)
  stop.abort(new Error('lease over'))
  await expect(reading).rejects.toEqual(code('cancelled'))
})

it('tells what went wrong with the remote by the code of the source', async () => {
  const { drive, item } = await driveWith('1.mp3', Buffer.alloc(100))
  drive.inject({ on: 'open', does: 'cut', after: 2, times: 1 })
  const fetch = rangeFetch(drive, item, never)
  await expect(fetch({ start: 0, end: 10 })).rejects.toEqual(code('interrupted'))
  drive.put('1.mp3', Buffer.alloc(50))
  await expect(fetch({ start: 0, end: 10 })).rejects.toEqual(code('changed'))
})

it('takes no more than it asked for, and asks for no more than it may hold', async () => {
  const { drive, item } = await driveWith('1.mp3', Buffer.alloc(100))
  const openPart = drive.open.bind(drive)
  drive.open = (ref, _range, signal) => openPart(ref, null, signal)
  const fetch = rangeFetch(drive, item, never)
  await expect(fetch({ start: 0, end: 10 })).rejects.toEqual(code('protocol'))
  await expect(fetch({ start: 0, end: maxRangeBytes + 1 })).rejects.toEqual(code('too-big'))
})
