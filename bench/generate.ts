/**
 * The library that is measured: albums of ten, generated once per seed and kept in `bench/.cache`. ffmpeg encodes a few
 * long recordings; every file is a different cut of one of them with tags of its own, so 500 of them take a minute or two.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Random, seededRandom } from '../src/base/random.ts'
import { findProgram } from './tools.ts'

export interface Library {
  /** The folder that a server shows. */
  readonly root: string
  readonly tracks: number
  readonly bytes: number
}

const cache = fileURLToPath(new URL('.cache/', import.meta.url))
const tracksAnAlbum = 10

const rootOf = (seed: number, tracks: number): string => join(cache, `library-${seed}-${tracks}`)
/** Written last: a library without it is half made. */
const recordOf = (root: string): string => `${root}.json`

/** Why there can be no library, or null. */
export function missingLibrary(seed: number, tracks: number): string | null {
  const isThere = existsSync(recordOf(rootOf(seed, tracks))) || findProgram('ffmpeg') !== null
  return isThere ? null : 'ffmpeg is not installed, which makes the music'
}

/** `tracks` is rounded up to whole albums. Needs ffmpeg where the cache does not have it yet. */
export async function generateLibrary(seed: number, tracks: number): Promise<Library> {
  const root = rootOf(seed, tracks)
  const done = recordOf(root)
  if (existsSync(done))
    return { root, ...(JSON.parse(await readFile(done, 'utf8')) as Omit<Library, 'root'>) }
  await rm(root, { recursive: true, force: true })
  const recordings = join(cache, `recordings-${seed}`)
  await makeRecordings(recordings, seed)
  const albums = planAlbums(Math.ceil(tracks / tracksAnAlbum), seededRandom(seed))
  const sizes = await inParallel(albums, (album) => makeAlbum(root, album, recordings))
  const library = {
    tracks: albums.length * tracksAnAlbum,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  }
  await writeFile(done, JSON.stringify(library))
  return { root, ...library }
}

/** Of fifty albums so many are of a kind: of 500 tracks 240 are MP3, half of them with a big cover inside, and so on. */
const albumsOfKind = {
  mp3: 12,
  'mp3-cover': 12,
  flac: 12,
  'm4a-moov-first': 4,
  'm4a-moov-last': 4,
  ogg: 3,
  opus: 3,
} as const

/** Of the same fifty so many have a folder.jpg. */
const albumsWithFolderCover = 28

type Kind = keyof typeof albumsOfKind

interface Album {
  readonly artist: string
  readonly title: string
  readonly year: number
  readonly genre: string
  readonly kind: Kind
  readonly hasFolderCover: boolean
  readonly seed: number
  readonly tracks: readonly Track[]
}

interface Track {
  readonly title: string
  /** The share of the recording that is played. */
  readonly share: number
}

function planAlbums(count: number, random: Random): readonly Album[] {
  const kinds = Object.keys(albumsOfKind) as Kind[]
  const fifty = shuffled(
    kinds.flatMap((kind) => Array<Kind>(albumsOfKind[kind]).fill(kind)),
    random,
  )
  const plain = fifty.flatMap((kind, index) => (kind === 'mp3-cover' ? [] : [index]))
  const covered = new Set(plain.slice(0, albumsWithFolderCover))
  const artists = Array.from(
    { length: Math.ceil(count / 2) },
    (_, index) => `${words(random, 2)} ${index + 1}`,
  )
  return Array.from({ length: count }, (_, index) => ({
    artist: artists[Math.floor(index / 2)] ?? '',
    title: `${words(random, 3)} ${index + 1}`,
    year: 1960 + Math.floor(random() * 65),
    genre: pick(['Rock', 'Jazz', 'Folk', 'Electronic', 'Classical'], random),
    kind: fifty[index % fifty.length] ?? 'mp3',
    hasFolderCover: covered.has(index % fifty.length),
    seed: Math.floor(random() * 1_000_000),
    tracks: Array.from({ length: tracksAnAlbum }, () => ({
      title: words(random, 3),
      share: 0.8 + random() * 0.2,
    })),
  }))
}

const recordingSeconds = 200

type Extension = 'mp3' | 'flac' | 'm4a' | 'ogg' | 'opus'

/** At these a cut is about three megabytes. */
const encoders: Readonly<Record<Extension, readonly string[]>> = {
  mp3: ['-c:a', 'libmp3lame', '-b:a', '128k'],
  flac: [
    '-c:a',
    'flac',
    '-compression_level',
    '0',
    '-sample_fmt',
    's16',
    '-ar',
    '11025',
    '-ac',
    '1',
  ],
  m4a: ['-c:a', 'aac', '-b:a', '128k'],
  ogg: ['-c:a', 'libvorbis', '-b:a', '200k'],
  opus: ['-c:a', 'libopus', '-b:a', '128k', '-vbr', 'off'],
}

/** One long piece per format: chords over noise, which an encoder cannot make small. */
async function makeRecordings(folder: string, seed: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  const chord = `0.15*sin(2*PI*220*t)+0.1*sin(2*PI*277.2*t)+0.1*sin(2*PI*329.6*t)`
  const source = `aevalsrc=${chord}:s=44100:d=${recordingSeconds}[a];anoisesrc=d=${recordingSeconds}:r=44100:c=pink:a=0.3:seed=${seed}[b];[a][b]amix,pan=stereo|c0=c0|c1=c0`
  await inParallel(Object.keys(encoders) as Extension[], async (extension) => {
    const file = join(folder, `recording.${extension}`)
    if (!existsSync(file)) await ffmpeg(['-filter_complex', source, ...encoders[extension], file])
  })
}

/** Bytes that were written. */
async function makeAlbum(root: string, album: Album, recordings: string): Promise<number> {
  const folder = join(root, album.artist, album.title)
  await mkdir(folder, { recursive: true })
  const cover = join(recordings, `cover-${album.seed}.jpg`)
  if (album.kind === 'mp3-cover') await drawCover(cover, album.seed, 685)
  if (album.hasFolderCover) await drawCover(join(folder, 'folder.jpg'), album.seed, 430)
  let bytes = 0
  for (const [index, track] of album.tracks.entries()) {
    const number = index + 1
    const extension = extensionOf(album.kind)
    const file = join(folder, `${String(number).padStart(2, '0')} ${track.title}.${extension}`)
    await ffmpeg([
      '-t',
      String(recordingSeconds * track.share),
      '-i',
      join(recordings, `recording.${extension}`),
      ...(album.kind === 'mp3-cover'
        ? ['-i', cover, '-map', '0:a', '-map', '1:v', '-disposition:v', 'attached_pic']
        : []),
      // A copied FLAC stream would keep the length of the whole recording in its header.
      ...(extension === 'flac' ? encoders.flac : ['-c', 'copy']),
      ...(album.kind === 'm4a-moov-first' ? ['-movflags', '+faststart'] : []),
      ...tagsOf(album, track, number).flatMap(([key, value]) => ['-metadata', `${key}=${value}`]),
      file,
    ])
    bytes += (await stat(file)).size
  }
  return bytes
}

const extensionOf = (kind: Kind): Extension => {
  if (kind === 'mp3-cover') return 'mp3'
  return kind === 'm4a-moov-first' || kind === 'm4a-moov-last' ? 'm4a' : kind
}

const tagsOf = (
  album: Album,
  track: Track,
  number: number,
): readonly (readonly [string, string])[] => [
  ['title', track.title],
  ['artist', album.artist],
  ['album_artist', album.artist],
  ['album', album.title],
  ['date', String(album.year)],
  ['genre', album.genre],
  ['track', String(number)],
]

/** Noise: about 295 kB at 685 pixels, 100 kB at 430. */
async function drawCover(file: string, seed: number, edge: number): Promise<void> {
  const picture = `color=c=0x${(seed % 0xffffff).toString(16).padStart(6, '0')}:s=${edge}x${edge},noise=alls=60:all_seed=${seed}`
  await ffmpeg(['-f', 'lavfi', '-i', picture, '-frames:v', '1', '-q:v', '5', file])
}

async function ffmpeg(parameters: readonly string[]): Promise<void> {
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-y', '-threads', '1', ...parameters])
}

/** As many at a time as there are processors; the answers in the order of the items. */
async function inParallel<Item, Answer>(
  items: readonly Item[],
  run: (item: Item) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  const left = items.entries()
  const worker = async (): Promise<void> => {
    for (const [index, item] of left) answers[index] = await run(item)
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return answers
}

const syllables = [
  'ka',
  'ro',
  'mi',
  'len',
  'tus',
  'va',
  'shi',
  'dor',
  'pel',
  'on',
  'gra',
  'ne',
  'fi',
  'mar',
  'ül',
  'é',
]

function words(random: Random, count: number): string {
  const word = (): string => {
    const text = Array.from({ length: 2 + Math.floor(random() * 2) }, () =>
      pick(syllables, random),
    ).join('')
    return text.charAt(0).toUpperCase() + text.slice(1)
  }
  return Array.from({ length: count }, word).join(' ')
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('There is nothing to pick from.')
  return item
}

function shuffled<Item>(items: readonly Item[], random: Random): readonly Item[] {
  return items
    .map((item) => ({ item, key: random() }))
    .toSorted((a, b) => a.key - b.key)
    .map(({ item }) => item)
}
