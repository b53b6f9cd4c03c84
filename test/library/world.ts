import type { Clock } from '../../src/base/clock.ts'
import type { Item } from '../../src/engine/handler.ts'
import type { Album, Artist, Track } from '../../src/library/catalogue.ts'
import type { LibraryEffect } from '../../src/library/effect.ts'
import type { Tags } from '../../src/library/tags.ts'
import { SqliteCatalogue } from '../../src/store/sqlite/catalogue.ts'
import { Database } from '../../src/store/sqlite/database.ts'
import { LibraryWriter } from '../../src/store/sqlite/library-writer.ts'
import { migrate } from '../../src/store/sqlite/migrations.ts'

/** A file of a tiny world: its tags, and what else makes it that file. */
export interface Song {
  readonly tags?: Partial<Tags>
  readonly size?: number
  readonly id?: string
  readonly contentHash?: string
  readonly version?: string
}

/** A library on an SQLite database in memory, with sources whose files a test puts, loses and moves by hand. */
export class LibraryWorld {
  nowMs = 1_000_000
  readonly database = new Database(':memory:')
  readonly catalogue = new SqliteCatalogue(this.database)
  readonly writer: LibraryWriter

  constructor(sources: readonly (readonly [source: number, owner: number])[] = [[1, 1]]) {
    migrate(this.database)
    const clock: Clock = {
      now: () => this.nowMs,
      elapsed: () => this.nowMs,
      sleep: async () => undefined,
      after: () => () => undefined,
    }
    this.writer = new LibraryWriter({ database: this.database, clock })
    for (const [source, owner] of sources) {
      this.database
        .prepare(`insert or ignore into owner (id, name, plan, weight) values (?, ?, 'free', 1)`)
        .run(owner, `owner ${owner}`)
      this.database
        .prepare(
          `insert into source (id, owner_id, name, kind, address, settings, interval_ms, due_ms)
           values (?, ?, ?, 'memory', '', '{}', 0, 0)`,
        )
        .run(source, owner, `source ${source}`)
    }
  }

  /** The item at a path, as the engine would keep it. */
  item(path: string, song: Song = {}, source = 1): Item {
    const { size = 1_000, version = '1', id } = song
    const segments = path.split('/')
    const { rowId } = this.database
      .prepare<{ rowId: number }>(
        `insert into item (source_id, key, path, size, listed, stable_id, seq, state, round_id, changed_ms)
         values (?, ?, ?, ?, ?, ?, 1, 0, 1, 0)
         on conflict (source_id, key) do update set size = excluded.size, listed = excluded.listed
         returning id as rowId`,
      )
      .get(source, path, JSON.stringify(segments), size, version, id ?? null)!
    const { ownerId } = this.database
      .prepare<{ ownerId: number }>('select owner_id as ownerId from source where id = ?')
      .get(source)!
    const item = { key: path, path: segments, size, version, rowId, sourceId: source, ownerId }
    return id === undefined ? item : { ...item, id }
  }

  put(path: string, song: Song = {}, source = 1): void {
    this.apply(path, effectOf(path, song), song, source)
  }

  apply(path: string, effect: LibraryEffect, song: Song = {}, source = 1): void {
    const item = this.item(path, song, source)
    this.database.transaction(() => this.writer.applied(item, effect))
  }

  lose(path: string, roundStartMs = this.nowMs, source = 1): void {
    const item = this.item(path, {}, source)
    this.database.transaction(() => this.writer.gone(item, roundStartMs))
  }

  skip(path: string, song: Song = {}): void {
    const item = this.item(path, song)
    this.database.transaction(() => this.writer.skipped(item))
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
  indexed(table: 'track_search' | 'album_search' | 'artist_search'): number {
    return this.database.prepare<{ rows: number }>(`select count(*) as rows from ${table}`).get()!
      .rows
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
      indexed: (['track_search', 'album_search', 'artist_search'] as const).map((table) =>
        this.indexed(table),
      ),
      foundTracks: found.tracks.map(({ path }) => path).sort(),
      foundAlbums: found.albums.map(({ name, artist }) => `${artist}: ${name}`).sort(),
      foundArtists: found.artists.map(({ name }) => name).sort(),
    }
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
