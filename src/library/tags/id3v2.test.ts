import { Buffer } from 'node:buffer'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import type { Tags } from '../tags.ts'
import { readCover } from './cover.ts'
import { readTags } from './read-tags.ts'
import { TagParser } from './tag-parser.ts'

const { signal } = new AbortController()
let parser: TagParser

beforeAll(() => {
  parser = new TagParser({ clock: systemClock })
})

afterAll(() => parser.close())

/** A frame of 128 kbit/s and 44,100 Hz: 417 bytes, 26 ms. */
const frame = Buffer.concat([Buffer.from([0xff, 0xfb, 0x90, 0x64]), Buffer.alloc(413)])
const audio = Buffer.concat(Array.from({ length: 40 }, () => frame))
const picture = Buffer.concat([
  Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0xff, 0, 0xff, 0xff]),
  Buffer.alloc(40_000, 0x41),
])

interface Options {
  readonly major: 2 | 3 | 4
  readonly flags?: number
  readonly escapes?: boolean
}

function tag({ major, flags = 0, escapes = false }: Options, ...frames: readonly Buffer[]): Buffer {
  const plain = Buffer.concat(frames)
  const body = escapes ? escape(plain) : plain
  const size = [21, 14, 7, 0].map((shift) => (body.length >> shift) & 127)
  return Buffer.concat([Buffer.from('ID3'), Buffer.from([major, 0, flags, ...size]), body])
}

function frameOf(major: number, id: string, body: Buffer, flags = 0): Buffer {
  const header = Buffer.alloc(major === 2 ? 6 : 10)
  header.write(id)
  if (major === 2) header.writeUIntBE(body.length, 3, 3)
  else if (major === 3) header.writeUInt32BE(body.length, 4)
  else
    for (const [index, shift] of [21, 14, 7, 0].entries())
      header[4 + index] = (body.length >> shift) & 127
  if (major > 2) header.writeUInt16BE(flags, 8)
  return Buffer.concat([header, body])
}

function latin(text: string): Buffer {
  return Buffer.from(`\0${text}`, 'latin1')
}

function escape(plain: Buffer): Buffer {
  const bytes: number[] = []
  for (const [index, byte] of plain.entries()) {
    bytes.push(byte)
    const next = plain[index + 1] ?? 0
    if (byte === 0xff && (next === 0 || next >= 0xe0)) bytes.push(0)
  }
  return Buffer.from(bytes)
}

const apic = Buffer.concat([Buffer.from('\0image/jpeg\0\x03\0', 'latin1'), picture])

async function read(
  ...parts: readonly Buffer[]
): Promise<{ tags: Tags; cover: Buffer | undefined }> {
  const bytes = Buffer.concat(parts)
  const fetch = ({ start, end }: { start: number; end: number }): Promise<Uint8Array> =>
    Promise.resolve(bytes.subarray(start, end))
  const tags = await readTags({ name: 'a.mp3', size: bytes.length }, fetch, parser, signal)
  if (tags.cover === undefined) return { tags, cover: undefined }
  const image = await readCover(tags.cover, fetch, 1_000_000, signal)
  return { tags, cover: Buffer.from(image.bytes) }
}

test('2.2 is read, picture and all, with a genre by number', async () => {
  const pic = Buffer.concat([Buffer.from('\0JPG\x03\0', 'latin1'), picture])
  const { tags, cover } = await read(
    tag(
      { major: 2 },
      frameOf(2, 'TT2', latin('Refrain')),
      frameOf(2, 'PIC', pic),
      frameOf(2, 'TCO', latin('(17)')),
    ),
    audio,
  )
  expect(tags).toMatchObject({
    title: 'Refrain',
    genres: ['Rock'],
    durationMs: 1_043,
    isDurationEstimated: false,
  })
  expect(cover?.equals(picture)).toBe(true)
})

test('2.3 that is escaped as a whole gives its texts and picture back', async () => {
  const { tags, cover } = await read(
    tag(
      { major: 3, flags: 0x80, escapes: true },
      frameOf(3, 'TIT2', latin('ÿ Refrain')),
      frameOf(3, 'APIC', apic),
      frameOf(3, 'TPE1', latin('AC/DC')),
    ),
    audio,
  )
  expect(tags).toMatchObject({ title: 'ÿ Refrain', artist: 'AC/DC', artists: ['AC/DC'] })
  expect(cover?.equals(picture)).toBe(true)
})

test('2.4 frames with escapes, a length, a footer and an extended header are read', async () => {
  const withLength = (body: Buffer): Buffer =>
    Buffer.concat([Buffer.from([0, 0, 0, body.length & 127]), escape(body)])
  const extended = Buffer.from([0, 0, 0, 6, 1, 0])
  const body = [
    extended,
    frameOf(4, 'TIT2', withLength(latin('ÿ Refrain')), 0x0003),
    frameOf(4, 'APIC', withLength(apic), 0x0003),
  ]
  const { tags, cover } = await read(
    tag({ major: 4, flags: 0x50 }, ...body),
    Buffer.from('3DI\x04\0\x50\0\0\0\0', 'latin1'),
    audio,
  )
  expect(tags.title).toBe('ÿ Refrain')
  expect(cover?.equals(picture)).toBe(true)
})

test('2.4 with the plain sizes of old iTunes is read', async () => {
  const long = frameOf(3, 'TALB', latin('x'.repeat(200)))
  const { tags } = await read(tag({ major: 4 }, long, frameOf(4, 'TIT2', latin('Refrain'))), audio)
  expect(tags).toMatchObject({ album: 'x'.repeat(200), title: 'Refrain' })
})

test('the front cover is preferred to a picture before it', async () => {
  const back = Buffer.concat([Buffer.from('\0image/png\0\x04\0', 'latin1'), Buffer.alloc(100)])
  const { tags } = await read(
    tag({ major: 3 }, frameOf(3, 'APIC', back), frameOf(3, 'APIC', apic)),
    audio,
  )
  expect(tags.cover).toMatchObject({ mime: 'image/jpeg' })
})

test('an APEv2 tag before ID3v1 is preferred to it, and its picture found', async () => {
  const item = (key: string, kind: number, value: Buffer): Buffer => {
    const head = Buffer.alloc(8)
    head.writeUInt32LE(value.length)
    head.writeUInt32LE(kind << 1, 4)
    return Buffer.concat([head, Buffer.from(`${key}\0`), value])
  }
  const items = [
    item('Title', 0, Buffer.from('A title longer than thirty letters')),
    item('Cover Art (Front)', 1, Buffer.concat([Buffer.from('cover.jpg\0'), picture])),
  ]
  const footer = Buffer.alloc(32)
  footer.write('APETAGEX')
  footer.writeUInt32LE(2_000, 8)
  footer.writeUInt32LE(
    items.reduce((sum, part) => sum + part.length, 32),
    12,
  )
  footer.writeUInt32LE(items.length, 16)
  const v1 = Buffer.alloc(128)
  v1.write('TAGA title longer than thirty le')
  v1.write('Anna', 33)
  v1[127] = 17
  const { tags, cover } = await read(audio, ...items, footer, v1)
  expect(tags).toMatchObject({
    title: 'A title longer than thirty letters',
    artist: 'Anna',
    genres: ['Rock'],
  })
  expect(cover?.equals(picture)).toBe(true)
})

test('frames that lie far apart are given up after a few reads, the music is not', async () => {
  const far = Array.from({ length: 30 }, () => frameOf(3, 'PRIV', Buffer.alloc(9_000)))
  const { tags } = await read(
    tag({ major: 3 }, frameOf(3, 'TIT2', latin('Refrain')), ...far),
    audio,
  )
  expect(tags).toMatchObject({ title: 'Refrain', codec: 'mp3', durationMs: 1_043 })
})
