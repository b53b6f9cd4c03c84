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
  albumGroup,
  albumOf,
  albumsSql,
  artistColumns,
  artistOf,
  coverColumns,
  coverOf,
  pathOf,
  tagsOf,
  trackColumns,
  trackOf,
  type AlbumRow,
  type ArtistRow,
  type CatalogueTrackRow,
  type CoverRow,
} from './catalogue-rows.ts'
import { decodeMark, encodeMark, type PageMark } from './page-mark.ts'
import { isThere } from './removal.ts'
import { hasRemovedMusic, withoutRemoved } from './removed-music.ts'
import type { SearchIndex, SearchQuestion } from './search-index.ts'
import type { Sql, SqlValue } from './sql.ts'

export interface CatalogueParts {
  readonly db: Sql
  readonly search: SearchIndex
}

/** Owners' music in a database. The promises are the port's. */
export class SqlCatalogue implements Catalogue {
  readonly #db: Sql
  readonly #search: SearchIndex

  constructor({ db, search }: CatalogueParts) {
    this.#db = db
    this.#search = search
  }

  async tracks(query: TrackQuery): Promise<TrackPage> {
    const { sql, values } = tracksQuery(query)
    const rows = await this.#of<CatalogueTrackRow>(query.ownerId, sql, values)
    const { page, next } = cut(rows, query.limit, trackMark)
    return { tracks: page.map(trackOf), ...next }
  }

  async track(ownerId: number, id: number): Promise<Track | null> {
    const [track] = await this.#tracks(ownerId, [id])
    return track ?? null
  }

  async file(ownerId: number, trackId: number): Promise<TrackFile | null> {
    const [row] = await this.#of<FileRow>(
      ownerId,
      `select track.source_id, item.key, item.path, track.size, track.version, track.tags
       from track join item on item.id = track.item_id
       where track.id = ? and track.owner_id = ? and track.state = 0`,
      [trackId, ownerId],
    )
    if (row === undefined) return null
    const { source_id: sourceId, key, path, size, version } = row
    return { sourceId, item: { key, path: pathOf(path), size, version }, codec: tagsOf(row).codec }
  }

  async artists(query: ArtistQuery): Promise<ArtistPage> {
    const [after] = query.after === undefined ? [''] : decodeMark(query.after, [''])
    const rows = await this.#of<ArtistRow>(
      query.ownerId,
      `select ${artistColumns} from artist
       where owner_id = ? and key > ? and empty_ms is null order by key limit ?`,
      [query.ownerId, after ?? '', checkedLimit(query.limit) + 1],
    )
    const { page, next } = cut(rows, query.limit, ({ key }) => [key])
    return { artists: page.map(artistOf), ...next }
  }

  async artist(ownerId: number, id: number): Promise<Artist | null> {
    const [artist] = await this.#artists(ownerId, [id])
    return artist ?? null
  }

  async albums(query: AlbumQuery): Promise<AlbumPage> {
    const { sql, values } = albumsQuery(query)
    const rows = await this.#of<AlbumRow>(query.ownerId, sql, values)
    const { page, next } = cut(rows, query.limit, albumMark)
    return { albums: page.map(albumOf), ...next }
  }

  async album(ownerId: number, id: number): Promise<Album | null> {
    const [album] = await this.#albums(ownerId, [id])
    return album ?? null
  }

  async search(ownerId: number, text: string, limit: number): Promise<SearchResult> {
    checkedLimit(limit)
    const hasRemoved = await hasRemovedMusic(this.#db, ownerId)
    const question = { ownerId, text, limit, hasRemoved }
    const artists = await this.#found({ ...question, kind: 'artist' })
    const albums = await this.#found({ ...question, kind: 'album' })
    const tracks = await this.#found({ ...question, kind: 'track' })
    return {
      artists: await this.#artists(ownerId, artists),
      albums: await this.#albums(ownerId, albums),
      tracks: await this.#tracks(ownerId, tracks),
    }
  }

  async counts(ownerId: number): Promise<LibraryCounts> {
    const [counts] = await this.#of<LibraryCounts>(
      ownerId,
      `select count(*) as tracks, cast(coalesce(sum(duration_ms), 0) as bigint) as "durationMs",
         cast(coalesce(sum(size), 0) as bigint) as bytes,
         (select count(*) from album where owner_id = ?1 and empty_ms is null) as albums,
         (select count(*) from artist where owner_id = ?1 and empty_ms is null) as artists
       from track where owner_id = ?1 and state = 0`,
      [ownerId],
    )
    return { ...(counts ?? { tracks: 0, albums: 0, artists: 0, durationMs: 0, bytes: 0 }) }
  }

  async cover(id: number): Promise<Cover | null> {
    const row = await this.#db.get<CoverRow>(
      `select ${coverColumns} from cover join item on item.id = cover.item_id
         join source on source.id = cover.source_id
       where cover.item_id = ? and ${isThere}`,
      id,
    )
    return row === undefined ? null : coverOf(row)
  }

  async keepCover(cover: Cover, hash: string, mime: string): Promise<void> {
    await this.#db.run(
      'update cover set hash = ?, hash_mime = ? where item_id = ? and version = ?',
      hash,
      mime,
      cover.id,
      cover.item.version,
    )
  }

  /** A selection from the library of an owner. */
  async #of<Row>(ownerId: number, text: string, values: readonly SqlValue[]): Promise<Row[]> {
    const hasRemoved = await hasRemovedMusic(this.#db, ownerId)
    return this.#db.all<Row>(hasRemoved ? withoutRemoved(text) : text, ...values)
  }

  async #tracks(ownerId: number, ids: readonly number[]): Promise<Track[]> {
    if (ids.length === 0) return []
    const rows = await this.#of<CatalogueTrackRow>(
      ownerId,
      `select ${trackColumns} from track join album on album.id = track.album_id
       where track.id = any(?) and track.owner_id = ? and track.state = 0`,
      [ids, ownerId],
    )
    return inOrder(ids, rows).map(trackOf)
  }

  async #artists(ownerId: number, ids: readonly number[]): Promise<Artist[]> {
    if (ids.length === 0) return []
    const rows = await this.#of<ArtistRow>(
      ownerId,
      `select ${artistColumns} from artist where id = any(?) and owner_id = ? and empty_ms is null`,
      [ids, ownerId],
    )
    return inOrder(ids, rows).map(artistOf)
  }

  async #albums(ownerId: number, ids: readonly number[]): Promise<Album[]> {
    if (ids.length === 0) return []
    const rows = await this.#of<AlbumRow>(
      ownerId,
      albumsSql('select * from album where id = any(?) and owner_id = ? and empty_ms is null'),
      [ids, ownerId],
    )
    return inOrder(ids, rows).map(albumOf)
  }

  /** First those whose own name holds every word, then those that have the words anywhere. */
  async #found(question: Omit<SearchQuestion, 'isNamed'>): Promise<number[]> {
    const named = await this.#search.find(this.#db, { ...question, isNamed: true })
    // Artists are found by nothing but their names.
    if (named.length === question.limit || question.kind === 'artist') return named
    const others = await this.#search.find(this.#db, { ...question, isNamed: false })
    return [...new Set([...named, ...others])].slice(0, question.limit)
  }
}

function inOrder<Row extends { readonly id: number }>(
  ids: readonly number[],
  rows: readonly Row[],
): Row[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

interface FileRow {
  readonly source_id: number
  readonly key: string
  readonly path: string
  readonly size: number
  readonly version: string
  readonly tags: string
}

/** A text and its values. */
export interface Query {
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
      `select * from album where ${where.join(' and ')} order by ${albumGroup('album')} limit ?`,
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
