import type { Item } from '../../engine/handler.ts'
import type { TrackEffect } from '../../library/effect.ts'
import { entryOf } from '../../library/entry.ts'
import { identityOf, type Identity } from '../../library/identity.ts'
import { fold } from '../../library/spelling.ts'
import type { Database, SqlValue } from './database.ts'

export const shown = 0
export const hidden = 1
export const gone = 2

/** What a file and its tags say, as columns. */
export interface TrackContent {
  readonly owner_id: number
  readonly source_id: number
  readonly item_id: number | null
  readonly version: string
  readonly stable_id: string | null
  readonly content_hash: string | null
  readonly fingerprint: string | null
  readonly path: string
  readonly folder: string
  readonly size: number
  readonly title: string
  readonly artist: string
  /** JSON: string[] */
  readonly artists: string
  readonly album: string
  readonly album_key: string
  readonly album_artist: string | null
  readonly lead_key: string | null
  readonly release: string
  readonly disc: number
  readonly track: number
  readonly year: number | null
  readonly duration_ms: number | null
  readonly is_compilation: number
  /** JSON: Tags */
  readonly tags: string
}

/** A track as it is kept; album and artist only while it is shown. */
export interface TrackRow extends TrackContent {
  readonly id: number
  readonly state: number
  readonly fresh_ms: number | null
  readonly gone_ms: number | null
  readonly artist_id: number | null
  readonly album_id: number | null
}

export function contentOf(item: Item, effect: TrackEffect): TrackContent {
  const { tags, names } = effect
  const entry = entryOf(tags, names)
  const identity = identityOf(item, tags, effect.contentHash)
  return {
    owner_id: item.ownerId,
    source_id: item.sourceId,
    item_id: item.rowId,
    version: item.version,
    stable_id: identity.stableId,
    content_hash: identity.contentHash,
    fingerprint: identity.fingerprint,
    path: item.path.join('/'),
    folder: folderOf(item),
    size: item.size,
    title: entry.title,
    artist: entry.artist,
    artists: JSON.stringify(entry.artists),
    album: entry.album,
    album_key: fold(entry.album),
    album_artist: entry.albumArtist,
    lead_key: entry.albumArtist === null ? entry.leadKey : null,
    release: entry.release,
    disc: entry.disc,
    track: entry.track,
    year: tags.year ?? null,
    duration_ms: tags.durationMs === undefined ? null : Math.round(tags.durationMs),
    is_compilation: tags.isCompilation ? 1 : 0,
    tags: JSON.stringify(tags),
  }
}

export function folderOf(item: Item): string {
  return item.path.slice(0, -1).join('/')
}

export function identityOfRow(row: TrackContent): Identity {
  return {
    stableId: row.stable_id,
    contentHash: row.content_hash,
    fingerprint: row.fingerprint,
  }
}

export function isSameContent(one: TrackContent, other: TrackContent): boolean {
  return contentColumns.every((column) => one[column] === other[column])
}

/** The rows of the table of tracks, one at a time. */
export class TrackRows {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  at(itemId: number): TrackRow | undefined {
    return this.#database.prepare<TrackRow>('select * from track where item_id = ?').get(itemId)
  }

  /** A new track, shown at its spot. */
  insert(content: TrackContent, spot: Placing): number {
    return this.#database.prepare(insertSql).run(...valuesOf(content, spot)).lastId
  }

  /** Shows a track that is not shown with another content, and maybe another item. */
  update(id: number, content: TrackContent, spot: Placing): void {
    this.#database.prepare(updateSql).run(...valuesOf(content, spot), id)
  }

  bury(id: number, nowMs: number): void {
    this.#database
      .prepare(`update track set state = ${gone}, gone_ms = ? where id = ?`)
      .run(nowMs, id)
  }

  /** Leaves a tombstone to be found by its identity alone. */
  detach(id: number): void {
    this.#database.prepare('update track set item_id = null where id = ?').run(id)
  }

  delete(id: number): void {
    this.#database.prepare('delete from track where id = ?').run(id)
  }

  /** The tombstone of the same file, buried at `sinceMs` or later; the latest of several. */
  tombstone(content: TrackContent, sinceMs: number): TrackRow | undefined {
    return this.#alike(content, `state = ${gone} and gone_ms >= ? order by gone_ms desc, id`, [
      sinceMs,
    ])
  }

  /** The same file at another place, where it first appeared at `sinceMs` or later. */
  heir(track: TrackRow, sinceMs: number): TrackRow | undefined {
    return this.#alike(track, `state = ${shown} and fresh_ms >= ? and id <> ? order by id`, [
      sinceMs,
      track.id,
    ])
  }

  #alike(content: TrackContent, where: string, values: readonly number[]): TrackRow | undefined {
    for (const [level, scope] of identityLevels) {
      const value = content[level]
      if (value === null) continue
      const found = this.#database
        .prepare<TrackRow>(
          `select * from track where ${scope} = ? and ${level} = ? and ${where} limit 1`,
        )
        .get(content[scope], value, ...values)
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** Where a shown track stands, and since when it is fresh. */
export interface Placing {
  readonly artistId: number | null
  readonly albumId: number
  readonly freshMs: number | null
}

function valuesOf(content: TrackContent, { artistId, albumId, freshMs }: Placing): SqlValue[] {
  return [...contentColumns.map((column) => content[column]), artistId, albumId, freshMs]
}

/** Of `Identity`, the strongest first, each with what it is unique in. */
const identityLevels = [
  ['stable_id', 'source_id'],
  ['content_hash', 'owner_id'],
  ['fingerprint', 'owner_id'],
] as const

const contentColumns = [
  'owner_id',
  'source_id',
  'item_id',
  'version',
  'stable_id',
  'content_hash',
  'fingerprint',
  'path',
  'folder',
  'size',
  'title',
  'artist',
  'artists',
  'album',
  'album_key',
  'album_artist',
  'lead_key',
  'release',
  'disc',
  'track',
  'year',
  'duration_ms',
  'is_compilation',
  'tags',
] as const satisfies readonly (keyof TrackContent)[]

const insertSql = `insert into track (${contentColumns.join(', ')}, artist_id, album_id, fresh_ms, state)
  values (${contentColumns.map(() => '?').join(', ')}, ?, ?, ?, ${shown})`

const updateSql = `update track set ${contentColumns.map((column) => `${column} = ?`).join(', ')},
  artist_id = ?, album_id = ?, fresh_ms = ?, gone_ms = null, state = ${shown} where id = ?`
