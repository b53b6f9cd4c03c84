import { leadOf, variousArtists } from '../../library/entry.ts'
import { fold } from '../../library/spelling.ts'
import type { Clock } from '../../base/clock.ts'
import type { Database } from './database.ts'
import { SearchIndex } from './search-index.ts'
import { hidden, shown, type TrackContent, type TrackRow } from './track-rows.ts'

/**
 * Where shown tracks stand: with their artists, in an album, in the search index. Whose album it is follows from the
 * tracks that stand there now, so the same tracks in any order stand the same way. An artist or album that nothing
 * shown belongs to is empty: not shown itself, and back under its id when something comes.
 */
export class Shelf {
  readonly #database: Database
  readonly #clock: Clock
  readonly #search: SearchIndex

  constructor(database: Database, clock: Clock) {
    this.#database = database
    this.#clock = clock
    this.#search = new SearchIndex(database)
  }

  /** Where a track that is not shown yet will stand. Its row is written next, with these numbers, and then it is added. */
  spot(track: TrackContent): Spot {
    const others = this.#leads(track)
    const isMixed = others !== null && (others.isMixed || others.least !== track.lead_key)
    if (isMixed && !others.isMixed) this.#moveGroup(track, true)
    return this.#spot(track, isMixed)
  }

  add(id: number, track: TrackContent, spot: Spot): void {
    this.#link(id, spot)
    this.#search.addTrack(track.owner_id, id, {
      title: track.title,
      rest: `${track.artist} ${namesOf(track).join(' ')} ${track.album} ${track.album_artist ?? ''} ${track.path}`,
    })
  }

  /** Takes off a track that is shown; it is hidden then. */
  remove(track: TrackRow): void {
    this.#search.remove('track_search', track.owner_id, track.id)
    this.#unlink(track.id)
    const left = this.#leads(track)
    if (left !== null && !left.isMixed && left.least !== track.lead_key) {
      this.#moveGroup(track, false)
    }
  }

  /** Deletes every track of a source, in a few statements however many they are. */
  clear(sourceId: number): void {
    const ofSource = 'select id from track where source_id = ?'
    const artists = this.#database
      .prepare<{ id: number }>(
        `select distinct artist_id as id from track_artist where track_id in (${ofSource})`,
      )
      .all(sourceId)
    const albums = this.#database
      .prepare<{ id: number }>(
        'select distinct album_id as id from track where source_id = ? and album_id is not null',
      )
      .all(sourceId)
    for (const sql of [
      `delete from track_search where rowid in
         (select (owner_id << 32) | id from track where source_id = ? and state = ${shown})`,
      `delete from track_artist where track_id in (${ofSource})`,
      'delete from track where source_id = ?',
    ]) {
      this.#database.prepare(sql).run(sourceId)
    }
    for (const { id } of artists) this.#settleArtist(id)
    for (const { id } of albums) this.#settleAlbum(id)
  }

  /** Whether the shown tracks that are looked at together with this one are by different leads; null: there are none. */
  #leads(track: TrackContent): { isMixed: boolean; least: string } | null {
    if (track.lead_key === null) return null
    const group = groupOf(track)
    const found = this.#database
      .prepare<{ least: string | null; greatest: string | null }>(
        `select (select min(lead_key) from track where ${inGroup}) as least,
                (select max(lead_key) from track where ${inGroup}) as greatest`,
      )
      .get(...group, ...group)
    if (found === undefined || found.least === null) return null
    return { isMixed: found.least !== found.greatest, least: found.least }
  }

  /** The shown tracks of a group have become a compilation, or are none any more. */
  #moveGroup(track: TrackContent, isMixed: boolean): void {
    const members = this.#database
      .prepare<TrackRow>(`select * from track where ${inGroup}`)
      .all(...groupOf(track))
    const move = this.#database.prepare(
      `update track set state = ${shown}, artist_id = ?, album_id = ? where id = ?`,
    )
    for (const member of members) {
      this.#unlink(member.id)
      const spot = this.#spot(member, isMixed)
      move.run(spot.artistId, spot.albumId, member.id)
      this.#link(member.id, spot)
    }
  }

  #spot(track: TrackContent, isMixed: boolean): Spot {
    const artists = namesOf(track)
    const albumArtist = track.album_artist ?? (isMixed ? variousArtists : leadOf(artists[0]))
    const credits = new Map<string, Credit>()
    for (const name of [...artists, albumArtist]) {
      const key = fold(name)
      const { artistId, name: other } = credits.get(key) ?? {
        artistId: this.#artist(track.owner_id, key),
        name,
      }
      credits.set(key, { artistId, name: name < other ? name : other })
    }
    const albumArtistKey = fold(albumArtist)
    const idOf = (key: string): number | null => credits.get(key)?.artistId ?? null
    return {
      artistId: idOf(fold(artists[0])),
      albumId: this.#album(track, albumArtistKey, idOf(albumArtistKey)),
      credits: [...credits.values()],
    }
  }

  #link(trackId: number, { credits }: Spot): void {
    const insert = this.#database.prepare(
      'insert into track_artist (track_id, artist_id, name) values (?, ?, ?)',
    )
    for (const { artistId, name } of credits) insert.run(trackId, artistId, name)
  }

  #unlink(trackId: number): void {
    const artists = this.#database
      .prepare<{ id: number }>(
        'delete from track_artist where track_id = ? returning artist_id as id',
      )
      .all(trackId)
    const album = this.#database
      .prepare<{ id: number | null }>('select album_id as id from track where id = ?')
      .get(trackId)
    this.#database
      .prepare(`update track set state = ${hidden}, artist_id = null, album_id = null where id = ?`)
      .run(trackId)
    for (const { id } of artists) this.#settleArtist(id)
    if (album !== undefined && album.id !== null) this.#settleAlbum(album.id)
  }

  #artist(ownerId: number, key: string): number {
    const found = this.#database
      .prepare<Kept>('select id, empty_ms from artist where owner_id = ? and key = ?')
      .get(ownerId, key)
    if (found !== undefined && found.empty_ms === null) return found.id
    const id = found?.id ?? this.#insertArtist(ownerId, key)
    this.#database.prepare('update artist set empty_ms = null where id = ?').run(id)
    this.#search.addArtist(ownerId, id, key)
    return id
  }

  #insertArtist(ownerId: number, key: string): number {
    return this.#database
      .prepare('insert into artist (owner_id, key) values (?, ?)')
      .run(ownerId, key).lastId
  }

  #album(track: TrackContent, artistKey: string, artistId: number | null): number {
    const key = [track.owner_id, artistKey, track.album_key, track.release]
    const found = this.#database
      .prepare<Kept>(
        'select id, empty_ms from album where owner_id = ? and artist_key = ? and key = ? and release = ?',
      )
      .get(...key)
    if (found !== undefined && found.empty_ms === null) return found.id
    const id =
      found?.id ??
      this.#database
        .prepare(
          'insert into album (owner_id, artist_key, key, release, artist_id) values (?, ?, ?, ?, ?)',
        )
        .run(...key, artistId).lastId
    // While the album was empty its artist may have been purged, and be another row by now.
    this.#database
      .prepare('update album set empty_ms = null, artist_id = ? where id = ?')
      .run(artistId, id)
    this.#search.addAlbum(track.owner_id, id, { name: track.album, artist: artistKey })
    return id
  }

  #settleArtist(id: number): void {
    const emptied = this.#database
      .prepare<Owned>(
        `update artist set empty_ms = ? where id = ? and empty_ms is null
           and not exists (select 1 from track_artist where artist_id = artist.id) returning owner_id`,
      )
      .get(this.#clock.now(), id)
    if (emptied !== undefined) this.#search.remove('artist_search', emptied.owner_id, id)
  }

  #settleAlbum(id: number): void {
    const emptied = this.#database
      .prepare<Owned>(
        `update album set empty_ms = ? where id = ? and empty_ms is null
           and not exists (select 1 from track where state = ${shown} and album_id = album.id)
         returning owner_id`,
      )
      .get(this.#clock.now(), id)
    if (emptied !== undefined) this.#search.remove('album_search', emptied.owner_id, id)
  }
}

/** The numbers of a place on the shelf. */
export interface Spot {
  readonly artistId: number | null
  readonly albumId: number
  readonly credits: readonly Credit[]
}

/** Somebody who plays, or whose album it is; of several spellings on one track the smallest. */
interface Credit {
  readonly artistId: number
  readonly name: string
}

interface Kept {
  readonly id: number
  readonly empty_ms: number | null
}

interface Owned {
  readonly owner_id: number
}

/** Shown tracks of one folder and album whose tags name no album artist. */
const inGroup = `source_id = ? and folder = ? and album_key = ? and release = ?
  and state = ${shown} and lead_key is not null`

function groupOf(track: TrackContent): [number, string, string, string] {
  return [track.source_id, track.folder, track.album_key, track.release]
}

/** The column holds what `entryOf` gave: at least one name. */
function namesOf(track: TrackContent): [string, ...string[]] {
  return JSON.parse(track.artists) as [string, ...string[]]
}
