import type { Item } from '../../engine/handler.ts'
import type { TrackEffect } from '../../library/effect.ts'
import { entryOf } from '../../library/entry.ts'
import { identityOf, type Identity } from '../../library/identity.ts'
import { fold } from '../../library/spelling.ts'
import { keyOf, maxNameKey, maxPlaceKey, storable } from './library-text.ts'

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

export function contentOf(item: Item, effect: TrackEffect): TrackContent {
  const { tags, names } = effect
  const entry = entryOf(tags, names)
  const identity = identityOf(item, tags, effect.contentHash)
  return {
    owner_id: item.ownerId,
    source_id: item.sourceId,
    item_id: item.rowId,
    version: storable(item.version),
    stable_id: identity.stableId === null ? null : keyOf(identity.stableId, maxPlaceKey),
    content_hash: identity.contentHash === null ? null : keyOf(identity.contentHash, maxPlaceKey),
    fingerprint: identity.fingerprint,
    path: storable(item.path.join('/')),
    folder: folderOf(item),
    size: item.size,
    title: storable(entry.title),
    artist: storable(entry.artist),
    artists: JSON.stringify(entry.artists.map(storable)),
    album: storable(entry.album),
    album_key: nameKey(entry.album),
    album_artist: entry.albumArtist === null ? null : storable(entry.albumArtist),
    lead_key: entry.albumArtist === null ? keyOf(entry.leadKey, maxNameKey) : null,
    release: keyOf(entry.release, maxNameKey),
    disc: entry.disc,
    track: entry.track,
    year: tags.year ?? null,
    duration_ms: tags.durationMs === undefined ? null : Math.round(tags.durationMs),
    is_compilation: tags.isCompilation ? 1 : 0,
    tags: JSON.stringify(tags),
  }
}

/** What a name is found by, however it is spelled. */
export function nameKey(name: string): string {
  return keyOf(fold(name), maxNameKey)
}

/** What the folder of an item is found by. */
export function folderOf(item: Item): string {
  return keyOf(item.path.slice(0, -1).join('/'), maxPlaceKey)
}

/** Everybody who plays, at least one: the column holds what `entryOf` gave. */
export function artistsOf(content: TrackContent): [string, ...string[]] {
  return JSON.parse(content.artists) as [string, ...string[]]
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

/** With their types. */
export const contentTypes = {
  owner_id: 'bigint',
  source_id: 'bigint',
  item_id: 'bigint',
  version: 'text',
  stable_id: 'text',
  content_hash: 'text',
  fingerprint: 'text',
  path: 'text',
  folder: 'text',
  size: 'bigint',
  title: 'text',
  artist: 'text',
  artists: 'text',
  album: 'text',
  album_key: 'text',
  album_artist: 'text',
  lead_key: 'text',
  release: 'text',
  disc: 'bigint',
  track: 'bigint',
  year: 'bigint',
  duration_ms: 'bigint',
  is_compilation: 'int',
  tags: 'text',
} as const satisfies Record<keyof TrackContent, 'bigint' | 'int' | 'text'>

const contentColumns = Object.keys(contentTypes) as readonly (keyof TrackContent)[] // As written above.
