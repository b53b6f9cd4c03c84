import { assert } from '../../base/errors.ts'
import { leadOf, variousArtists } from '../../library/entry.ts'
import { groupKey } from './album-groups.ts'
import { albumKey, takeAlbums, type WantedAlbum } from './album-rows.ts'
import { artistKey, takeArtists, type ArtistName } from './artist-rows.ts'
import { beginning, maxCreditedName } from './library-text.ts'
import type { SearchIndex } from './search-index.ts'
import type { Transaction } from './sql.ts'
import { artistsOf, nameKey, type TrackContent } from './track-content.ts'
import type { Place } from './track-rows.ts'

/** A track that is to be shown. */
export interface Arrival {
  /** Of its row, which is not shown any more when it comes; null: there has been no such track before. */
  readonly id: number | null
  readonly content: TrackContent
  readonly freshMs: number | null
}

/** Where it is to stand, and with whom. */
export interface Spot {
  readonly arrival: Arrival
  readonly place: Place
  readonly credits: readonly Credit[]
}

/** Somebody who plays, or whose album it is; of several spellings on one track the smallest. */
export interface Credit {
  readonly artist_id: number
  readonly name: string
}

/** Artists and albums are made as they are needed. `mixed`: the keys of the groups that are compilations. */
export async function spotsOf(
  tx: Transaction,
  search: SearchIndex,
  arrivals: readonly Arrival[],
  mixed: ReadonlySet<string>,
): Promise<readonly Spot[]> {
  if (arrivals.length === 0) return []
  const billings = arrivals.map((arrival) => billingOf(arrival, mixed))
  const names = billings.flatMap(({ bills }) => bills.map(({ artist }) => artist))
  const artists = await takeArtists(tx, search, distinct(names, artistKey))
  const albums = billings.map(({ album }) => ({
    ...album,
    artist_id: numberOf(artists, artistKey({ owner_id: album.owner_id, key: album.artist_key })),
  }))
  const albumIds = await takeAlbums(tx, search, distinct(albums, albumKey))
  return billings.map(({ arrival, player, album, bills }) => ({
    arrival,
    place: {
      artist_id: numberOf(artists, artistKey(player)),
      album_id: numberOf(albumIds, albumKey(album)),
    },
    credits: bills.map(({ artist, name }) => ({
      artist_id: numberOf(artists, artistKey(artist)),
      name,
    })),
  }))
}

/** Whom a track names, before they have numbers. */
interface Billing {
  readonly arrival: Arrival
  /** Who is shown as its artist. */
  readonly player: ArtistName
  readonly album: Omit<WantedAlbum, 'artist_id'>
  /** Every artist once. */
  readonly bills: readonly { readonly artist: ArtistName; readonly name: string }[]
}

function billingOf(arrival: Arrival, mixed: ReadonlySet<string>): Billing {
  const track = arrival.content
  const { owner_id, album_key, release, album } = track
  const artists = artistsOf(track)
  const isMixed = mixed.has(groupKey(track) ?? '')
  const albumArtist = track.album_artist ?? (isMixed ? variousArtists : leadOf(artists[0]))
  const names = new Map<string, string>()
  for (const each of [...artists, albumArtist]) {
    const [key, name] = [nameKey(each), beginning(each, maxCreditedName)]
    const other = names.get(key) ?? name
    names.set(key, name < other ? name : other)
  }
  return {
    arrival,
    player: { owner_id, key: nameKey(artists[0]) },
    album: { owner_id, artist_key: nameKey(albumArtist), key: album_key, release, name: album },
    bills: [...names].map(([key, name]) => ({ artist: { owner_id, key }, name })),
  }
}

function distinct<T>(all: readonly T[], keyOf: (each: T) => string): T[] {
  return [...new Map(all.map((each) => [keyOf(each), each])).values()]
}

export function numberOf<Key>(ids: ReadonlyMap<Key, number>, key: Key): number {
  const id = ids.get(key)
  assert(id !== undefined, 'what has just been written has a number')
  return id
}
