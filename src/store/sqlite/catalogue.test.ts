import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LibraryWorld } from '../../../test/library/world.ts'
import type { Track } from '../../library/catalogue.ts'
import { albumsQuery, tracksQuery } from './catalogue.ts'

const badInput = expect.objectContaining({ code: 'bad-input' })

function collection(): LibraryWorld {
  const world = new LibraryWorld([[1, 1], [2, 1], [3, 2]]) // prettier-ignore
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
        world.put(`${artist}/${album}/${track}.mp3`, { tags }, a === 2 ? 2 : 1)
      }
    }
  }
  world.put('secret.mp3', { tags: { title: 'Secret', artist: 'anna' } }, 3)
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

describe('pages', () => {
  it('gives tracks by album artist, album, disc, number, the same in pages of any size', async () => {
    const world = collection()
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
    const world = collection()
    const whole = await world.tracks()
    const [first] = whole
    const { artistId, albumId } = first!
    const filters = [{ artistId }, { albumId }, { sourceId: 2 }, { artistId, albumId, sourceId: 1 }]
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
    const world = collection()
    const { tracks, next } = await world.catalogue.tracks({ ownerId: 1, limit: 3 })
    world.lose('anna/Best/3.mp3')
    world.put('anna/Best/0.mp3', { tags: { title: 'Zero', artist: 'anna', album: 'Best' } })
    const rest = await world.catalogue.tracks({ ownerId: 1, limit: 500, after: next! })
    expect(tracks.at(-1)?.path).toBe('anna/Best/3.mp3')
    expect(rest.tracks[0]?.path).toBe('anna/Live/1.mp3')
    expect(rest.tracks).toHaveLength(15)
  })

  it('gives artists and albums in pages too', async () => {
    const world = collection()
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
    expect((await catalogue.albums({ ownerId: 1, limit: 4, artistId: id })).albums).toHaveLength(2)
  })

  it('refuses an "after" that it never gave, and pages out of bounds', async () => {
    const { catalogue } = collection()
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
    const { catalogue } = collection()
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
    expect(await catalogue.counts(3)).toMatchObject({ tracks: 0, albums: 0, artists: 0, bytes: 0 })
  })
})

it('gives one track, album, artist, and where the file is', async () => {
  const { catalogue } = collection()
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

describe('searching', () => {
  const world = new LibraryWorld()
  world.put('Straße/AC-DC — Träume.mp3', {
    tags: { title: 'Cafe\u0301 del Mar', artist: 'Björk', album: 'Homogénic' },
  })
  world.put('2.mp3', { tags: { title: 'Other', artist: 'Mar y Sol', album: 'Del' } })
  const found = async (text: string, limit = 10) => {
    const { tracks } = await world.catalogue.search(1, text, limit)
    return tracks.map(({ title }) => title.normalize('NFC'))
  }

  it('finds by the beginnings of words of title, artist, album and path, in any case and Unicode form', async () => {
    for (const text of [
      'café',
      'CAFE',
      'cafe\u0301',
      'bjo homo',
      'BJÖRK',
      'bjork',
      'strasse',
      'STRAẞE',
      'ac/dc',
      'tra',
      'mp mar caf',
    ]) {
      expect(await found(text), text).toContain('Café del Mar')
    }
    for (const text of ['afé', 'café sol', 'x']) expect(await found(text), text).toEqual([])
  })

  it('gives those first whose own title has the words', async () => {
    expect(await found('mar')).toEqual(['Café del Mar', 'Other'])
    expect(await found('del')).toEqual(['Café del Mar', 'Other'])
    expect(await found('mar', 1)).toEqual(['Café del Mar'])
  })

  it('finds artists and albums', async () => {
    expect(await world.catalogue.search(1, 'bjork', 10)).toMatchObject({
      artists: [{ name: 'Björk' }],
      albums: [{ name: 'Homogénic' }],
    })
  })

  it('takes whatever is typed for words, never for syntax', async () => {
    for (const text of [
      '"',
      '*',
      'title:',
      'a AND',
      'NOT',
      '(',
      ')',
      '^',
      '- -',
      "'",
      '\0',
      'NEAR(a b)',
      '',
      ' ',
      '%',
      '{x} : y',
      '\ud800',
      '𞤀',
      'a'.repeat(9_999),
      'a '.repeat(999),
    ]) {
      await expect(world.catalogue.search(1, text, 5), text).resolves.toBeDefined()
    }
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 30 }), async (text) => {
        await world.catalogue.search(1, text, 5)
      }),
    )
  })
})

describe('plans', () => {
  const world = collection()
  const plan = (sql: string): string =>
    world.database
      .prepare<{ detail: string }>(`explain query plan ${sql}`)
      .all(...Array.from(sql.matchAll(/\?/g), () => 1))
      .map(({ detail }) => detail)
      .join('\n')
  const after = Buffer.from('["","","",0,0,"",0]').toString('base64url')

  it('walks pages of tracks by indexes, without sorting or scanning', () => {
    for (const query of [{}, { after }, { albumId: 1 }, { sourceId: 1, after }]) {
      const detail = plan(tracksQuery({ ownerId: 1, limit: 100, ...query }).sql)
      expect(detail).not.toMatch(/TEMP B-TREE/)
      expect(detail).not.toMatch(/\bSCAN\b/)
      expect(detail).toContain('track_order')
    }
  })

  it('finds the tracks of an artist by an index', () => {
    const detail = plan(tracksQuery({ ownerId: 1, limit: 100, artistId: 1 }).sql)
    expect(detail).not.toMatch(/\bSCAN\b/)
    expect(detail).toContain('artist_tracks')
  })

  it('reads the facts of albums from their index alone', () => {
    const detail = plan(albumsQuery({ ownerId: 1, limit: 100 }).sql)
    expect(detail).toContain('SEARCH track USING COVERING INDEX track_facts')
    expect(detail).not.toMatch(/SCAN (?!page)/)
  })
})
