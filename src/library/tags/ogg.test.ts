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

const picture = Buffer.concat([
  Buffer.from([0xff, 0xd8, 0xff, 0xe0]),
  Buffer.from('OggS and other letters '.repeat(12_000)),
])
const pictureComment = `METADATA_BLOCK_PICTURE=${pictureBlock().toString('base64')}`

function pictureBlock(): Buffer {
  const mime = Buffer.from('image/jpeg')
  return Buffer.concat([
    bigEndian(3),
    bigEndian(mime.length),
    mime,
    bigEndian(0),
    Buffer.alloc(16),
    bigEndian(picture.length),
    picture,
  ])
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function littleEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function commentList(texts: readonly string[]): Buffer {
  const vendor = Buffer.from('somebody')
  const items = texts.flatMap((text) => [littleEndian(Buffer.byteLength(text)), Buffer.from(text)])
  return Buffer.concat([littleEndian(vendor.length), vendor, littleEndian(texts.length), ...items])
}

/** A packet in pages of so many segments of 255 bytes, numbered from `sequence`. */
function pages(packet: Buffer, segments: number, sequence: number, position: number): Buffer {
  const lacing = [
    ...Array.from({ length: Math.floor(packet.length / 255) }, () => 255),
    packet.length % 255,
  ]
  const made: Buffer[] = []
  for (let first = 0; first < lacing.length; first += segments) {
    const part = lacing.slice(first, first + segments)
    const header = Buffer.alloc(27)
    header.write('OggS')
    header[5] = (first > 0 ? 1 : 0) | (sequence === 0 ? 2 : 0)
    header.writeBigInt64LE(BigInt(position), 6)
    header.writeUInt32LE(7, 14)
    header.writeUInt32LE(sequence + made.length, 18)
    header[26] = part.length
    made.push(
      Buffer.concat([
        header,
        Buffer.from(part),
        packet.subarray(first * 255, (first + segments) * 255),
      ]),
    )
  }
  return Buffer.concat(made)
}

function opus(texts: readonly string[], segments: number): Buffer {
  const head = Buffer.from('OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0', 'latin1')
  const tags = Buffer.concat([Buffer.from('OpusTags'), commentList(texts)])
  const audio = Array.from({ length: 30 }, (_, index) =>
    pages(Buffer.alloc(4_000, 1), 255, 1_000 + index, 48_000 * (index + 1) + 312),
  )
  return Buffer.concat([pages(head, 255, 0, 0), pages(tags, segments, 1, 0), ...audio])
}

async function read(
  bytes: Buffer,
  name: string,
): Promise<{ tags: Tags; reads: number; bytesRead: number; cover: Buffer }> {
  let reads = 0
  let bytesRead = 0
  const fetch = ({ start, end }: { start: number; end: number }): Promise<Uint8Array> => {
    reads++
    bytesRead += end - start
    return Promise.resolve(bytes.subarray(start, end))
  }
  const tags = await readTags({ name, size: bytes.length }, fetch, parser, signal)
  const cost = { reads, bytesRead }
  if (tags.cover === undefined) throw new Error('no cover')
  const image = await readCover(tags.cover, fetch, 1_000_000, signal)
  return { tags, ...cost, cover: Buffer.from(image.bytes) }
}

test.each([255, 16])(
  'a picture in pages of %i segments is stepped over, and comes back byte by byte',
  async (segments) => {
    const { tags, reads, bytesRead, cover } = await read(
      opus(['TITLE=Refrain', pictureComment, 'ARTIST=Anna'], segments),
      'a.opus',
    )
    expect(tags).toMatchObject({
      title: 'Refrain',
      durationMs: 30_000,
      codec: 'opus',
      cover: { mime: 'image/jpeg' },
    })
    expect(cover.equals(picture)).toBe(true)
    expect(reads).toBe(2)
    expect(bytesRead).toBeLessThan(21_000)
  },
)

test.each([
  [255, 4],
  [16, 3],
])(
  'what stands behind a picture in pages of %i segments is found in %i reads',
  async (segments, most) => {
    const { tags, reads, cover } = await read(
      opus([pictureComment, 'TITLE=Refrain', 'ARTIST=Anna'], segments),
      'a.opus',
    )
    expect(tags).toMatchObject({ title: 'Refrain', artist: 'Anna' })
    expect(cover.equals(picture)).toBe(true)
    expect(reads).toBe(most)
  },
)

test('a picture among the comments of FLAC is stepped over as well', async () => {
  const comments = commentList([pictureComment, 'TITLE=Refrain'])
  const info = Buffer.alloc(34)
  info.writeUIntBE((44_100 << 4) | (1 << 1), 10, 3)
  info.writeUInt32BE(441_000, 14)
  const header = bigEndian(0x84_00_00_00 + comments.length)
  const bytes = Buffer.concat([
    Buffer.from('fLaC'),
    bigEndian(34),
    info,
    header,
    comments,
    Buffer.alloc(9_000),
  ])
  const { tags, reads, cover } = await read(bytes, 'a.flac')
  expect(tags).toMatchObject({ title: 'Refrain', durationMs: 10_000, codec: 'flac' })
  expect(cover.equals(picture)).toBe(true)
  expect(reads).toBe(2)
})

test('a picture that is too big is not read', async () => {
  const place = { start: 0, end: 2_000_000, mime: 'image/jpeg', form: 'raw' as const }
  const fetch = (): Promise<Uint8Array> => Promise.reject(new Error('read'))
  await expect(readCover(place, fetch, 1_000_000, signal)).rejects.toMatchObject({
    code: 'too-big',
  })
  const huge = { ...place, end: 21 * 1_048_576 }
  await expect(readCover(huge, fetch, Infinity, signal)).rejects.toMatchObject({ code: 'too-big' })
})

test('what is no picture is refused, whatever it is called', async () => {
  const place = { start: 0, end: 40, mime: 'image/jpeg', form: 'raw' as const }
  const fetch = (): Promise<Uint8Array> =>
    Promise.resolve(Buffer.from('<svg onload="alert(1)"></svg>'.padEnd(40)))
  await expect(readCover(place, fetch, 1_000, signal)).rejects.toMatchObject({ code: 'unparsable' })
})
