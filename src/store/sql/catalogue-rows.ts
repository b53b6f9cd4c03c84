import { fold } from '../../library/spelling.ts'
import { variousArtists } from '../../library/entry.ts'
import type { Album, Artist, Cover, Track } from '../../library/catalogue.ts'
import type { CoverPlace, Tags } from '../../library/tags.ts'
import type { TrackRow } from './track-rows.ts'

/** The name of an artist: of the spellings in use the smallest. */
const artistName = (id: string): string =>
  `(select min(name) from track_artist where artist_id = ${id})`

/** Its own cover, else the picture of its folder. */
const trackCover = (own: string): string => `coalesce(${own},
  (select item_id from cover where source_id = track.source_id and folder = track.folder
   order by rank, item_id limit 1))`

/** For a selection from `track` and `album`. */
export const trackColumns = `track.*, album.artist_key, album.key, album.artist_id as album_artist_id,
  ${artistName('album.artist_id')} as album_artist_name,
  (select min(album) from track as other
   where owner_id = album.owner_id and album_id = album.id and state = 0) as album_name,
  ${trackCover('(select item_id from cover where item_id = track.item_id)')} as cover_id`

export interface CatalogueTrackRow extends TrackRow {
  readonly artist_id: number
  readonly album_id: number
  readonly artist_key: string
  readonly key: string
  readonly album_artist_name: string
  readonly album_name: string
  readonly cover_id: number | null
}

export function trackOf(row: CatalogueTrackRow): Track {
  const tags = tagsOf(row)
  return {
    id: row.id,
    ownerId: row.owner_id,
    sourceId: row.source_id,
    path: row.path,
    title: row.title,
    artist: row.artist,
    artistId: row.artist_id,
    albumArtist: row.album_artist_name,
    album: row.album_name,
    albumId: row.album_id,
    isCompilation: row.is_compilation === 1 || isVarious(row.artist_key),
    track: row.track === 0 ? null : row.track,
    disc: row.disc === 0 ? null : row.disc,
    year: row.year,
    genres: tags.genres,
    durationMs: row.duration_ms,
    size: row.size,
    coverId: row.cover_id,
    ...soundOf(tags),
  }
}

/** Written by the writer of the library from Tags. */
export function tagsOf({ tags }: { readonly tags: string }): Tags {
  return JSON.parse(tags) as Tags
}

function soundOf(
  tags: Tags,
): Pick<
  Track,
  | 'isDurationEstimated'
  | 'codec'
  | 'isLossless'
  | 'bitrate'
  | 'sampleRate'
  | 'channels'
  | 'replayGain'
  | 'musicBrainz'
> {
  return {
    isDurationEstimated: tags.isDurationEstimated,
    codec: tags.codec,
    isLossless: tags.isLossless,
    bitrate: tags.bitrate ?? null,
    sampleRate: tags.sampleRate ?? null,
    channels: tags.channels ?? null,
    replayGain: tags.replayGain ?? null,
    musicBrainz: tags.musicBrainz ?? null,
  }
}

/** For a selection from `artist`. */
export const artistColumns = `artist.id, artist.key, ${artistName('artist.id')} as name,
  (select count(*) from album where artist_id = artist.id and empty_ms is null) as album_count,
  (select count(*) from track_artist where artist_id = artist.id) as track_count`

export interface ArtistRow {
  readonly id: number
  readonly key: string
  readonly name: string
  readonly album_count: number
  readonly track_count: number
}

export function artistOf(row: ArtistRow): Artist {
  return {
    id: row.id,
    name: row.name,
    albumCount: row.album_count,
    trackCount: row.track_count,
  }
}

/** The albums that `page` selects (all columns of `album`), with what their tracks tell, in order. */
export const albumsSql = (page: string): string => `
  select page.id, page.artist_id, page.artist_key, page.key, page.release,
    ${artistName('page.artist_id')} as artist,
    min(track.album) as name, min(track.year) as year, max(track.is_compilation) as is_compilation,
    count(*) as track_count, cast(coalesce(sum(track.duration_ms), 0) as bigint) as duration_ms,
    (select cover_id from (
       select ${trackCover('own.item_id')} as cover_id, track.disc, track.track, track.path, track.id
       from track left join cover as own on own.item_id = track.item_id
       where track.album_id = page.id and track.state = 0) as covered
     where cover_id is not null order by disc, track, path, id limit 1) as cover_id
  from (${page}) as page
  cross join track indexed by track_facts
    on track.owner_id = page.owner_id and track.album_id = page.id and track.state = 0
  group by ${albumGroup('page')} order by ${albumGroup('page')}`

/** What an album is ordered by, and what follows from that: one order everywhere, so that SQLite sorts nothing twice. */
export const albumGroup = (of: 'page' | 'album'): string =>
  `${of}.artist_key, ${of}.key, ${of}.release, ${of}.id, ${of}.artist_id`

export interface AlbumRow {
  readonly id: number
  readonly artist_id: number
  readonly artist_key: string
  readonly key: string
  readonly release: string
  readonly artist: string
  readonly name: string
  readonly year: number | null
  readonly is_compilation: number
  readonly track_count: number
  readonly duration_ms: number
  readonly cover_id: number | null
}

export function albumOf(row: AlbumRow): Album {
  return {
    id: row.id,
    name: row.name,
    artist: row.artist,
    artistId: row.artist_id,
    year: row.year,
    isCompilation: row.is_compilation === 1 || isVarious(row.artist_key),
    trackCount: row.track_count,
    durationMs: row.duration_ms,
    coverId: row.cover_id,
  }
}

/** For a selection from `cover` and the engine's `item`. */
export const coverColumns = `cover.*, item.key, item.path, item.size`

export interface CoverRow {
  readonly item_id: number
  readonly owner_id: number
  readonly source_id: number
  readonly version: string
  readonly start_byte: number | null
  readonly end_byte: number | null
  readonly mime: string | null
  readonly form: CoverPlace['form'] | null
  readonly hash: string | null
  readonly hash_mime: string | null
  readonly key: string
  readonly path: string
  readonly size: number
}

export function coverOf(row: CoverRow): Cover {
  return {
    id: row.item_id,
    ownerId: row.owner_id,
    sourceId: row.source_id,
    item: { key: row.key, path: pathOf(row.path), size: row.size, version: row.version },
    place: placeOf(row),
    hash: row.hash,
    mime: row.hash_mime,
  }
}

/** The engine keeps a path as JSON, so that names may hold anything. */
export function pathOf(json: string): readonly string[] {
  return JSON.parse(json) as readonly string[]
}

function placeOf({ start_byte: start, end_byte: end, mime, form }: CoverRow): CoverPlace | null {
  if (start === null || end === null || mime === null || form === null) return null
  return { start, end, mime, form }
}

function isVarious(artistKey: string): boolean {
  return artistKey === fold(variousArtists)
}
