import { SyncError } from '../../base/errors.ts'
import {
  maxPage,
  type Album,
  type AlbumPage,
  type AlbumQuery,
  type Artist,
  type ArtistPage,
  type ArtistQuery,
  type Catalogue,
  type Cover,
  type LibraryCounts,
  type SearchResult,
  type Track,
  type TrackFile,
  type TrackPage,
  type TrackQuery,
} from '../../library/catalogue.ts'
import {
  albumOf,
  albumsSql,
  artistColumns,
  artistOf,
  coverColumns,
  coverOf,
  pathOf,
  trackColumns,
  trackOf,
  type AlbumRow,
  type ArtistRow,
  type CatalogueTrackRow,
  type CoverRow,
} from './catalogue-rows.ts'
import type { Database, SqlValue } from './database.ts'
import { decodeMark, encodeMark, type PageMark } from './page-mark.ts'
import { matchOf, SearchIndex } from './search-index.ts'

/** Owners' music in SQLite. Every question is answered at once; the promises are the port's. */
export class SqliteCatalogue implements Catalogue {
  readonly #database: Database
  readonly #search: SearchIndex

  constructor(database: Database) {
    this.#database = database
    this.#search = new SearchIndex(database)
  }

  async tracks(query: TrackQuery): Promise<TrackPage> {
    const { sql, values } = tracksQuery(query)
    const rows = this.#database.prepare<CatalogueTrackRow>(sql).all(...values)
    const { page, next } = cut(rows, query.limit, trackMark)
    return { tracks: page.map(trackOf), ...next }
  }

  async track(ownerId: number, id: number): Promise<Track | null> {
    return this.#track(ownerId, id)
  }

  async file(ownerId: number, trackId: number): Promise<TrackFile | null> {
    const row = this.#database
      .prepare<FileRow>(
        `select track.source_id, item.key, item.path, track.size, track.version, track.tags ->> '$.codec' as codec
         from track join item on item.id = track.item_id
         where track.id = ? and track.owner_id = ? and track.state = 0`,
      )
      .get(trackId, ownerId)
    if (row === undefined) return null
    const { key, path, size, version, codec } = row
    return { sourceId: row.source_id, item: { key, path: pathOf(path), size, version }, codec }
  }

  async artists(query: ArtistQuery): Promise<ArtistPage> {
    const [after] = query.after === undefined ? [''] : decodeMark(query.after, [''])
    const rows = this.#database
      .prepare<ArtistRow>(
        `select ${artistColumns} from artist
         where owner_id = ? and key > ? and empty_ms is null order by key limit ?`,
      )
      .all(query.ownerId, after ?? '', checkedLimit(query.limit) + 1)
    const { page, next } = cut(rows, query.limit, ({ key }) => [key])
    return { artists: page.map(artistOf), ...next }
  }

  async artist(ownerId: number, id: number): Promise<Artist | null> {
    return this.#artist(ownerId, id)
  }

  async albums(query: AlbumQuery): Promise<AlbumPage> {
    const { sql, values } = albumsQuery(query)
    const rows = this.#database.prepare<AlbumRow>(sql).all(...values)
    const { page, next } = cut(rows, query.limit, albumMark)
    return { albums: page.map(albumOf), ...next }
  }

  async album(ownerId: number, id: number): Promise<Album | null> {
    return this.#album(ownerId, id)
  }

  async search(ownerId: number, text: string, limit: number): Promise<SearchResult> {
    checkedLimit(limit)
    const match = matchOf(text)
    if (match === null) return { artists: [], albums: [], tracks: [] }
    const artists = this.#search.find('artist_search', ownerId, match, limit)
    const albums = this.#namedFirst('album_search', 'name', { ownerId, match, limit })
    const tracks = this.#namedFirst('track_search', 'title', { ownerId, match, limit })
    return {
      artists: artists.map((id) => this.#artist(ownerId, id)).filter((found) => found !== null),
      albums: albums.map((id) => this.#album(ownerId, id)).filter((found) => found !== null),
      tracks: tracks.map((id) => this.#track(ownerId, id)).filter((found) => found !== null),
    }
  }

  async counts(ownerId: number): Promise<LibraryCounts> {
    const counts = this.#database
      .prepare<LibraryCounts>(
        `select count(*) as tracks, coalesce(sum(duration_ms), 0) as durationMs, coalesce(sum(size), 0) as bytes,
           (select count(*) from album where owner_id = ?1 and empty_ms is null) as albums,
           (select count(*) from artist where owner_id = ?1 and empty_ms is null) as artists
         from track where owner_id = ?1 and state = 0`,
      )
      .get(ownerId)
    return { ...(counts ?? { tracks: 0, albums: 0, artists: 0, durationMs: 0, bytes: 0 }) }
  }

  async cover(id: number): Promise<Cover | null> {
    const row = this.#database
      .prepare<CoverRow>(
        `select ${coverColumns} from cover join item on item.id = cover.item_id where cover.item_id = ?`,
      )
      .get(id)
    return row === undefined ? null : coverOf(row)
  }

  async keepCover(cover: Cover, hash: string, mime: string): Promise<void> {
    this.#database
      .prepare('update cover set hash = ?, hash_mime = ? where item_id = ? and version = ?')
      .run(hash, mime, cover.id, cover.item.version)
  }

  #track(ownerId: number, id: number): Track | null {
    const row = this.#database
      .prepare<CatalogueTrackRow>(
        `select ${trackColumns} from track join album on album.id = track.album_id
         where track.id = ? and track.owner_id = ? and track.state = 0`,
      )
      .get(id, ownerId)
    return row === undefined ? null : trackOf(row)
  }

  #artist(ownerId: number, id: number): Artist | null {
    const row = this.#database
      .prepare<ArtistRow>(
        `select ${artistColumns} from artist where id = ? and owner_id = ? and empty_ms is null`,
      )
      .get(id, ownerId)
    return row === undefined ? null : artistOf(row)
  }

  #album(ownerId: number, id: number): Album | null {
    const row = this.#database
      .prepare<AlbumRow>(
        albumsSql('select * from album where id = ? and owner_id = ? and empty_ms is null'),
      )
      .get(id, ownerId)
    return row === undefined ? null : albumOf(row)
  }

  /** First those whose own name holds every word, then those that have the words anywhere. */
  #namedFirst(
    table: 'track_search' | 'album_search',
    name: string,
    { ownerId, match, limit }: { ownerId: number; match: string; limit: number },
  ): number[] {
    const named = this.#search.find(table, ownerId, `${name} : (${match})`, limit)
    if (named.length === limit) return named
    const others = this.#search.find(table, ownerId, match, limit)
    return [...new Set([...named, ...others])].slice(0, limit)
  }
}

interface FileRow {
  readonly source_id: number
  readonly key: string
  readonly path: string
  readonly size: number
  readonly version: string
  readonly codec: string
}

interface Query {
  readonly sql: string
  readonly values: readonly SqlValue[]
}

/**
 * Walks the albums in order and the tracks of each in order, both by an index, so that a page costs what is on it.
 * Tracks of one artist are few enough to be sorted.
 */
export function tracksQuery(query: TrackQuery): Query {
  const where = ['album.owner_id = ?', 'album.empty_ms is null']
  const values: SqlValue[] = [query.ownerId]
  const only = (condition: string, ...given: readonly SqlValue[]): void => {
    where.push(condition)
    values.push(...given)
  }
  if (query.artistId !== undefined) only('link.artist_id = ?', query.artistId)
  if (query.albumId !== undefined) only('album.id = ?', query.albumId)
  if (query.sourceId !== undefined) only('track.source_id = ?', query.sourceId)
  if (query.after !== undefined) {
    const mark = decodeMark(query.after, ['', '', '', 0, 0, '', 0])
    only(`(${albumOrder}) >= (?, ?, ?)`, ...mark.slice(0, 3))
    only(`(${trackOrder}) > (?, ?, ?, ?, ?, ?, ?)`, ...mark)
  }
  const from =
    query.artistId === undefined
      ? 'album cross join track on track.album_id = album.id and track.state = 0'
      : `track_artist as link cross join track on track.id = link.track_id
         cross join album on album.id = track.album_id`
  return {
    sql: `select ${trackColumns} from ${from}
      where ${where.join(' and ')} order by ${trackOrder} limit ?`,
    values: [...values, checkedLimit(query.limit) + 1],
  }
}

export function albumsQuery(query: AlbumQuery): Query {
  const where = ['album.owner_id = ?', 'album.empty_ms is null']
  const values: SqlValue[] = [query.ownerId]
  if (query.artistId !== undefined) {
    where.push('album.artist_id = ?')
    values.push(query.artistId)
  }
  if (query.after !== undefined) {
    where.push(`(${albumOrder}) > (?, ?, ?)`)
    values.push(...decodeMark(query.after, ['', '', '']))
  }
  return {
    sql: albumsSql(
      `select * from album where ${where.join(' and ')} order by ${albumOrder} limit ?`,
    ),
    values: [...values, checkedLimit(query.limit) + 1],
  }
}

const albumOrder = 'album.artist_key, album.key, album.release'
const trackOrder = `${albumOrder}, track.disc, track.track, track.path, track.id`

function trackMark(row: CatalogueTrackRow): PageMark {
  return [row.artist_key, row.key, row.release, row.disc, row.track, row.path, row.id]
}

function albumMark(row: AlbumRow): PageMark {
  return [row.artist_key, row.key, row.release]
}

/** One row more than asked for tells that there is another page; it begins there. */
function cut<Row>(
  rows: Row[],
  limit: number,
  markOf: (row: Row) => PageMark,
): { page: Row[]; next: { next?: string } } {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  if (rows.length <= limit || last === undefined) return { page, next: {} }
  return { page, next: { next: encodeMark(markOf(last)) } }
}

function checkedLimit(limit: number): number {
  if (Number.isInteger(limit) && limit >= 1 && limit <= maxPage) return limit
  throw new SyncError(
    'bad-input',
    `A page holds 1 to ${maxPage} rows; --limit or limit= must be such a number.`,
  )
}
