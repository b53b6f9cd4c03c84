import { execFile } from 'node:child_process'
import { copyFile, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Track } from '../../src/library/catalogue.ts'
import { mutagen, type OracleTags } from '../oracle/mutagen.ts'
import { wesnothMusic } from '../oracle/wesnoth.ts'
import { startApache } from '../servers/apache.ts'
import { sharedDir } from '../servers/process.ts'
import { hasPythonModule, isInstalled } from '../servers/installed.ts'
import { Roundelay } from './roundelay.ts'

const run = promisify(execFile)
const originals = wesnothMusic()
const hasAll =
  originals.length > 0 &&
  isInstalled('apache2') &&
  isInstalled('ffmpeg') &&
  hasPythonModule('mutagen')

/** Into what some of the files are converted, and how far the durations that two readers tell may lie apart, in milliseconds. */
interface Format {
  readonly extension: string
  readonly options?: readonly string[]
  readonly toleranceMs?: number
  /** Mutagen reads ID3 in WAV only, ffmpeg writes INFO only. */
  readonly isUntagged?: boolean
}

const formats: readonly Format[] = [
  // Mutagen plays the silence that ffmpeg notes as padding: two frames at most.
  { extension: 'mp3', toleranceMs: 53 },
  { extension: 'flac' },
  { extension: 'm4a', options: ['-c:a', 'aac'] },
  { extension: 'alac.m4a', options: ['-c:a', 'alac'] },
  { extension: 'opus', options: ['-c:a', 'libopus'], toleranceMs: 10 },
  { extension: 'wav', isUntagged: true },
  { extension: 'aiff', options: ['-write_id3v2', '1'] },
  { extension: 'wma' },
  { extension: 'wv' },
  // Raw ADTS says neither how long it is nor what: both readers go by the first frames, and the path names it.
  { extension: 'aac', options: ['-f', 'adts'], toleranceMs: 100 },
]

/** Files converted into each format, and seconds kept of each. */
const converted = 2
const keptSeconds = 10

describe.skipIf(!hasAll)('the soundtrack of Wesnoth over Apache', () => {
  test('is the library that Mutagen reads from the files', { timeout: 120_000 }, async () => {
    await using roundelay = await Roundelay.create()
    expect(originals.length).toBeGreaterThanOrEqual(35)
    const root = await sharedDir('wesnoth')
    const apache = await startApache({ root })
    try {
      await Promise.all(originals.map((path) => copyFile(path, join(root, basename(path)))))
      for (const format of formats) await convert(originals.slice(-converted), root, format)
      await roundelay.ask(['sync', apache.url])
      const tracks = await roundelay.tracks()
      expect(tracks).toHaveLength(originals.length + formats.length * converted)
      const oracle = await mutagen(tracks.map(({ path }) => join(root, path)))
      const told = tracks.filter(
        ({ path }) => (oracle.get(join(root, path))?.title.length ?? 0) > 0,
      )
      expect(told.length).toBeGreaterThan(originals.length)
      for (const track of tracks) compare(track, oracle.get(join(root, track.path)))
    } finally {
      await apache.stop()
      await rm(root, { recursive: true })
    }
  })
})

async function convert(originals: readonly string[], root: string, format: Format): Promise<void> {
  const cut = ['-t', String(keptSeconds), '-map', '0:a', '-map_metadata', '0:s:0']
  await Promise.all(
    originals.map((original) => {
      const path = join(root, `${basename(original, '.ogg')}.${format.extension}`)
      const args = ['-v', 'error', '-i', original, ...cut, ...(format.options ?? []), path]
      return run('ffmpeg', args)
    }),
  )
}

function compare(track: Track, theirs: OracleTags | undefined): void {
  if (theirs === undefined) throw new Error(`Mutagen does not know ${track.path}`)
  const format = formats.find(({ extension }) => track.path.endsWith(`.${extension}`))
  const difference = Math.abs((track.durationMs ?? 0) - theirs.durationMs)
  expect
    .soft(difference, `duration of ${track.path}: ${track.durationMs}, ${theirs.durationMs}`)
    .toBeLessThanOrEqual(format?.toleranceMs ?? 2)
  if (format?.isUntagged === true) return
  const number = numberIn(theirs.track)
  const disc = numberIn(theirs.disc)
  const year = numberIn(theirs.date)
  const [albumArtist] = theirs.albumArtist
  const expected = {
    // What a file does not say, its path says, or nobody.
    title:
      theirs.title[0]?.trim() ??
      basename(track.path)
        .replace(/\.\w+$/, '')
        .replaceAll('_', ' '),
    artist: [...new Set(theirs.artist)].join(', ') || 'Unknown Artist',
    album: theirs.album[0]?.trim() ?? 'Unknown Album',
    track: number,
    // Mutagen looks for these elsewhere than ffmpeg puts them in some formats.
    ...(albumArtist === undefined ? {} : { albumArtist }),
    ...(disc === null ? {} : { disc }),
    ...(year === null ? {} : { year }),
    ...(theirs.genre.length === 0 ? {} : { genres: [...new Set(theirs.genre)] }),
  }
  expect.soft(track, track.path).toMatchObject(expected)
}

/** `3` of `3/12`, `2004` of `2004-05-01`; null where nothing stands. */
function numberIn([text = '']: readonly string[]): number | null {
  const number = Number.parseInt(text, 10)
  return Number.isNaN(number) ? null : number
}
