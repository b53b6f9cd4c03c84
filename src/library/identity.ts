import { hash } from 'node:crypto'
import type { Item } from '../engine/handler.ts'
import { fold } from './spelling.ts'
import type { Tags } from './tags.ts'

/**
 * What makes a file the same file after it has moved, strongest level first. Two files are the same at a level when
 * both have it and it is equal:
 *
 * - `stableId`, within one source: the remote's own name for the file, which survives a move
 * - `contentHash`, within one owner: the same bytes
 * - `fingerprint`, within one owner: the same title, artist, album, numbers, duration and size
 */
export interface Identity {
  readonly stableId: string | null
  readonly contentHash: string | null
  readonly fingerprint: string | null
}

export function identityOf(item: Item, tags: Tags, contentHash?: string): Identity {
  return {
    stableId: item.id ?? null,
    contentHash: contentHash ?? null,
    fingerprint: fingerprintOf(tags, item.size),
  }
}

export function isSameFile(one: Identity, other: Identity): boolean {
  return (
    isEqual(one.stableId, other.stableId) ||
    isEqual(one.contentHash, other.contentHash) ||
    isEqual(one.fingerprint, other.fingerprint)
  )
}

/** Content that was hidden keeps its identity for so long: 30 days. */
export const tombstoneMs = 30 * 24 * 60 * 60 * 1_000

/**
 * Of what the tags alone say: names made from the path would change with a move. A file without a title and without
 * a duration has none: its size alone says too little.
 */
function fingerprintOf(tags: Tags, size: number): string | null {
  const { title = '', artist = '', album = '', durationMs = null } = tags
  if (title === '' && durationMs === null) return null
  const named = [fold(title), fold(artist), fold(album), tags.disc ?? null, tags.track ?? null]
  const text = JSON.stringify([...named, durationMs, size])
  return hash('sha256', text, 'base64url').slice(0, fingerprintLength)
}

function isEqual(one: string | null, other: string | null): boolean {
  return one !== null && one === other
}

/** Characters of base64: 132 bits. */
const fingerprintLength = 22
