import { distinctNames, fold } from './spelling.ts'
import type { Tags } from './tags.ts'
import type { NamedTrack } from './tags/names.ts'

export const unknownArtist = 'Unknown Artist'
export const unknownAlbum = 'Unknown Album'
/** Whose album it is when the tracks are by different artists. */
export const variousArtists = 'Various Artists'

/** What a track is called and where it belongs, its tags and its path taken together. Every text is said, none is empty. */
export interface Entry {
  readonly title: string
  /** As one line, for showing. */
  readonly artist: string
  /** Everybody who plays, at least one, each once. */
  readonly artists: readonly string[]
  readonly album: string
  /**
   * Whose album it is. Null: the tags do not say. Such tracks of one folder and one album name are looked at
   * together: by one lead artist it is his album, by several it is a compilation.
   */
  readonly albumArtist: string | null
  /** Key of the artist that counts when it is asked whether tracks are by one artist: the first, without his guests. */
  readonly leadKey: string
  /** MusicBrainz release, or empty: the same name by the same artist may still be two albums. */
  readonly release: string
  /** 0 where unknown. */
  readonly disc: number
  /** 0 where unknown. */
  readonly track: number
}

export function entryOf(tags: Tags, names: NamedTrack): Entry {
  const artist = said(tags.artist, tags.artists[0], names.artist) ?? unknownArtist
  const credited = distinctNames(tags.artists)
  const artists = credited.length > 0 ? credited : [artist]
  const album = said(tags.album, names.album)
  const lead = leadOf(artists[0] ?? artist)
  return {
    title: said(tags.title, names.title) ?? names.title,
    artist,
    artists,
    album: album ?? unknownAlbum,
    albumArtist: albumArtistOf(tags, album, lead),
    leadKey: fold(lead),
    release: tags.musicBrainz?.release ?? '',
    disc: tags.disc ?? names.disc ?? 0,
    track: tags.track ?? names.track ?? 0,
  }
}

/** `Anna feat. Bob` is led by Anna: her album does not become a compilation because of a guest. */
export function leadOf(artist: string): string {
  return said(artist.replace(/\s[([]?(?:feat|ft|featuring)\.?\s+\S.*$/iu, '')) ?? artist
}

function albumArtistOf(tags: Tags, album: string | undefined, lead: string): string | null {
  const albumArtist = said(tags.albumArtist)
  if (albumArtist !== undefined) return albumArtist
  if (tags.isCompilation) return variousArtists
  // Files without an album are no compilation only because they lie in one folder.
  return album === undefined ? lead : null
}

function said(...texts: readonly (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && fold(text) !== '')?.trim()
}
