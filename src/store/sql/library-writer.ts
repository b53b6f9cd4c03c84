import { SyncError } from '../../base/errors.ts'
import type { EffectWriter, Item, Reading } from '../../engine/handler.ts'
import type { CopyEffect, LibraryEffect, TrackEffect } from '../../library/effect.ts'
import { isSameFile, tombstoneMs } from '../../library/identity.ts'
import type { Tags } from '../../library/tags.ts'
import { clearPictures, embeddedIn, forgetCovers, keepCovers, pictureOf } from './cover-places.ts'
import { storable } from './library-text.ts'
import type { SearchIndex } from './search-index.ts'
import { Shelf } from './shelf.ts'
import type { Arrival } from './spots.ts'
import type { SqlDatabase, Transaction } from './sql.ts'
import { contentOf, identityOfRow, isSameContent, type TrackContent } from './track-content.ts'
import {
  buryTracks,
  deleteTrack,
  detachTrack,
  gone,
  heirOf,
  itemsWithTombstones,
  raiseTrack,
  shown,
  tombstoneOf,
  trackAt,
  tracksAt,
  tracksOfSource,
  type TrackRow,
} from './track-rows.ts'

export interface LibraryWriterParts {
  readonly db: SqlDatabase
  readonly search: SearchIndex
}

/**
 * Files become tracks. Called inside the transaction that ends tasks.
 *
 * A track is its file, wherever that moves: `applied` at a new place gives a tombstone of the same file its life
 * back there; `gone` hands the track on to the place where the same file has appeared meanwhile. A file written over
 * another one is a change of that track, as a retagged file is.
 */
export class LibraryWriter implements EffectWriter<Transaction> {
  readonly #db: SqlDatabase
  readonly #shelf: Shelf

  constructor({ db, search }: LibraryWriterParts) {
    this.#db = db
    this.#shelf = new Shelf(search)
  }

  async applied(tx: Transaction, readings: readonly Reading[]): Promise<void> {
    // Of an item that was read several times the last one counts.
    const last = new Map(readings.map((reading) => [reading.item.rowId, reading]))
    const { pictures, files } = sorted([...last.values()])
    await this.#keepPictures(tx, pictures)
    await this.#keepTracks(tx, await opened(tx, files))
  }

  async skipped(tx: Transaction, item: Item): Promise<void> {
    await forgetCovers(tx, [item.rowId])
    const track = await trackAt(tx, item.rowId)
    if (track?.state === shown) await this.#shelf.change(tx, { off: [track] })
  }

  async gone(tx: Transaction, item: Item, sinceMs: number): Promise<void> {
    await forgetCovers(tx, [item.rowId])
    const track = await trackAt(tx, item.rowId)
    if (track === undefined || track.state === gone) return
    const heir = await heirOf(tx, track, sinceMs)
    if (heir === undefined) await this.#bury(tx, [track])
    else await this.#handOn(tx, track, heir)
  }

  async sourceRemoved(tx: Transaction, sourceId: number, limit: number): Promise<number> {
    const tracks = await tracksOfSource(tx, sourceId, limit)
    if (tracks.length > 0) {
      await forgetCovers(
        tx,
        tracks.flatMap(({ item_id: itemId }) => itemId ?? []),
      )
      await this.#shelf.clear(tx, tracks)
    }
    if (tracks.length === limit) return limit
    return tracks.length + (await clearPictures(tx, sourceId, limit - tracks.length))
  }

  /**
   * Forgets for good what has been gone, or empty, since before `beforeMs`: at most `limit` tracks, artists and
   * albums each. Gives how many there were; call again while it is not 0.
   */
  async purge(beforeMs: number, limit: number): Promise<number> {
    return this.#db.transaction(async (tx) => {
      let purged = 0
      for (const [table, since] of [
        ['track', `state = ${gone} and gone_ms`],
        ['album', 'empty_ms'],
        ['artist', 'empty_ms'],
      ] as const) {
        // Said twice: what comes back at this very moment is looked at once more.
        purged += await tx.run(
          `delete from ${table} where ${since} < ?1
             and id in (select id from ${table} where ${since} < ?1 limit ?2)`,
          beforeMs,
          limit,
        )
      }
      return purged
    })
  }

  async #keepPictures(tx: Transaction, pictures: readonly Picture[]): Promise<void> {
    await keepCovers(
      tx,
      pictures.map(({ item, rank }) => pictureOf(item, rank)),
    )
    // Items that hold no audio any more.
    const tracks = await tracksAt(
      tx,
      pictures.map(({ item }) => item.rowId),
    )
    await this.#bury(
      tx,
      [...tracks.values()].filter(({ state }) => state !== gone),
    )
  }

  async #keepTracks(tx: Transaction, files: readonly Read[]): Promise<void> {
    await keepCovers(
      tx,
      files.flatMap(({ item, read }) => embeddedIn(item, read.tags.cover) ?? []),
    )
    await forgetCovers(
      tx,
      files.flatMap(({ item, read }) => (read.tags.cover === undefined ? item.rowId : [])),
    )
    const present = await tracksAt(
      tx,
      files.map(({ item }) => item.rowId),
    )
    const [off, on, strangers]: [TrackRow[], Arrival[], TrackContent[]] = [[], [], []]
    for (const { item, read } of files) {
      const content = contentOf(item, read)
      const track = present.get(item.rowId)
      if (track === undefined || track.state === gone) strangers.push(content)
      else if (track.state !== shown || !isSameContent(track, content)) {
        if (track.state === shown) off.push(track)
        on.push({ id: track.id, content, freshMs: track.fresh_ms })
      }
    }
    on.push(...(await welcome(tx, strangers, present)))
    await this.#shelf.change(tx, { off, on })
  }

  async #handOn(tx: Transaction, track: TrackRow, heir: TrackRow): Promise<void> {
    await detachTrack(tx, heir.id)
    await this.#shelf.change(tx, {
      off: track.state === shown ? [track, heir] : [heir],
      on: [{ id: track.id, content: heir, freshMs: null }],
    })
    await deleteTrack(tx, heir.id)
  }

  async #bury(tx: Transaction, tracks: readonly TrackRow[]): Promise<void> {
    await this.#shelf.change(tx, { off: tracks.filter(({ state }) => state === shown) })
    await buryTracks(
      tx,
      tracks.map(({ id }) => id),
      tx.nowMs,
    )
  }
}

interface Picture {
  readonly item: Item
  readonly rank: number
}

interface File {
  readonly item: Item
  readonly change: TrackEffect | CopyEffect
}

interface Read {
  readonly item: Item
  readonly read: TrackEffect
}

function sorted(readings: readonly Reading[]): { pictures: Picture[]; files: File[] } {
  const [pictures, files]: [Picture[], File[]] = [[], []]
  for (const { item, effect } of readings) {
    // The handler of the library makes no other effects; app/core.ts puts the two together.
    const change = effect as LibraryEffect
    if (change.kind === 'picture') pictures.push({ item, rank: change.rank })
    else files.push({ item, change })
  }
  return { pictures, files }
}

/** What the files say; copies say what their originals do. */
async function opened(tx: Transaction, files: readonly File[]): Promise<Read[]> {
  const originals = await tracksAt(
    tx,
    files.flatMap(({ change }) => (change.kind === 'copy' ? change.from : [])),
  )
  return files.map(({ item, change }) => ({
    item,
    read: change.kind === 'copy' ? copyOf(item, change, originals.get(change.from)) : change,
  }))
}

function copyOf(item: Item, copy: CopyEffect, original: TrackRow | undefined): TrackEffect {
  if (original === undefined || original.version !== storable(copy.fromVersion)) {
    throw new SyncError(
      'changed',
      `"${item.path.join('/')}" was to become a copy of a file that has changed since.`,
    )
  }
  return {
    kind: 'track',
    // Written by this class from Tags.
    tags: JSON.parse(original.tags) as Tags,
    names: copy.names,
    ...(original.content_hash === null ? {} : { contentHash: original.content_hash }),
  }
}

/** Files where no track is, or a tombstone (`present`): known ones come back to life, the others are new. */
async function welcome(
  tx: Transaction,
  strangers: readonly TrackContent[],
  present: ReadonlyMap<number | null, TrackRow>,
): Promise<Arrival[]> {
  const sinceMs = tx.nowMs - tombstoneMs
  const promising = await itemsWithTombstones(tx, strangers, sinceMs)
  const arrivals: Arrival[] = []
  // One after the other: a tombstone that one of them has taken is not there for the next.
  for (const content of strangers) {
    const isHere = present.has(content.item_id)
    const own = isHere ? await ownTombstone(tx, content) : undefined
    const isPromising = own === undefined && promising.has(content.item_id)
    const known = isPromising ? await tombstoneOf(tx, content, sinceMs) : own
    if (known !== undefined) await raiseTrack(tx, known.id)
    // Recognised once, it is not fresh any more: no second tombstone may claim it.
    arrivals.push({
      id: known?.id ?? null,
      content,
      freshMs: known === undefined ? tx.nowMs : null,
    })
  }
  return arrivals
}

/** The tombstone at its own place. That of another file there may turn up elsewhere: it makes room. */
async function ownTombstone(tx: Transaction, content: TrackContent): Promise<TrackRow | undefined> {
  const track = content.item_id === null ? undefined : await trackAt(tx, content.item_id)
  if (track === undefined) return undefined
  if (isSameFile(identityOfRow(track), identityOfRow(content))) return track
  await detachTrack(tx, track.id)
  return undefined
}
