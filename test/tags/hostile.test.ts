import { assert, asyncProperty, constantFrom, uint8Array } from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { SyncError } from '../../src/base/errors.ts'
import { maxBytes, maxRounds, readTags } from '../../src/library/tags/read-tags.ts'
import { TagParser } from '../../src/library/tags/tag-parser.ts'
import type { Tags } from '../../src/library/tags.ts'
import { CountedFile } from './counted.ts'

const { signal } = new AbortController()
let parser: TagParser

beforeAll(async () => {
  parser = new TagParser({ clock: systemClock })
  // The thread's own start is no file's fault.
  const bytes = Buffer.from('TAG'.padEnd(128, '\0'))
  await parser.parse('first.mp3', { blocks: [{ mime: 'audio/mpeg', bytes }] }, signal)
})

afterAll(() => parser.close())

/** Requests that one file may cost: those of a round may run side by side. */
const maxRequests = maxRounds * 2 + 8

async function outcome(file: CountedFile): Promise<Tags | SyncError> {
  const began = process.cpuUsage()
  try {
    return await readTags(file, file.fetch, parser, signal)
  } catch (error) {
    expect(error, String(error instanceof Error ? error.stack : error)).toBeInstanceOf(SyncError)
    return error as SyncError
  } finally {
    expect(file.requests).toBeLessThanOrEqual(maxRequests)
    expect(file.bytesRead).toBeLessThanOrEqual(maxBytes)
    const { user, system } = process.cpuUsage(began)
    expect(user + system, 'microseconds of computing').toBeLessThan(2_000_000)
  }
}

const size = 400_000

function bytes(...parts: readonly (string | readonly number[] | Uint8Array)[]): Buffer {
  const filled = parts.map((part) =>
    typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part),
  )
  return Buffer.concat([...filled, Buffer.alloc(size)]).subarray(0, size)
}

function uint32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}

function repeated(part: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => part))
}

function box(type: string, body: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from(uint32(8 + body.length)), Buffer.from(type, 'latin1'), body])
}

const frame = Buffer.from(['T', 'X', 'X', 'X'].map((letter) => letter.charCodeAt(0)))
const bombs: Readonly<Record<string, Buffer>> = {
  'an empty file': Buffer.alloc(0),
  'one byte': Buffer.alloc(1),
  'nothing but zeros': bytes(),
  'an ID3 tag of 256 MB': bytes('ID3', [4, 0, 0, 0x7f, 0x7f, 0x7f, 0x7f]),
  'an ID3 tag of empty frames without end': bytes(
    'ID3',
    [3, 0, 0, 0, 0x10, 0, 0],
    repeated(Buffer.from([...frame, 0, 0, 0, 0, 0, 0]), 30_000),
  ),
  'ID3 frames that lie far apart': bytes(
    'ID3',
    [3, 0, 0, 0, 0x17, 0, 0],
    repeated(
      Buffer.concat([Buffer.from('PRIV'), Buffer.from(uint32(9_000)), Buffer.alloc(9_002)]),
      40,
    ),
  ),
  'ID3 tags one behind the other': bytes(
    repeated(Buffer.from('ID3\x03\0\0\0\0\0\0', 'latin1'), 30_000),
  ),
  'an ID3 tag that is escaped as a whole': bytes(
    'ID3',
    [3, 0, 0x80, 0, 0x17, 0, 0],
    repeated(Buffer.from([0xff, 0]), 150_000),
  ),
  'an extended header without end': bytes(
    'ID3',
    [4, 0, 0x40, 0, 0x10, 0, 0, 0x7f, 0x7f, 0x7f, 0x7f],
  ),
  'MPEG frames that are no frames': bytes(repeated(Buffer.from([0xff, 0xfb]), 200_000)),
  'FLAC blocks without end': bytes(
    'fLaC',
    [0, 0, 0, 34],
    Buffer.alloc(34),
    repeated(Buffer.from([1, 0, 0, 0]), 90_000),
  ),
  'FLAC blocks that lie far apart': bytes(
    'fLaC',
    [0, 0, 0, 34],
    Buffer.alloc(34),
    repeated(Buffer.concat([Buffer.from([2, 0, 0x20, 0]), Buffer.alloc(8_192)]), 40),
  ),
  'four billion comments': bytes(
    'fLaC',
    [0, 0, 0, 34],
    Buffer.alloc(34),
    [0x84, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
  ),
  'MPEG-4 boxes of no size': bytes(
    box('ftyp', Buffer.alloc(8)),
    repeated(Buffer.from('\0\0\0\x08free', 'latin1'), 40_000),
  ),
  'MPEG-4 boxes deep in one another': bytes(
    box('ftyp', Buffer.alloc(8)),
    repeated(Buffer.from('\0\x05\0\0moov', 'latin1'), 40_000),
  ),
  'a tree of MPEG-4 boxes': bytes(
    box('ftyp', Buffer.alloc(8)),
    box('moov', repeated(box('trak', box('mdia', box('minf', box('stbl')))), 8_000)),
  ),
  'a list of MPEG-4 tags without end': bytes(
    box('ftyp', Buffer.alloc(8)),
    box(
      'moov',
      box(
        'udta',
        box('meta', Buffer.concat([Buffer.alloc(4), box('ilst', repeated(box('free'), 40_000))])),
      ),
    ),
  ),
  'Ogg pages that all begin a stream': bytes(
    repeated(
      Buffer.concat([
        Buffer.from('OggS\0\x02', 'latin1'),
        Buffer.alloc(20),
        Buffer.from([1, 7]),
        Buffer.from('\x01vorbis', 'latin1'),
      ]),
      10_000,
    ),
  ),
  'Ogg pages without end in a packet without end': bytes(
    Buffer.concat([
      Buffer.from('OggS\0\x02', 'latin1'),
      Buffer.alloc(20),
      Buffer.from([1, 30]),
      Buffer.from('\x01vorbis', 'latin1'),
      Buffer.alloc(23),
    ]),
    repeated(
      Buffer.concat([
        Buffer.from('OggS\0\0', 'latin1'),
        Buffer.alloc(20),
        Buffer.from([1, 255]),
        Buffer.alloc(255, 1),
      ]),
      1_300,
    ),
  ),
  'nothing but the mark of Ogg pages': bytes(repeated(Buffer.from('OggS'), 100_000)),
  'WavPack blocks by the thousand': bytes(
    repeated(
      Buffer.concat([Buffer.from('wvpk'), Buffer.from([24, 0, 0, 0]), Buffer.alloc(24)]),
      12_000,
    ),
  ),
  'chunks without end': bytes(
    'RIFF',
    [0, 0, 0, 0],
    'WAVE',
    repeated(Buffer.from('fmt \0\0\0\0', 'latin1'), 45_000),
  ),
  'a header of Windows Media that never ends': bytes(
    Buffer.from('3026b2758e66cf11a6d900aa0062ce6c', 'hex'),
    [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 0],
  ),
  'an APE tag with items without end': bytes('MAC ')
    .fill(repeated(Buffer.from('\0\0\0\0\0\0\0\0A\0', 'latin1'), 39_900), 500, size - 32)
    .fill(
      Buffer.concat([
        Buffer.from('APETAGEX'),
        Buffer.from([0xd0, 7, 0, 0, 0, 0, 5, 0, 0xff, 0xff, 0xff, 0xff]),
        Buffer.alloc(12),
      ]),
      size - 32,
    ),
  'Matroska without end': bytes([0x1a, 0x45, 0xdf, 0xa3], Buffer.alloc(size, 0xff)),
  'an APEv2 tag of the rare kind': bytes('MPCK'),
  'a picture': bytes([0xff, 0xd8, 0xff, 0xe0], 'JFIF'),
}

describe('whoever sends this gets a plain answer, soon and for few bytes:', () => {
  test.each(Object.keys(bombs))('%s', async (name) => {
    const file = new CountedFile('song.mp3', bombs[name] ?? Buffer.alloc(0))
    const result = await outcome(file)
    expect(result instanceof SyncError ? ['not-audio', 'unparsable'] : [true]).toContain(
      result instanceof SyncError ? result.code : true,
    )
  })
})

test('any bytes behind any beginning are answered with tags or a SyncError', async () => {
  const beginnings = [
    '',
    'ID3\x03\0\0\0\0\x10\0',
    'ID3\x04\0\x80\0\0\x10\0',
    'fLaC\0\0\0\x22',
    'OggS\0\x02',
    'RIFF\0\0\0\0WAVE',
    'FORM\0\0\0\0AIFF',
    '\0\0\0\x10ftypM4A \0\0\0\0',
    'wvpk',
    'MAC ',
    '\xff\xfb\x90\x64',
    '\xff\xf1\x50\x80',
    '\x1aE\xdf\xa3',
    'MPCK',
    'DSD ',
    'FRM8',
  ]
  const names = constantFrom('a.mp3', 'a.ogg', 'a.m4a', 'a.wv', 'a')
  await assert(
    asyncProperty(
      constantFrom(...beginnings),
      uint8Array({ maxLength: 3_000, size: 'max' }),
      names,
      async (beginning, rest, name) => {
        const content = Buffer.concat([Buffer.from(beginning, 'latin1'), rest])
        await outcome(new CountedFile(name, content))
      },
    ),
    { numRuns: 1_000 },
  )
})

test('a file that shrank since it was listed is said to have changed', async () => {
  const file = new CountedFile('song.mp3', Buffer.alloc(1_000))
  const listed = { name: 'song.mp3', size: 9_000 }
  await expect(readTags(listed, file.fetch, parser, signal)).rejects.toMatchObject({
    code: 'changed',
  })
})
