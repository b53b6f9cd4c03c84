import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { readTags } from '../../src/library/tags/read-tags.ts'
import { TagParser } from '../../src/library/tags/tag-parser.ts'
import type { Tags } from '../../src/library/tags.ts'
import { CountedFile } from './counted.ts'
import { FfmpegFiles } from './ffmpeg.ts'

const { signal } = new AbortController()
let files: FfmpegFiles
let parser: TagParser
/** 128 kbit/s behind an index, without any tag. */
let bare: Buffer

beforeAll(async () => {
  files = await FfmpegFiles.create()
  parser = new TagParser({ clock: systemClock })
  const file = await files.make('bare.mp3', ['-id3v2_version', '0', '-b:a', '128k'])
  bare = Buffer.from(file.bytes)
})

afterAll(async () => {
  await parser.close()
  await files.remove()
})

/** An ID3v2.3 tag in Latin letters, with zeros up to `bytes`. */
function front(texts: Readonly<Record<string, string>>, bytes = 0): Buffer {
  const frames = Object.entries(texts).map(([id, text]) => {
    const header = Buffer.alloc(11)
    header.write(id, 'latin1')
    header.writeUInt32BE(text.length + 1, 4)
    return Buffer.concat([header, Buffer.from(text, 'latin1')])
  })
  const body = Buffer.concat(frames)
  const padding = Buffer.alloc(Math.max(0, bytes - 10 - body.length))
  const size = body.length + padding.length
  const digits = [21, 14, 7, 0].map((shift) => (size >> shift) & 127)
  return Buffer.concat([Buffer.from('ID3'), Buffer.from([3, 0, 0, ...digits]), body, padding])
}

/** APEv2 with a footer alone, as mp3gain writes it. */
function ape(texts: Readonly<Record<string, string>>): Buffer {
  const items = Object.entries(texts).map(([key, text]) => {
    const head = Buffer.alloc(8)
    head.writeUInt32LE(Buffer.byteLength(text))
    return Buffer.concat([head, Buffer.from(`${key}\0${text}`)])
  })
  const footer = Buffer.alloc(32)
  footer.write('APETAGEX')
  footer.writeUInt32LE(2_000, 8)
  footer.writeUInt32LE(
    items.reduce((sum, item) => sum + item.length, footer.length),
    12,
  )
  footer.writeUInt32LE(items.length, 16)
  return Buffer.concat([...items, footer])
}

function id3v1(title: string, artist: string): Buffer {
  const tag = Buffer.alloc(128)
  tag.write('TAG', 0)
  tag.write(title, 3, 'latin1')
  tag.write(artist, 33, 'latin1')
  tag.writeUInt8(255, 127)
  return tag
}

async function read(...parts: readonly Buffer[]): Promise<{ tags: Tags; requests: number }> {
  const file = new CountedFile('song.mp3', Buffer.concat(parts))
  const tags = await readTags(file, file.fetch, parser, signal)
  return { tags, requests: file.requests }
}

const gain = { REPLAYGAIN_TRACK_GAIN: '-7.25 dB', REPLAYGAIN_TRACK_PEAK: '0.988' }

test('A front tag without a title is completed by the tags at the end', async () => {
  const noTitle = front({ TALB: 'Rounds', TSSE: 'Lavf' })
  const { tags, requests } = await read(noTitle, bare, id3v1('Refrain', 'Anna'))
  expect(tags).toMatchObject({ title: 'Refrain', artist: 'Anna', album: 'Rounds' })
  expect(requests).toBe(2)
})

test('What stands in front decides; APEv2 comes before ID3v1', async () => {
  const tail = ape({ Title: 'Ape', Artist: 'Bob', ...gain })
  const { tags } = await read(front({ TPE1: 'Anna' }), bare, tail, id3v1('Old', 'Charlie'))
  expect(tags).toMatchObject({ title: 'Ape', artist: 'Anna', replayGain: { trackGain: -7.25 } })
})

test('A large front tag without a title costs no round more: its audio and the end are read at once', async () => {
  const noTitle = front({ TALB: 'Rounds' }, 20_000)
  const file = new CountedFile('song.mp3', Buffer.concat([noTitle, bare, id3v1('Refrain', '')]))
  let rounds = 0
  let running = 0
  const fetch: typeof file.fetch = async (range) => {
    if (running++ === 0) rounds++
    const bytes = await file.fetch(range)
    running--
    return bytes
  }
  expect(await readTags(file, fetch, parser, signal)).toMatchObject({ title: 'Refrain' })
  expect([rounds, file.requests]).toEqual([2, 3])
})

test('A front tag with padding costs one request more, not two', async () => {
  const padded = front({ TIT2: 'Refrain' }, 20_000)
  expect(await read(padded, bare)).toMatchObject({ tags: { title: 'Refrain' }, requests: 2 })
})

test('Behind a front tag with a title nothing is read, not even ReplayGain: a request for every file', async () => {
  const { tags, requests } = await read(front({ TIT2: 'Refrain' }), bare, ape(gain))
  expect(tags.title).toBe('Refrain')
  expect(tags.replayGain).toBeUndefined()
  expect(requests).toBe(1)
})
