import type { ItemRef } from '../engine/source.ts'
import type { CoverPlace, MusicBrainzIds, ReplayGain } from './tags.ts'

/** A track of somebody's library as it is shown. Ids survive a move of the file. */
export interface Track {
  readonly id: number
  readonly ownerId: number
  readonly sourceId: number
  /** Path in its source, joined with `/`, for showing. */
  readonly path: string
  readonly title: string
  readonly artist: string
  readonly artistId: number
  readonly albumArtist: string
  readonly album: string
  readonly albumId: number
  readonly isCompilation: boolean
  readonly track: number | null
  readonly disc: number | null
  readonly year: number | null
  readonly genres: readonly string[]
  readonly durationMs: number | null
  readonly isDurationEstimated: boolean
  readonly codec: string
  readonly isLossless: boolean
  readonly bitrate: number | null
  readonly sampleRate: number | null
  readonly channels: number | null
  readonly size: number
  readonly replayGain: ReplayGain | null
  readonly musicBrainz: MusicBrainzIds | null
  /** Of the picture to show with it: its own, else the one in its folder. */
  readonly coverId: number | null
}

/** Somebody who plays on a shown track, or whose album it is. */
export interface Artist {
  readonly id: number
  readonly name: string
  /** Albums that are his. */
  readonly albumCount: number
  /** Tracks on which he plays, or which are on his albums. */
  readonly trackCount: number
}

export interface Album {
  readonly id: number
  readonly name: string
  readonly artist: string
  readonly artistId: number
  readonly year: number | null
  readonly isCompilation: boolean
  readonly trackCount: number
  readonly durationMs: number
  /** Of its first track that has a cover. */
  readonly coverId: number | null
}

export interface TrackQuery {
  readonly ownerId: number
  /** Who plays, or whose album it is. */
  readonly artistId?: number
  readonly albumId?: number
  readonly sourceId?: number
  /** Where the page before ended. */
  readonly after?: string
  /** 1 to `maxPage`. */
  readonly limit: number
}

export interface TrackPage {
  readonly tracks: readonly Track[]
  /** Give it as `after` to go on; absent on the last page. */
  readonly next?: string
}

export interface ArtistQuery {
  readonly ownerId: number
  readonly after?: string
  /** 1 to `maxPage`. */
  readonly limit: number
}

export interface ArtistPage {
  readonly artists: readonly Artist[]
  readonly next?: string
}

export interface AlbumQuery {
  readonly ownerId: number
  /** Whose album it is. */
  readonly artistId?: number
  readonly after?: string
  /** 1 to `maxPage`. */
  readonly limit: number
}

export interface AlbumPage {
  readonly albums: readonly Album[]
  readonly next?: string
}

/** Where the bytes of a track are. */
export interface TrackFile {
  readonly sourceId: number
  readonly item: ItemRef
  readonly codec: string
}

export interface SearchResult {
  readonly artists: readonly Artist[]
  readonly albums: readonly Album[]
  readonly tracks: readonly Track[]
}

/** A cover that is known of: where it lies, and the hash of its bytes once they have been read. */
export interface Cover {
  readonly id: number
  readonly ownerId: number
  readonly sourceId: number
  readonly item: ItemRef
  /** Null: the whole file is the picture (`folder.jpg`). */
  readonly place: CoverPlace | null
  /** sha256 in hex, the name of the bytes in the blob store. */
  readonly hash: string | null
  readonly mime: string | null
}

export interface LibraryCounts {
  readonly tracks: number
  readonly albums: number
  readonly artists: number
  readonly durationMs: number
  readonly bytes: number
}

/**
 * Owners' music, for asking. Writing is done by effects, in the transaction that ends a task.
 * Throws `bad-input` for an `after` that no page ended with, and for a limit out of bounds.
 */
export interface Catalogue {
  /** In the order of album artist, album, disc, track, path. */
  tracks(query: TrackQuery): Promise<TrackPage>
  track(ownerId: number, id: number): Promise<Track | null>
  /** Null when there is no such track, or it is not shown. */
  file(ownerId: number, trackId: number): Promise<TrackFile | null>
  /** In the order of their names. */
  artists(query: ArtistQuery): Promise<ArtistPage>
  artist(ownerId: number, id: number): Promise<Artist | null>
  /** In the order of artist, name. */
  albums(query: AlbumQuery): Promise<AlbumPage>
  album(ownerId: number, id: number): Promise<Album | null>
  /**
   * Every word must be the beginning of a word of title, artist, album or path; accents and case do not matter.
   * At most `limit` of each kind; tracks and albums first whose own name holds every word.
   */
  search(ownerId: number, text: string, limit: number): Promise<SearchResult>
  counts(ownerId: number): Promise<LibraryCounts>
  cover(id: number): Promise<Cover | null>
  /** Remembers what the bytes of a cover turned out to be; ignored when the cover's item has another version by now. */
  keepCover(cover: Cover, hash: string, mime: string): Promise<void>
}

/** Tracks, artists or albums in one answer. */
export const maxPage = 500
