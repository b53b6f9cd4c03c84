/**
 * Makes `collection/`, the music of the demo: `npx tsx scripts/make-collection.ts`. Needs ffmpeg (with libmp3lame, libvorbis
 * and libopus) on the machine of whoever makes it; what it made is in the repository, so nobody else does.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { seededRandom } from '../src/base/random.ts'
import { type Album, albums, type Format, type Track, untagged } from './make-collection-albums.ts'
import { type Arrangement, compose } from './make-collection-arrangement.ts'
import { coverEdge, drawCover } from './make-collection-cover.ts'
import { render, sampleRate } from './make-collection-synth.ts'

const collection = fileURLToPath(new URL('../collection/', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'make-collection-'))

/** Small, and still pleasant to listen to. */
const encoders: Readonly<Record<Format, readonly string[]>> = {
  mp3: ['-c:a', 'libmp3lame', '-b:a', '64k', '-ar', '44100', '-id3v2_version', '4'],
  flac: [
    '-c:a',
    'flac',
    '-compression_level',
    '12',
    '-ar',
    '16000',
    '-ac',
    '1',
    '-sample_fmt',
    's16',
  ],
  m4a: ['-c:a', 'aac', '-b:a', '56k'],
  ogg: ['-c:a', 'libvorbis', '-q:a', '0'],
  opus: ['-c:a', 'libopus', '-b:a', '40k'],
  wav: ['-c:a', 'pcm_s16le', '-ar', '16000', '-ac', '1'],
}

interface Picture {
  readonly bytes: Buffer
  readonly type: 'image/png' | 'image/jpeg'
}

type Tags = Readonly<Record<string, string>>

try {
  for (const owner of ['anna', 'bob', 'charlie'])
    rmSync(collection + owner, { recursive: true, force: true })
  albums.forEach(makeAlbum)
  save(untagged.path, encode(play(untagged.arrangement, 999), 'mp3', {}, null))
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

function makeAlbum(album: Album, place: number): void {
  const seed = (place + 1) * 100
  const folder = join(album.owner, fileName(album.artist), fileName(album.title))
  const picture = album.cover === 'none' ? null : makePicture(album, seed)
  const isBeside = album.cover.startsWith('folder.')
  if (picture && isBeside) save(join(folder, album.cover), picture.bytes)
  album.tracks.forEach((track, index) => {
    const { disc, number } = position(album, index)
    const arrangement = {
      ...album.arrangement,
      chords: track.chords,
      tempo: album.arrangement.tempo + (track.faster ?? 0),
    }
    const name = `${disc === null ? '' : `${disc}-`}${String(number).padStart(2, '0')} ${fileName(track.title)}.${album.format}`
    const audio = encode(
      play(arrangement, seed + index),
      album.format,
      tagsOf(album, track, index),
      isBeside ? null : picture,
    )
    save(join(folder, name), audio)
  })
}

/** The disc of a track (null where the album has but one) and its number on that disc. */
function position(
  { tracks }: Album,
  index: number,
): { readonly disc: number | null; readonly number: number; readonly of: number } {
  const disc = tracks[index]?.disc ?? null
  const sameDisc = tracks.filter((track) => (track.disc ?? null) === disc)
  return { disc, number: sameDisc.indexOf(tracks[index] as Track) + 1, of: sameDisc.length }
}

function tagsOf(album: Album, track: Track, index: number): Tags {
  const { disc, number, of } = position(album, index)
  const isVorbis = album.format === 'flac' || album.format === 'ogg' || album.format === 'opus'
  return {
    title: track.title,
    artist: track.artist ?? album.artist,
    album_artist: album.artist,
    album: album.title,
    date: String(album.year),
    genre: album.genre,
    ...(isVorbis
      ? { track: String(number), tracktotal: String(of) }
      : { track: `${number}/${of}` }),
    ...(disc === null ? {} : { disc: `${disc}/2` }),
    ...(album.isCompilation === true ? { compilation: '1' } : {}),
  }
}

function makePicture(album: Album, seed: number): Picture {
  const png = drawCover(seededRandom(seed))
  if (album.cover.endsWith('png')) return { bytes: png, type: 'image/png' }
  const jpeg = ffmpeg(
    [
      '-f',
      'png_pipe',
      '-i',
      'pipe:0',
      '-c:v',
      'mjpeg',
      '-q:v',
      '4',
      '-pix_fmt',
      'yuvj420p',
      '-f',
      'mjpeg',
      'pipe:1',
    ],
    png,
  )
  return { bytes: jpeg, type: 'image/jpeg' }
}

function play(arrangement: Arrangement, seed: number): Buffer {
  const random = seededRandom(seed)
  const { notes, seconds } = compose(arrangement, random)
  return render(notes, seconds, random)
}

function encode(samples: Buffer, format: Format, tags: Tags, picture: Picture | null): Buffer {
  const output = join(scratch, `track.${format}`)
  const metadata = Object.entries(tags).flatMap(([key, value]) => ['-metadata', `${key}=${value}`])
  const input = ['-f', 's16le', '-ar', String(sampleRate), '-ac', '2', '-i', 'pipe:0']
  const bitexact = ['-map_metadata', '-1', '-fflags', '+bitexact', '-flags:a', '+bitexact']
  const cover = picture === null ? { input: [], output: [] } : attach(picture, format)
  const file = ['-movflags', '+faststart', '-y', output]
  ffmpeg(
    [
      ...input,
      ...cover.input,
      ...bitexact,
      ...encoders[format],
      ...metadata,
      ...cover.output,
      ...(format === 'm4a' ? file : file.slice(2)),
    ],
    samples,
  )
  return readFileSync(output)
}

/** Ogg carries pictures as a comment in base64; the other containers have a place for them. */
function attach(
  picture: Picture,
  format: Format,
): { readonly input: readonly string[]; readonly output: readonly string[] } {
  if (format === 'ogg' || format === 'opus') {
    const block = pictureBlock(picture).toString('base64')
    return { input: [], output: ['-metadata:s:a', `METADATA_BLOCK_PICTURE=${block}`] }
  }
  const file = join(scratch, picture.type === 'image/png' ? 'cover.png' : 'cover.jpg')
  writeFileSync(file, picture.bytes)
  return {
    input: ['-i', file],
    output: [
      '-map',
      '0:a',
      '-map',
      '1:v',
      '-c:v',
      'copy',
      '-disposition:v',
      'attached_pic',
      '-metadata:s:v',
      'comment=Cover (front)',
    ],
  }
}

/** FLAC's PICTURE block (RFC 9639, section 8.8), which Ogg borrows. */
function pictureBlock({ bytes, type }: Picture): Buffer {
  const frontCover = 3
  const numbers = (...values: readonly number[]): Buffer => {
    const block = Buffer.alloc(values.length * 4)
    values.forEach((value, index) => block.writeUInt32BE(value, index * 4))
    return block
  }
  return Buffer.concat([
    numbers(frontCover, type.length),
    Buffer.from(type),
    numbers(0, coverEdge, coverEdge, 24, 0, bytes.length),
    bytes,
  ])
}

/** Names that every file system and every server can hold. */
function fileName(title: string): string {
  return title
    .replaceAll(/[/\\:*?"<>|]/gu, '')
    .trim()
    .normalize('NFC')
}

function ffmpeg(parameters: readonly string[], input: Buffer): Buffer {
  return execFileSync('ffmpeg', ['-v', 'error', ...parameters], { input, maxBuffer: 1 << 24 })
}

function save(path: string, bytes: Buffer): void {
  const file = join(collection, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, bytes)
}
