import { maxTextLength, type MusicBrainzIds, type ReplayGain, type Tags } from '../tags.ts'

/** The part of `Tags` that somebody wrote into the file. */
export type Texts = Omit<
  Tags,
  | 'durationMs'
  | 'isDurationEstimated'
  | 'codec'
  | 'isLossless'
  | 'bitrate'
  | 'sampleRate'
  | 'bitsPerSample'
  | 'channels'
  | 'cover'
>

/** Tags of one block as the parser gives them, in the order of the file. */
export interface NativeTag {
  readonly id: string
  readonly value: unknown
}

/** Brings the names that every kind of tag has for the same thing together. The first block that knows a field decides it, in it the first value. */
export function textsOf(blocks: readonly (readonly NativeTag[])[]): Texts {
  const maps = blocks.map(valuesById)
  const all = (ids: readonly string[]): readonly string[] => valuesOf(maps, ids)
  const one = (ids: readonly string[]): string | undefined => all(ids)[0]
  const named = all(names.artist)
  const listed = all(names.artists)
  const [track, trackTotal] = numbers(one(names.track), one(names.trackTotal))
  const [disc, discTotal] = numbers(one(names.disc), one(names.discTotal))
  const artists = unique(listed.length > 0 ? listed : named)
  return present({
    title: one(names.title),
    artist: cut((named.length > 0 ? unique(named) : artists).join(', ')) || undefined,
    artists,
    albumArtist: one(names.albumArtist),
    album: one(names.album),
    track: within(track, 0, 9_999),
    trackTotal: within(trackTotal, 1, 9_999),
    disc: within(disc, 0, 9_999),
    discTotal: within(discTotal, 1, 9_999),
    year: yearOf(all(names.year)),
    genres: unique(all(names.genre).flatMap((text) => text.split(';').map((part) => part.trim()))),
    isCompilation: /^(?:1|true|yes)$/i.test(one(names.compilation) ?? ''),
    replayGain: replayGainOf(one),
    musicBrainz: musicBrainzOf(one, all),
  })
}

/** Field names of ID3v2.3 and 2.4, ID3v2.2, ID3v1, Vorbis, APEv2, MP4, ASF, RIFF and AIFF, without spaces, `_` and `/`, in upper case. */
const names = {
  title: ['TIT2', 'TT2', 'TITLE', '©NAM', 'INAM', 'NAME'],
  artist: ['TPE1', 'TP1', 'ARTIST', '©ART', 'AUTHOR', 'WMAUTHOR', 'IART', 'AUTH'],
  artists: ['ARTISTS', 'WMARTISTS'],
  albumArtist: ['TPE2', 'TP2', 'ALBUMARTIST', 'AART', 'WMALBUMARTIST'],
  album: ['TALB', 'TAL', 'ALBUM', '©ALB', 'WMALBUMTITLE', 'IPRD'],
  track: ['TRCK', 'TRK', 'TRACKNUMBER', 'TRACK', 'TRKN', 'WMTRACKNUMBER', 'ITRK', 'IPRT'],
  trackTotal: ['TRACKTOTAL', 'TOTALTRACKS'],
  disc: ['TPOS', 'TPA', 'DISCNUMBER', 'DISC', 'DISK', 'WMPARTOFSET'],
  discTotal: ['DISCTOTAL', 'TOTALDISCS'],
  year: ['TDRC', 'TYER', 'TYE', 'DATE', 'YEAR', '©DAY', 'WMYEAR', 'ICRD', 'TDRL'],
  genre: ['TCON', 'TCO', 'GENRE', '©GEN', 'GNRE', 'WMGENRE', 'IGNR'],
  compilation: ['TCMP', 'TCP', 'COMPILATION', 'CPIL', 'WMISCOMPILATION'],
} as const

type Values = ReadonlyMap<string, readonly string[]>
type One = (ids: readonly string[]) => string | undefined
type All = (ids: readonly string[]) => readonly string[]

function valuesById(tags: readonly NativeTag[]): Values {
  const values = new Map<string, string[]>()
  for (const tag of tags.slice(0, maxTags)) {
    const id = plainId(tag)
    const texts = textOf(tag.value)
      .split('\0')
      .map(clean)
      .filter((text) => text !== '')
    const held = values.get(id)
    if (held === undefined) values.set(id, texts)
    else if (held.length < maxList) held.push(...texts)
  }
  return values
}

/** Free names have a prefix that says where they were written. */
function plainId(tag: NativeTag): string {
  if (tag.id === 'UFID' || tag.id === 'UFI')
    return ownerOf(tag.value) === recordingOwner ? 'UFID' : ''
  const free = tag.id.replace(/^(?:TXXX:|TXX:|----:com\.apple\.iTunes:)/i, '')
  return free.replace(/[ _/]/g, '').toUpperCase()
}

function ownerOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'owner_identifier' in value
    ? value.owner_identifier
    : undefined
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const isIdentifier = typeof value === 'object' && value !== null && 'identifier' in value
  return isIdentifier && value.identifier instanceof Uint8Array
    ? String.fromCharCode(...value.identifier.subarray(0, 64))
    : ''
}

function valuesOf(maps: readonly Values[], ids: readonly string[]): readonly string[] {
  for (const values of maps) {
    for (const id of ids) {
      const found = values.get(id)
      if (found !== undefined && found.length > 0) return found
    }
  }
  return []
}

/** `3/12`, with a total of its own. */
function numbers(text: string | undefined, total: string | undefined): [number, number] {
  const [number = '', of = ''] = (text ?? '').split('/')
  return [Number.parseInt(number, 10), Number.parseInt(of === '' ? (total ?? '') : of, 10)]
}

function within(value: number, least: number, most: number): number | undefined {
  return value >= least && value <= most ? value : undefined
}

function yearOf(dates: readonly string[]): number | undefined {
  const years = dates.map((date) => Number(/(?<!\d)\d{4}/.exec(date)?.[0]))
  return years.find((year) => year >= 1_000 && year <= 2_999)
}

function replayGainOf(one: One): ReplayGain | undefined {
  const gain = (kind: string): number | undefined => {
    const said = decimal(one([`REPLAYGAIN${kind}GAIN`]), -60, 60)
    // RFC 7845, 5.2.1: 1/256 dB above -23 LUFS, five below the reference of ReplayGain.
    const opus = decimal(one([`R128${kind}GAIN`]), -32_768, 32_767)
    return said ?? (opus === undefined ? undefined : opus / 256 + 5)
  }
  const peak = (kind: string): number | undefined => decimal(one([`REPLAYGAIN${kind}PEAK`]), 0, 100)
  const found = present({
    trackGain: gain('TRACK'),
    albumGain: gain('ALBUM'),
    trackPeak: peak('TRACK'),
    albumPeak: peak('ALBUM'),
  })
  return Object.keys(found).length === 0 ? undefined : found
}

function decimal(text: string | undefined, least: number, most: number): number | undefined {
  return text === undefined
    ? undefined
    : within(Number.parseFloat(text.replace(',', '.')), least, most)
}

function musicBrainzOf(one: One, all: All): MusicBrainzIds | undefined {
  const ids = (kind: string): string[] | undefined => {
    const found = all([`MUSICBRAINZ${kind}ID`]).flatMap((text) => text.match(uuids) ?? [])
    return found.length === 0 ? undefined : unique(found)
  }
  const found = present({
    recording: one(['UFID'])?.match(uuids)?.[0] ?? ids('TRACK')?.[0] ?? ids('RECORDING')?.[0],
    track: ids('RELEASETRACK')?.[0],
    release: ids('ALBUM')?.[0],
    releaseGroup: ids('RELEASEGROUP')?.[0],
    artists: ids('ARTIST'),
    albumArtists: ids('ALBUMARTIST'),
  })
  return Object.keys(found).length === 0 ? undefined : found
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts.filter((text) => text !== ''))].slice(0, maxList)
}

/** Without control characters and halves of pairs, trimmed and cut. */
function clean(text: string): string {
  return cut(
    text
      .slice(0, 4 * maxTextLength)
      .replace(unwanted, ' ')
      .replace(/ {2,}/g, ' ')
      .trim(),
  )
}

function cut(text: string): string {
  return text
    .slice(0, maxTextLength)
    .replace(/[\ud800-\udbff]$/, '')
    .trimEnd()
}

type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

function present<T extends object>(fields: T): Present<T> {
  // Taking out what is undefined is just what the type says.
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Present<T>
}

const recordingOwner = 'http://musicbrainz.org'
const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi
/** Control characters, marks of byte order and halves of pairs. */
const unwanted = /[\p{Cc}\p{Cs}\ufeff\ufffe\uffff]/gu
/** Values of one field. */
const maxList = 64
/** Tags looked at in one block. */
const maxTags = 2_000
