import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { readCover } from '../../src/library/tags/cover.ts'
import { readTags } from '../../src/library/tags/read-tags.ts'
import { TagParser } from '../../src/library/tags/tag-parser.ts'
import { isInstalled } from '../servers/installed.ts'
import { builtScript } from './built.ts'
import { CountedFile } from './counted.ts'
import { FfmpegFiles, coverOptions, tagOptions } from './ffmpeg.ts'

const lacksFfmpeg = !isInstalled('ffmpeg')
const { signal } = new AbortController()
let files: FfmpegFiles
let parser: TagParser
let built: TagParser

beforeAll(async () => {
  files = await FfmpegFiles.create()
  parser = new TagParser({ clock: systemClock })
  built = new TagParser({ clock: systemClock, script: builtScript })
})

afterAll(async () => {
  await parser.close()
  await built.close()
  await files.remove()
})

interface Format {
  readonly name: string
  readonly options?: readonly string[]
  readonly codec: string
  readonly requests: number
  readonly bytes: number
  /** Fields that the container, or ffmpeg, has no place for. */
  readonly lacks?: readonly string[]
  readonly estimated?: boolean
  readonly hasCover?: boolean
}

const noTags = [
  'title',
  'artist',
  'album',
  'albumArtist',
  'track',
  'trackTotal',
  'disc',
  'discTotal',
  'year',
  'genres',
]
const formats: readonly Format[] = [
  { name: 'v24.mp3', codec: 'mp3', requests: 1, bytes: 4_096 },
  { name: 'v23.mp3', options: ['-id3v2_version', '3'], codec: 'mp3', requests: 1, bytes: 4_096 },
  { name: 'vbr.mp3', options: ['-q:a', '2'], codec: 'mp3', requests: 1, bytes: 4_096 },
  {
    name: 'cover.mp3',
    options: coverOptions,
    hasCover: true,
    codec: 'mp3',
    requests: 2,
    bytes: 5_700,
  },
  {
    name: 'cover23.mp3',
    options: [...coverOptions, '-id3v2_version', '3'],
    hasCover: true,
    codec: 'mp3',
    requests: 2,
    bytes: 5_700,
  },
  {
    name: 'cbr-without-index.mp3',
    options: ['-write_xing', '0'],
    codec: 'mp3',
    requests: 3,
    bytes: 8_300,
  },
  {
    name: 'vbr-without-index.mp3',
    options: ['-write_xing', '0', '-q:a', '2'],
    codec: 'mp3',
    requests: 11,
    bytes: 41_000,
    estimated: true,
  },
  { name: 'flac.flac', codec: 'flac', requests: 1, bytes: 4_096 },
  {
    name: 'cover.flac',
    options: coverOptions,
    hasCover: true,
    codec: 'flac',
    requests: 2,
    bytes: 6_200,
  },
  {
    name: 'first.m4a',
    options: ['-movflags', '+faststart'],
    codec: 'aac',
    requests: 2,
    bytes: 2_700,
  },
  { name: 'last.m4a', codec: 'aac', requests: 2, bytes: 7_000 },
  {
    name: 'cover.m4a',
    options: coverOptions,
    hasCover: true,
    codec: 'aac',
    requests: 4,
    bytes: 10_500,
  },
  {
    name: 'cover-first.m4a',
    options: [...coverOptions, '-movflags', '+faststart'],
    hasCover: true,
    codec: 'aac',
    requests: 3,
    bytes: 6_500,
  },
  {
    name: 'fragments.m4a',
    options: ['-movflags', 'frag_keyframe+empty_moov', '-frag_duration', '1000000'],
    codec: 'aac',
    requests: 2,
    bytes: 6_500,
    estimated: true,
  },
  { name: 'alac.m4a', options: ['-c:a', 'alac'], codec: 'alac', requests: 2, bytes: 4_300 },
  {
    name: 'stream.aac',
    options: ['-c:a', 'aac'],
    codec: 'aac',
    requests: 11,
    bytes: 43_100,
    lacks: noTags,
    estimated: true,
  },
  {
    name: 'vorbis.ogg',
    options: ['-c:a', 'libvorbis'],
    codec: 'vorbis',
    requests: 2,
    bytes: 20_500,
  },
  { name: 'opus.opus', options: ['-c:a', 'libopus'], codec: 'opus', requests: 2, bytes: 20_500 },
  { name: 'flac.oga', options: ['-c:a', 'flac'], codec: 'flac', requests: 3, bytes: 69_700 },
  {
    name: 'speex.spx',
    options: ['-c:a', 'libspeex', '-ar', '32000'],
    codec: 'speex',
    requests: 2,
    bytes: 20_500,
  },
  {
    name: 'wave.wav',
    codec: 'pcm',
    requests: 1,
    bytes: 4_096,
    lacks: ['albumArtist', 'disc', 'discTotal'],
  },
  { name: 'aiff.aiff', options: ['-write_id3v2', '1'], codec: 'pcm', requests: 2, bytes: 8_200 },
  { name: 'media.wma', codec: 'wma', requests: 1, bytes: 4_096 },
  { name: 'pack.wv', codec: 'wavpack', requests: 2, bytes: 6_200 },
]

describe.skipIf(lacksFfmpeg).each(formats)('$name', (format) => {
  let file: CountedFile

  beforeAll(async () => {
    file = await files.make(format.name, [...(format.options ?? []), ...tagOptions])
  })

  test('tells all that was written into it', async () => {
    const tags = await readTags(file, file.fetch, parser, signal)
    const written = {
      title: 'Refrain è ♫',
      artist: 'AC/DC',
      album: 'Rounds',
      albumArtist: 'Various',
      track: 3,
      trackTotal: 12,
      disc: 1,
      discTotal: 2,
      year: 2004,
      genres: ['Rock'],
    }
    for (const [field, value] of Object.entries(written)) {
      if (format.lacks?.includes(field) === true) continue
      expect.soft(tags, field).toMatchObject({ [field]: value })
    }
    expect(tags.codec).toBe(format.codec)
    expect(tags.channels).toBe(2)
    expect(tags.sampleRate).toBe(
      format.codec === 'opus' ? 48_000 : format.codec === 'speex' ? 32_000 : 44_100,
    )
    expect(tags.isDurationEstimated).toBe(format.estimated ?? false)
    const tolerance = format.estimated === true ? 600 : 60
    expect(Math.abs((tags.durationMs ?? 0) - 20_000)).toBeLessThan(tolerance)
    expect(tags.bitrate).toBeGreaterThan(10_000)
    expect(tags.isLossless).toBe(['flac', 'alac', 'pcm', 'wavpack'].includes(format.codec))
    expect(tags.cover !== undefined).toBe(format.hasCover ?? false)
  })

  test('tells the same to the built command', async () => {
    const tags = await readTags(file, file.fetch, parser, signal)
    expect(await readTags(file, file.fetch, built, signal)).toEqual(tags)
  })

  test('costs no more than this', async () => {
    const { name, bytes } = file
    const fresh = new CountedFile(name, bytes)
    await readTags(fresh, fresh.fetch, parser, signal)
    expect(fresh.requests).toBeLessThanOrEqual(format.requests)
    expect(fresh.bytesRead).toBeLessThanOrEqual(format.bytes)
  })
})

describe.skipIf(lacksFfmpeg).each(formats.filter((format) => format.hasCover === true))(
  'the picture of $name',
  (format) => {
    test('comes back byte by byte', async () => {
      const file = await files.make(format.name, [...(format.options ?? []), ...tagOptions])
      const tags = await readTags(file, file.fetch, parser, signal)
      if (tags.cover === undefined) throw new Error('no cover')
      const image = await readCover(tags.cover, file.fetch, 10_000_000, signal)
      expect(image.mime).toBe('image/jpeg')
      expect(Buffer.compare(image.bytes, await files.cover())).toBe(0)
    })
  },
)
