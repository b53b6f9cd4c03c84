import { settleAlbums } from './album-rows.ts'
import {
  groupsOf,
  keyOf,
  leadsOf,
  membersOf,
  mixedGroups,
  type Group,
  type Leads,
} from './album-groups.ts'
import { settleArtists } from './artist-rows.ts'
import type { SearchEntry, SearchIndex } from './search-index.ts'
import type { Transaction } from './sql.ts'
import { numberOf, spotsOf, type Arrival, type Spot } from './spots.ts'
import { artistsOf } from './track-content.ts'
import {
  deleteTracks,
  hideTracks,
  insertTracks,
  shown,
  updateTracks,
  type ClearedTrack,
  type KnownTrack,
  type NewTrack,
  type TrackRow,
} from './track-rows.ts'

/** What happens on the shelf at once. */
export interface ShelfChange {
  /** Shown tracks that are taken off; they are hidden, unless they arrive again. */
  readonly off?: readonly TrackRow[]
  readonly on?: readonly Arrival[]
}

/**
 * Where shown tracks stand: with their artists, in an album, in the search index. Whose album it is follows from the
 * tracks that stand there now, so the same tracks in any order stand the same way. An artist or album that nothing
 * shown belongs to is empty: not shown itself, and back under its id when something comes.
 *
 * Nobody else changes the libraries of the same owners meanwhile: who writes effects has locked their lanes.
 */
export class Shelf {
  readonly #search: SearchIndex

  constructor(search: SearchIndex) {
    this.#search = search
  }

  /** Takes as many statements for many tracks as for one. */
  async change(tx: Transaction, { off = [], on = [] }: ShelfChange): Promise<void> {
    const contents = on.map(({ content }) => content)
    const groups = groupsOf([...off, ...contents])
    const before = await leadsOf(tx, groups)
    await this.#hide(tx, off)
    const left = off.length === 0 ? before : await leadsOf(tx, groups)
    const mixed = mixedGroups(left, contents)
    const moving = await membersOf(tx, turnedGroups(groups, { before, left, mixed }))
    const leaving = [...off, ...moving]
    const artists = await unlink(tx, leaving)

    const spots = await spotsOf(tx, this.#search, [...on, ...moving.map(again)], mixed)
    const standing = await show(tx, spots)
    await link(tx, standing)
    await this.#search.add(tx, 'track', standing.slice(0, on.length).map(entryOf))

    await settleArtists(tx, this.#search, artists)
    await settleAlbums(tx, this.#search, albumsOf(leaving))
  }

  /** Deletes tracks of a source that is gone, with all others of it: none of them is looked at any more. */
  async clear(tx: Transaction, tracks: readonly ClearedTrack[]): Promise<void> {
    const artists = await unlink(tx, tracks)
    await this.#search.remove(
      tx,
      'track',
      tracks.filter(({ state }) => state === shown),
    )
    await deleteTracks(
      tx,
      tracks.map(({ id }) => id),
    )
    await settleArtists(tx, this.#search, artists)
    await settleAlbums(tx, this.#search, albumsOf(tracks))
  }

  async #hide(tx: Transaction, tracks: readonly TrackRow[]): Promise<void> {
    if (tracks.length === 0) return
    await this.#search.remove(tx, 'track', tracks)
    await hideTracks(
      tx,
      tracks.map(({ id }) => id),
    )
  }
}

interface Looks {
  readonly before: ReadonlyMap<string, Leads>
  readonly left: ReadonlyMap<string, Leads>
  /** The groups that are compilations from now on. */
  readonly mixed: ReadonlySet<string>
}

/** The groups that have become compilations, or are none any more: who stays in them stands somewhere else now. */
function turnedGroups(groups: readonly Group[], { before, left, mixed }: Looks): Group[] {
  const former = mixedGroups(before)
  return groups.filter((group) => {
    const key = keyOf(group)
    return left.has(key) && former.has(key) !== mixed.has(key)
  })
}

/** It stays what it is, at another spot. */
function again(track: TrackRow): Arrival {
  return { id: track.id, content: track, freshMs: track.fresh_ms }
}

/** A spot, and the number of the track that stands there now. */
interface Standing extends Spot {
  readonly id: number
}

async function show(tx: Transaction, spots: readonly Spot[]): Promise<readonly Standing[]> {
  const [fresh, known]: [NewTrack[], KnownTrack[]] = [[], []]
  for (const { arrival, place } of spots) {
    const { id, content, freshMs } = arrival
    const track = { ...content, ...place, fresh_ms: freshMs }
    if (id === null) fresh.push(track)
    else known.push({ ...track, id })
  }
  await updateTracks(tx, known)
  const ids = await insertTracks(tx, fresh)
  return spots.map((spot) => ({
    ...spot,
    id: spot.arrival.id ?? numberOf(ids, spot.arrival.content.item_id),
  }))
}

async function link(tx: Transaction, standing: readonly Standing[]): Promise<void> {
  if (standing.length === 0) return
  const rows = standing.flatMap(({ id, credits }) =>
    credits.map((credit) => ({ track_id: id, ...credit })),
  )
  await tx.each(
    `insert into track_artist (track_id, artist_id, name) select r.track_id, r.artist_id, r.name
     from rows as r (track_id bigint, artist_id bigint, name text)`,
    rows,
  )
}

/** The artists the tracks were linked with. */
async function unlink(tx: Transaction, tracks: readonly Pick<TrackRow, 'id'>[]): Promise<number[]> {
  if (tracks.length === 0) return []
  const rows = await tx.all<{ id: number }>(
    'delete from track_artist where track_id = any(?) returning artist_id as id',
    tracks.map(({ id }) => id),
  )
  return [...new Set(rows.map(({ id }) => id))]
}

function albumsOf(tracks: readonly Pick<TrackRow, 'album_id'>[]): number[] {
  return [...new Set(tracks.flatMap(({ album_id: id }) => id ?? []))]
}

function entryOf({ id, arrival: { content } }: Standing): SearchEntry {
  const { owner_id, title, artist, album, album_artist: albumArtist, path } = content
  const rest = [artist, ...artistsOf(content), album, albumArtist ?? '', path].join(' ')
  return { id, owner_id, name: title, rest }
}
