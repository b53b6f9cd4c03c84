import { afterAll, afterEach, describe } from 'vitest'
import type { Item, Reading } from '../../src/engine/handler.ts'
import type { Album, Artist, Track } from '../../src/library/catalogue.ts'
import type { LibraryEffect } from '../../src/library/effect.ts'
import type { Tags } from '../../src/library/tags.ts'
import { SqlCatalogue } from '../../src/store/sql/catalogue.ts'
import { LibraryWriter } from '../../src/store/sql/library-writer.ts'
import type { SqlDatabase, SqlValue, Transaction } from '../../src/store/sql/sql.ts'
import { dropBases, type Kind, kinds, type LibraryBase, libraryBase } from './databases.ts'

/** A file of a tiny world: its tags, and what else makes it that file. */
export interface Song {
  readonly tags?: Partial<Tags>
  readonly size?: number
  readonly id?: string
  readonly contentHash?: string
  readonly version?: string
}

/** Opens a world of sources and their owners; source 1 of owner 1 where nothing is said. It ends with its test. */
export type OpenWorld = (
  sources?: readonly (readonly [source: number, owner: number])[],
) => Promise<LibraryWorld>

/** The same tests on each kind of database. */
export function onEveryDatabase(tests: (open: OpenWorld, kind: Kind) => void): void {
  describe.each(kinds)('on %s', (kind) => {
    const worlds: LibraryWorld[] = []
    afterEach(() => Promise.all(worlds.splice(0).map((world) => world.close())))
    afterAll(dropBases)
    tests(async (sources) => {
      const world = await LibraryWorld.open(kind, sources)
      worlds.push(world)
      return world
    }, kind)
  })
}

/** A library on an empty database, with sources whose files a test puts, loses and moves by hand. */
export class LibraryWorld {
  readonly db: SqlDatabase
  readonly catalogue: SqlCatalogue
  readonly writer: LibraryWriter
  readonly #base: LibraryBase
  #isClosed = false

  private constructor(base: LibraryBase) {
    this.#base = base
    this.db = base.db
    this.catalogue = new SqlCatalogue(base)
    this.writer = new LibraryWriter(base)
  }

  static async open(
    kind: Kind,
    sources: readonly (readonly [source: number, owner: number])[] = [[1, 1]],
  ): Promise<LibraryWorld> {
    const world = new LibraryWorld(await libraryBase(kind))
    world.nowMs = 1_000_000
    // Numbers of our own choice; PostgreSQL wants to be told so.
    const numbered = kind === 'SQLite' ? 'values' : 'overriding system value values'
    for (const [source, owner] of sources) {
      await world.db.run(
        `insert into owner (id, name, plan, weight) ${numbered} (?, ?, 'free', 1) on conflict do nothing`,
        owner,
        `owner ${owner}`,
      )
      await world.db.run(
        `insert into source (id, owner_id, name, kind, address, settings, interval_ms, due_ms)
         ${numbered} (?, ?, ?, 'memory', '', '{}', 0, 0)`,
        source,
        owner,
        `source ${source}`,
      )
    }
    return world
  }

  get nowMs(): number {
    return this.#base.time.nowMs
  }

  set nowMs(nowMs: number) {
    this.#base.time.nowMs = nowMs
  }

  /** Gives the database to the next world. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#base.close()
  }

  /** The item at a path, as the engine would keep it. */
  async item(path: string, song: Song = {}, source = 1): Promise<Item> {
    const { size = 1_000, version = '1', id } = song
    const segments = path.split('/')
    const known = await this.#row<{ id: number }>(
      'update item set size = ?, listed = ? where source_id = ? and key = ? returning id',
      [size, version, source, path],
    )
    const row =
      known ??
      (await this.#row<{ id: number }>(
        `insert into item (source_id, key, path, size, listed, stable_id, seq, state, round_id, changed_ms)
         values (?, ?, ?, ?, ?, ?, 1, 0, 1, 0) returning id`,
        [source, path, JSON.stringify(segments), size, version, id ?? null],
      ))
    const owner = await this.#row<{ owner_id: number }>(
      'select owner_id from source where id = ?',
      [source],
    )
    const item = {
      key: path,
      path: segments,
      size,
      version,
      rowId: row!.id,
      sourceId: source,
      ownerId: owner!.owner_id,
    }
    return id === undefined ? item : { ...item, id }
  }

  async put(path: string, song: Song = {}, source = 1): Promise<void> {
    await this.apply(path, effectOf(path, song), song, source)
  }

  async apply(path: string, effect: LibraryEffect, song: Song = {}, source = 1): Promise<void> {
    const item = await this.item(path, song, source)
    await this.#write((tx) => this.writer.applied(tx, [{ item, effect }]))
  }

  /** All at once, as the store does it with what was read meanwhile. */
  async putAll(songs: readonly (readonly [path: string, song: Song])[]): Promise<void> {
    const readings = await this.#readings(songs)
    await this.#write((tx) => this.writer.applied(tx, readings))
  }

  /** The same; gives how many statements it took, those for each of several rows counted once. */
  async statementsOf(songs: readonly (readonly [path: string, song: Song])[]): Promise<number> {
    const readings = await this.#readings(songs)
    let count = 0
    await this.#write((tx) => {
      const counted: Transaction = {
        nowMs: tx.nowMs,
        later: (statement) => tx.later(statement),
        together: (writes) => tx.together(writes),
        savepoint: (work) => tx.savepoint(work),
        notify: () => tx.notify(),
        all: (text, ...values) => {
          count++
          return tx.all(text, ...values)
        },
        get: (text, ...values) => {
          count++
          return tx.get(text, ...values)
        },
        run: (text, ...values) => {
          count++
          return tx.run(text, ...values)
        },
        each: (text, rows, ...values) => {
          count++
          return tx.each(text, rows, ...values)
        },
      }
      return this.writer.applied(counted, readings)
    })
    return count
  }

  async #readings(songs: readonly (readonly [path: string, song: Song])[]): Promise<Reading[]> {
    const readings: Reading[] = []
    for (const [path, song] of songs) {
      readings.push({ item: await this.item(path, song), effect: effectOf(path, song) })
    }
    return readings
  }

  async lose(path: string, roundStartMs = this.nowMs, source = 1): Promise<void> {
    const item = await this.item(path, {}, source)
    await this.#write((tx) => this.writer.gone(tx, item, roundStartMs))
  }

  async skip(path: string, song: Song = {}): Promise<void> {
    const item = await this.item(path, song)
    await this.#write((tx) => this.writer.skipped(tx, item))
  }

  /** Nothing of it is to be seen any more, though all of it is there. */
  async hideSource(source: number): Promise<void> {
    await this.db.run('update source set removed_ms = 1 where id = ?', source)
  }

  /** Removes at most so much of what it has left; returns how much it was. */
  async clear(source: number, limit: number): Promise<number> {
    return this.db.transaction((tx) => this.writer.sourceRemoved(tx, source, limit))
  }

  async tracks(ownerId = 1): Promise<readonly Track[]> {
    return (await this.catalogue.tracks({ ownerId, limit: 500 })).tracks
  }

  async albums(ownerId = 1): Promise<readonly Album[]> {
    return (await this.catalogue.albums({ ownerId, limit: 500 })).albums
  }

  async artists(ownerId = 1): Promise<readonly Artist[]> {
    return (await this.catalogue.artists({ ownerId, limit: 500 })).artists
  }

  /** The shown track at a path. */
  async at(path: string, ownerId = 1): Promise<Track | undefined> {
    return (await this.tracks(ownerId)).find((track) => track.path === path)
  }

  /** Rows in an index of words, whatever they hold. */
  async indexed(kind: 'track' | 'album' | 'artist'): Promise<number> {
    const counted = await this.#row<{ rows: number }>(
      `select count(*) as rows from ${kind}_search`,
      [],
    )
    return counted!.rows
  }

  /** Everything that a person sees, without the numbers that stand for it. */
  async visible(ownerId = 1): Promise<object> {
    const counts = await this.catalogue.counts(ownerId)
    const found = await this.catalogue.search(ownerId, 's', 500)
    return {
      counts,
      tracks: (await this.tracks(ownerId)).map(withoutIds),
      albums: (await this.albums(ownerId)).map(withoutIds),
      artists: (await this.artists(ownerId)).map(withoutIds),
      indexed: [
        await this.indexed('track'),
        await this.indexed('album'),
        await this.indexed('artist'),
      ],
      foundTracks: found.tracks.map(({ path }) => path).sort(),
      foundAlbums: found.albums.map(({ name, artist }) => `${artist}: ${name}`).sort(),
      foundArtists: found.artists.map(({ name }) => name).sort(),
    }
  }

  #row<Row>(text: string, values: readonly SqlValue[]): Promise<Row | undefined> {
    return this.db.get<Row>(text, ...values)
  }

  #write(work: (tx: Transaction) => Promise<void>): Promise<void> {
    return this.db.transaction(work)
  }
}
export function effectOf(path: string, song: Song): LibraryEffect {
  const name = path.split('/').at(-1) ?? path
  const effect = { kind: 'track', tags: tagsOf(song.tags), names: { title: name } } as const
  return song.contentHash === undefined ? effect : { ...effect, contentHash: song.contentHash }
}

export function tagsOf(tags: Partial<Tags> = {}): Tags {
  return {
    artists: tags.artist === undefined ? [] : [tags.artist],
    genres: [],
    isCompilation: false,
    isDurationEstimated: false,
    codec: 'mp3',
    isLossless: false,
    durationMs: 180_000,
    ...tags,
  }
}

function withoutIds(row: object): object {
  return Object.fromEntries(
    Object.entries(row)
      .filter(([name]) => name !== 'id' && !name.endsWith('Id'))
      .concat([['hasCover', 'coverId' in row && row.coverId !== null]]),
  )
}
