import { execFile } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/base/clock.ts'
import { readTags } from '../../src/library/tags/read-tags.ts'
import { TagParser } from '../../src/library/tags/tag-parser.ts'
import { builtScript } from '../tags/built.ts'
import type { Tags } from '../../src/library/tags.ts'
import { hasPythonModule, isInstalled } from '../servers/installed.ts'
import { type OracleTags, mutagen } from './mutagen.ts'
import { wesnothMusic } from './wesnoth.ts'

const run = promisify(execFile)
let parser: TagParser
let folder: string

const originals = wesnothMusic()
const hasFiles = originals.length > 0 && hasPythonModule('mutagen')

beforeAll(async () => {
  parser = new TagParser({ clock: systemClock, script: builtScript })
  folder = await mkdtemp(join(tmpdir(), 'roundelay-oracle-'))
})

afterAll(async () => {
  await parser.close()
  await rm(folder, { recursive: true })
})

test.skipIf(!hasFiles)(
  'all real files say what Mutagen says of them, in 2 reads and 21 kB each on average',
  async () => {
    expect(originals.length).toBeGreaterThanOrEqual(35)
    const cost = await compare(originals, { toleranceMs: 2 })
    expect(cost.requests / originals.length).toBeLessThanOrEqual(2.1)
    expect(cost.bytes / originals.length).toBeLessThanOrEqual(21_000)
  },
)

/** Seconds kept of a file that is converted: the whole test is to take less than a minute. */
const keptSeconds = 20
/** Files converted into each format. */
const converted = 4

interface Format {
  readonly name: string
  readonly options?: readonly string[]
  readonly toleranceMs?: number
  /** Fields that Mutagen looks for elsewhere, or ffmpeg has no place for. */
  readonly lacks?: readonly (keyof Expected)[]
}

/** Mutagen plays the silence that ffmpeg notes as padding: two frames at most. */
const paddingMs = 53

const formats: readonly Format[] = [
  { name: 'constant.mp3', options: ['-b:a', '192k'], toleranceMs: paddingMs },
  { name: 'variable.mp3', options: ['-q:a', '2'], toleranceMs: paddingMs },
  {
    name: 'old.mp3',
    options: ['-id3v2_version', '3', '-write_id3v1', '1'],
    toleranceMs: paddingMs,
  },
  { name: 'flac.flac' },
  { name: 'last.m4a' },
  { name: 'first.m4a', options: ['-movflags', '+faststart'] },
  { name: 'lossless.m4a', options: ['-c:a', 'alac'] },
  { name: 'vorbis.ogg', options: ['-c:a', 'libvorbis'] },
  { name: 'opus.opus', options: ['-c:a', 'libopus'], toleranceMs: 10 },
  { name: 'flac.oga', options: ['-c:a', 'flac'] },
  { name: 'aiff.aiff', options: ['-write_id3v2', '1'] },
  { name: 'media.wma' },
  { name: 'pack.wv' },
  // Mutagen knows ID3 in WAV only, ffmpeg writes INFO only.
  {
    name: 'wave.wav',
    lacks: ['title', 'artist', 'album', 'albumArtist', 'track', 'disc', 'year', 'genre'],
  },
]

describe.skipIf(!hasFiles || !isInstalled('ffmpeg')).each(formats)(
  'converted into $name',
  (format) => {
    test('they say what Mutagen says of them', async () => {
      const made = await Promise.all(
        [0, 1].map(async (half) => {
          const paths: string[] = []
          for (const [index, original] of originals.slice(-converted).entries()) {
            if (index % 2 !== half) continue
            const path = join(folder, `${index}-${format.name}`)
            const options = [
              '-t',
              String(keptSeconds),
              '-map',
              '0:a',
              '-map_metadata',
              '0:s:0',
              ...(format.options ?? []),
            ]
            await run('ffmpeg', ['-v', 'error', '-y', '-i', original, ...options, path])
            paths.push(path)
          }
          return paths
        }),
      )
      await compare(made.flat(), format)
    })
  },
)

async function compare(
  paths: readonly string[],
  format: Pick<Format, 'toleranceMs' | 'lacks'>,
): Promise<{ requests: number; bytes: number }> {
  const oracle = await mutagen(paths)
  const cost = { requests: 0, bytes: 0 }
  for (const path of paths) {
    const theirs = oracle.get(path)
    if (theirs === undefined) throw new Error(`Mutagen does not know ${path}`)
    const ours = await tagsOf(path, cost)
    const expected = expectedOf(theirs)
    for (const field of format.lacks ?? []) delete expected[field]
    expect.soft(ours, basename(path)).toMatchObject(expected)
    const difference = Math.abs((ours.durationMs ?? 0) - theirs.durationMs)
    expect
      .soft(difference, `duration of ${basename(path)}: ${ours.durationMs}, ${theirs.durationMs}`)
      .toBeLessThanOrEqual(format.toleranceMs ?? 2)
  }
  return cost
}

async function tagsOf(path: string, cost: { requests: number; bytes: number }): Promise<Tags> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const fetch = async ({ start, end }: { start: number; end: number }): Promise<Uint8Array> => {
      cost.requests++
      cost.bytes += end - start
      const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start)
      return buffer
    }
    return await readTags(
      { name: basename(path), size },
      fetch,
      parser,
      new AbortController().signal,
    )
  } finally {
    await file.close()
  }
}

interface Expected {
  title?: string
  artist?: string
  album?: string
  albumArtist?: string
  track?: number
  disc?: number
  year?: number
  genre?: string
}

function expectedOf(oracle: OracleTags): Expected {
  const [title] = oracle.title
  const [album] = oracle.album
  const [albumArtist] = oracle.albumArtist
  const track = Number.parseInt(oracle.track[0] ?? '', 10)
  const disc = Number.parseInt(oracle.disc[0] ?? '', 10)
  const year = Number.parseInt(oracle.date[0] ?? '', 10)
  return {
    ...(title === undefined ? {} : { title: title.trim() }),
    ...(oracle.artist.length === 0 ? {} : { artist: [...new Set(oracle.artist)].join(', ') }),
    ...(album === undefined ? {} : { album: album.trim() }),
    ...(albumArtist === undefined ? {} : { albumArtist }),
    ...(Number.isNaN(track) ? {} : { track }),
    ...(Number.isNaN(disc) ? {} : { disc }),
    ...(Number.isNaN(year) ? {} : { year }),
    ...(oracle.genre.length === 0 ? {} : { genres: [...new Set(oracle.genre)] }),
  }
}
