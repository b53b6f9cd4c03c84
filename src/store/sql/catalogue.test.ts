import { describe, expect, it } from 'vitest'
import { type LibraryWorld, onEveryDatabase, type OpenWorld } from '../../../test/library/world.ts'
import type { Track } from '../../library/catalogue.ts'
import { albumsQuery, tracksQuery, type Query } from './catalogue.ts'

const badInput = expect.objectContaining({ code: 'bad-input' })

async function collection(open: OpenWorld): Promise<LibraryWorld> {
  const world = await open([[1, 1], [2, 1], [3, 2]]) // prettier-ignore
  for (const [a, artist] of ['Zoë', 'anna', 'Bob'].entries()) {
    for (const album of ['Live', 'Best']) {
      for (const track of [2, 1, 3]) {
        const tags = {
          title: `${artist} ${track}`,
          artist,
          album,
          track,
          disc: track === 3 ? 2 : 1,
        }
        await world.put(`${artist}/${album}/${track}.mp3`, { tags }, a === 2 ? 2 : 1)
      }
    }
  }
  await world.put('secret.mp3', { tags: { title: 'Secret', artist: 'anna' } }, 3)
  return world
}

async function paged(world: LibraryWorld, limit: number, filter: object = {}): Promise<Track[]> {
  const all: Track[] = []
  let after: string | undefined
  do {
    const query = { ownerId: 1, limit, ...filter }
    const page = await world.catalogue.tracks(after === undefined ? query : { ...query, after })
    expect(page.tracks.length).toBeLessThanOrEqual(limit)
    all.push(...page.tracks)
    after = page.next
  } while (after !== undefined)
  return all
}

onEveryDatabase((open, kind) => {
  describe('pages', () => {
    it('gives tracks by album artist, album, disc, number, the same in pages of any size', async () => {
      const world = await collection(open)
      const whole = await world.tracks()
      expect(whole.map(({ path }) => path).slice(0, 7)).toEqual([
        'anna/Best/1.mp3',
        'anna/Best/2.mp3',
        'anna/Best/3.mp3',
        'anna/Live/1.mp3',
        'anna/Live/2.mp3',
        'anna/Live/3.mp3',
        'Bob/Best/1.mp3',
      ])
      for (const limit of [1, 2, 5, 18, 19]) expect(await paged(world, limit)).toEqual(whole)
    })

    it('filters by artist, album and source, alone and together', async () => {
      const world = await collection(open)
      const whole = await world.tracks()
      const [first] = whole
      const { artistId, albumId } = first!
      const filters = [
        { artistId },
        { albumId },
        { sourceId: 2 },
        { artistId, albumId, sourceId: 1 },
      ]
      for (const filter of filters) {
        const expected = whole.filter((track) =>
          Object.entries(filter).every(([name, value]) =>
            Object.entries(track).some(([key, each]) => key === name && each === value),
          ),
        )
        expect(expected.length).toBeGreaterThan(0)
        expect(await paged(world, 2, filter)).toEqual(expected)
      }
    })

    it('goes on at the right place when the library changed between two pages', async () => {
      const world = await collection(open)
      const { tracks, next } = await world.catalogue.tracks({ ownerId: 1, limit: 3 })
      await world.lose('anna/Best/3.mp3')
      await world.put('anna/Best/0.mp3', { tags: { title: 'Zero', artist: 'anna', album: 'Best' } })
      const rest = await world.catalogue.tracks({ ownerId: 1, limit: 500, after: next! })
      expect(tracks.at(-1)?.path).toBe('anna/Best/3.mp3')
      expect(rest.tracks[0]?.path).toBe('anna/Live/1.mp3')
      expect(rest.tracks).toHaveLength(15)
    })

    it('gives artists and albums in pages too', async () => {
      const world = await collection(open)
      const { catalogue } = world
      const artists = await catalogue.artists({ ownerId: 1, limit: 2 })
      expect(artists.artists).toMatchObject([
        { name: 'anna', albumCount: 2, trackCount: 6 },
        { name: 'Bob' },
      ])
      const rest = await catalogue.artists({ ownerId: 1, limit: 2, after: artists.next! })
      expect(rest).toMatchObject({ artists: [{ name: 'Zoë' }] })
      expect(rest.next).toBeUndefined()
      const albums = await catalogue.albums({ ownerId: 1, limit: 4 })
      expect(albums.albums.map(({ artist, name }) => `${artist}: ${name}`)).toEqual([
        'anna: Best',
        'anna: Live',
        'Bob: Best',
        'Bob: Live',
      ])
      expect(
        (await catalogue.albums({ ownerId: 1, limit: 4, after: albums.next! })).albums,
      ).toHaveLength(2)
      const { id } = artists.artists[0]!
      expect((await catalogue.albums({ ownerId: 1, limit: 4, artistId: id })).albums).toHaveLength(
        2,
      )
    })

    it('refuses an "after" that it never gave, and pages out of bounds', async () => {
      const { catalogue } = await collection(open)
      const { next } = await catalogue.tracks({ ownerId: 1, limit: 1 })
      const forged = Buffer.from('["","","",0,0,"",{}]').toString('base64url')
      for (const after of ['', 'x', '[]', forged, next!.slice(0, -9), 'a'.repeat(40_000)]) {
        await expect(catalogue.tracks({ ownerId: 1, limit: 1, after })).rejects.toEqual(badInput)
        await expect(catalogue.albums({ ownerId: 1, limit: 1, after })).rejects.toEqual(badInput)
        await expect(catalogue.artists({ ownerId: 1, limit: 1, after })).rejects.toEqual(badInput)
      }
      for (const limit of [0, -1, 501, 1.5, Number.NaN]) {
        await expect(catalogue.tracks({ ownerId: 1, limit })).rejects.toEqual(badInput)
        await expect(catalogue.search(1, 'x', limit)).rejects.toEqual(badInput)
      }
    })
  })

  describe('owners', () => {
    it('see nothing of each other, whatever they ask', async () => {
      const { catalogue } = await collection(open)
      const [secret] = (await catalogue.tracks({ ownerId: 2, limit: 9 })).tracks
      const { id, artistId, albumId } = secret!
      expect(await catalogue.track(1, id)).toBeNull()
      expect(await catalogue.file(1, id)).toBeNull()
      expect(await catalogue.artist(1, artistId)).toBeNull()
      expect(await catalogue.album(1, albumId)).toBeNull()
      expect((await catalogue.tracks({ ownerId: 1, limit: 9, albumId })).tracks).toEqual([])
      expect((await catalogue.tracks({ ownerId: 1, limit: 9, artistId })).tracks).toEqual([])
      expect((await catalogue.search(1, 'secret', 9)).tracks).toEqual([])
      expect((await catalogue.search(2, 'anna', 9)).artists).toMatchObject([{ id: artistId }])
      expect(await catalogue.counts(2)).toMatchObject({ tracks: 1, albums: 1, artists: 1 })
      expect(await catalogue.counts(3)).toMatchObject({
        tracks: 0,
        albums: 0,
        artists: 0,
        bytes: 0,
      })
    })
  })

  it('gives one track, album, artist, and where the file is', async () => {
    const { catalogue } = await collection(open)
    const [track] = (await catalogue.tracks({ ownerId: 1, limit: 1 })).tracks
    const { id, albumId, artistId } = track!
    expect(await catalogue.track(1, id)).toEqual(track)
    expect(await catalogue.album(1, albumId)).toMatchObject({
      name: 'Best',
      trackCount: 3,
      durationMs: 540_000,
    })
    expect(await catalogue.artist(1, artistId)).toMatchObject({ name: 'anna', trackCount: 6 })
    expect(await catalogue.file(1, id)).toEqual({
      sourceId: 1,
      item: { key: 'anna/Best/1.mp3', path: ['anna', 'Best', '1.mp3'], size: 1_000, version: '1' },
      codec: 'mp3',
    })
  })

  describe('plans', () => {
    const after = Buffer.from('["","","",0,0,"",0]').toString('base64url')
    const planOf = async ({ sql, values }: Query): Promise<string> => {
      const { db } = await collection(open)
      // So small a library PostgreSQL would read as a whole.
      if (kind === 'PostgreSQL') for (const grow of growing) await db.run(grow)
      const explain = kind === 'SQLite' ? 'explain query plan' : 'explain'
      const rows = await db.all<Record<string, unknown>>(`${explain} ${sql}`, ...values)
      return rows.map((row) => row['detail'] ?? row['QUERY PLAN']).join('\n')
    }
    const unwanted = {
      SQLite: /TEMP B-TREE|SCAN (?!page)/,
      PostgreSQL: /Seq Scan/,
    }[kind]

    it('walks pages of tracks by indexes, without sorting or scanning', async () => {
      const queries = [{}, { after }, { albumId: 1 }]
      // Where a source has little, PostgreSQL rather sorts that.
      for (const query of kind === 'SQLite' ? [...queries, { sourceId: 1, after }] : queries) {
        const plan = await planOf(tracksQuery({ ownerId: 1, limit: 100, ...query }))
        expect(plan).not.toMatch(unwanted)
        expect(plan).toContain('track_order')
        // Page by page, never all that there is.
        if (kind === 'PostgreSQL') expect(plan).toMatch(/Incremental Sort|Index Cond: \(id = /)
      }
    })

    it('finds the tracks of an artist by an index', async () => {
      const plan = await planOf(tracksQuery({ ownerId: 1, limit: 100, artistId: 1 }))
      expect(plan).not.toMatch(/\bSCAN\b|Seq Scan/)
      expect(plan).toContain('artist_tracks')
    })

    it('walks pages of albums by their index', async () => {
      const plan = await planOf(albumsQuery({ ownerId: 1, limit: 100 }))
      expect(plan).not.toMatch(unwanted)
      if (kind === 'SQLite') expect(plan).toContain('track USING COVERING INDEX track_facts')
    })
  })
})

/** Ten owners with 300 albums of 6 tracks each. */
const growing = [
  `insert into artist (owner_id, key) select n % 10, 'artist ' || n from generate_series(1, 1000) as n`,
  `insert into album (owner_id, artist_id, artist_key, key, release)
   select artist.owner_id, artist.id, artist.key, 'album ' || n, '' from artist, generate_series(1, 3) as n
   where artist.key like 'artist%'`,
  `insert into track (owner_id, source_id, item_id, state, version, path, folder, size, title, artist, artists,
     album, album_key, release, disc, track, is_compilation, tags, artist_id, album_id)
   select album.owner_id, album.owner_id, album.id * 10 + n, 0, '1', 'p' || n, 'f', 1, 't', 'a', '[]',
     album.key, album.key, '', 1, n, 0, '{}', album.artist_id, album.id
   from album, generate_series(1, 6) as n where album.key like 'album%'`,
  `insert into track_artist (track_id, artist_id, name) select id, artist_id, 'a' from track on conflict do nothing`,
  'analyze artist, album, track, track_artist',
]
