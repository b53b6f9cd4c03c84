import type { Clock } from '../../base/clock.ts'
import { SyncError } from '../../base/errors.ts'
import type { Effect, EffectWriter, Item } from '../../engine/handler.ts'
import type { CopyEffect, LibraryEffect, TrackEffect } from '../../library/effect.ts'
import { isSameFile, tombstoneMs } from '../../library/identity.ts'
import type { Tags } from '../../library/tags.ts'
import { CoverPlaces } from './cover-places.ts'
import type { Database } from './database.ts'
import { Shelf } from './shelf.ts'
import {
  contentOf,
  gone,
  identityOfRow,
  isSameContent,
  shown,
  TrackRows,
  type TrackContent,
  type TrackRow,
} from './track-rows.ts'

export interface LibraryWriterParts {
  readonly database: Database
  readonly clock: Clock
}

/**
 * Files become tracks. Called inside the transaction that ends a task.
 *
 * A track is its file, wherever that moves: `applied` at a new place gives a tombstone of the same file its life
 * back there; `gone` hands the track on to the place where the same file has appeared meanwhile. A file written over
 * another one is a change of that track, as a retagged file is.
 */
export class LibraryWriter implements EffectWriter {
  readonly #database: Database
  readonly #clock: Clock
  readonly #tracks: TrackRows
  readonly #shelf: Shelf
  readonly #covers: CoverPlaces

  constructor({ database, clock }: LibraryWriterParts) {
    this.#database = database
    this.#clock = clock
    this.#tracks = new TrackRows(database)
    this.#shelf = new Shelf(database, clock)
    this.#covers = new CoverPlaces(database)
  }

  applied(item: Item, effect: Effect): void {
    // The handler of the library makes no other effects; app/wire.ts puts the two together.
    const change = effect as LibraryEffect
    if (change.kind === 'picture') {
      this.#dismiss(item)
      this.#covers.picture(item, change.rank)
      return
    }
    const read = change.kind === 'copy' ? this.#original(item, change) : change
    this.#covers.embedded(item, read.tags.cover)
    this.#keep(contentOf(item, read))
  }

  skipped(item: Item): void {
    this.#covers.forget(item.rowId)
    const track = this.#tracks.at(item.rowId)
    if (track?.state === shown) this.#shelf.remove(track)
  }

  gone(item: Item, roundStartMs: number): void {
    this.#covers.forget(item.rowId)
    const track = this.#tracks.at(item.rowId)
    if (track === undefined || track.state === gone) return
    const heir = this.#tracks.heir(track, roundStartMs)
    if (heir === undefined) this.#bury(track)
    else this.#handOn(track, heir)
  }

  sourceRemoved(sourceId: number): void {
    this.#covers.clear(sourceId)
    this.#shelf.clear(sourceId)
  }

  /**
   * Forgets for good what has been gone, or empty, since before `beforeMs`: at most `limit` tracks, artists and
   * albums each. Gives how many there were; call again while it is not 0.
   */
  purge(beforeMs: number, limit: number): number {
    let purged = 0
    for (const [table, since] of [
      ['track', `state = ${gone} and gone_ms`],
      ['album', 'empty_ms'],
      ['artist', 'empty_ms'],
    ] as const) {
      purged += this.#database
        .prepare(
          `delete from ${table} where id in (select id from ${table} where ${since} < ? limit ?)`,
        )
        .run(beforeMs, limit).changes
    }
    return purged
  }

  #keep(content: TrackContent): void {
    const present = content.item_id === null ? undefined : this.#tracks.at(content.item_id)
    if (present === undefined) this.#welcome(content)
    else if (present.state !== gone) this.#change(present, content)
    else if (isSameFile(identityOfRow(present), identityOfRow(content))) {
      this.#revive(present, content)
    } else {
      // Another file where one used to be: it is nobody's tombstone, and the one that lay here may turn up elsewhere.
      this.#tracks.detach(present.id)
      this.#welcome(content)
    }
  }

  #change(track: TrackRow, content: TrackContent): void {
    if (track.state === shown) {
      if (isSameContent(track, content)) return
      this.#shelf.remove(track)
    }
    this.#show(track.id, content, track.fresh_ms)
  }

  #welcome(content: TrackContent): void {
    const now = this.#clock.now()
    const tombstone = this.#tracks.tombstone(content, now - tombstoneMs)
    if (tombstone === undefined) this.#show(null, content, now)
    else this.#revive(tombstone, content)
  }

  /** Recognised once, it is not fresh any more: no second tombstone may claim it. */
  #revive(track: TrackRow, content: TrackContent): void {
    this.#show(track.id, content, null)
  }

  /** `trackId` null: a track that there has not been before. */
  #show(trackId: number | null, content: TrackContent, freshMs: number | null): void {
    const spot = this.#shelf.spot(content)
    const placing = { artistId: spot.artistId, albumId: spot.albumId, freshMs }
    if (trackId !== null) this.#tracks.update(trackId, content, placing)
    const id = trackId ?? this.#tracks.insert(content, placing)
    this.#shelf.add(id, content, spot)
  }

  #handOn(track: TrackRow, heir: TrackRow): void {
    if (track.state === shown) this.#shelf.remove(track)
    this.#shelf.remove(heir)
    this.#tracks.delete(heir.id)
    this.#revive(track, heir)
  }

  #bury(track: TrackRow): void {
    if (track.state === shown) this.#shelf.remove(track)
    this.#tracks.bury(track.id, this.#clock.now())
  }

  /** The item holds no audio any more. */
  #dismiss(item: Item): void {
    const track = this.#tracks.at(item.rowId)
    if (track !== undefined && track.state !== gone) this.#bury(track)
  }

  #original(item: Item, copy: CopyEffect): TrackEffect {
    const row = this.#database
      .prepare<Pick<TrackRow, 'tags' | 'content_hash'>>(
        'select tags, content_hash from track where item_id = ? and version = ?',
      )
      .get(copy.from, copy.fromVersion)
    if (row === undefined) {
      throw new SyncError(
        'changed',
        `"${item.path.join('/')}" was to become a copy of a file that has changed since.`,
      )
    }
    return {
      kind: 'track',
      // Written by this class from Tags.
      tags: JSON.parse(row.tags) as Tags,
      names: copy.names,
      ...(row.content_hash === null ? {} : { contentHash: row.content_hash }),
    }
  }
}
