import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { effectOf, onEveryDatabase, tagsOf, type Song } from '../../../test/library/world.ts'
import { tombstoneMs } from '../../library/identity.ts'

const dayMs = 86_400_000

onEveryDatabase((open, kind) => {
  describe('albums', () => {
    it('takes tracks of one folder and album name by different artists for a compilation', async () => {
      const world = await open()
      await world.put('Hits/1.mp3', { tags: { title: 'One', artist: 'Anna', album: 'Hits' } })
      expect(await world.albums()).toMatchObject([{ artist: 'Anna', isCompilation: false }])
      await world.put('Hits/2.mp3', { tags: { title: 'Two', artist: 'Bob', album: 'Hits' } })
      expect(await world.albums()).toMatchObject([
        { name: 'Hits', artist: 'Various Artists', isCompilation: true, trackCount: 2 },
      ])
      await world.lose('Hits/1.mp3')
      expect(await world.albums()).toMatchObject([
        { name: 'Hits', artist: 'Bob', isCompilation: false, trackCount: 1 },
      ])
    })

    it('keeps equally named albums of different artists in different folders apart', async () => {
      const world = await open()
      await world.put('a/1.mp3', { tags: { title: 'One', artist: 'Anna', album: 'Live' } })
      await world.put('b/1.mp3', { tags: { title: 'Two', artist: 'Bob', album: 'Live' } })
      expect(await world.albums()).toMatchObject([{ artist: 'Anna' }, { artist: 'Bob' }])
    })

    it('does not take an album for a compilation because of a guest', async () => {
      const world = await open()
      await world.put('a/1.mp3', { tags: { title: 'One', artist: 'Anna', album: 'Live' } })
      await world.put('a/2.mp3', {
        tags: { title: 'Two', artist: 'Anna feat. Bob', album: 'Live' },
      })
      expect(await world.albums()).toMatchObject([{ artist: 'Anna', trackCount: 2 }])
    })

    it('lets the album artist decide over folders, and the release over equal names', async () => {
      const world = await open()
      const tags = { artist: 'Guest', albumArtist: 'Anna', album: 'Live' }
      await world.put('cd1/1.mp3', { tags: { ...tags, title: 'One', disc: 1 } })
      await world.put('cd2/1.mp3', { tags: { ...tags, title: 'Two', disc: 2 } })
      await world.put('cd3/1.mp3', {
        tags: { ...tags, title: 'Three', musicBrainz: { release: 'r' } },
      })
      expect(await world.albums()).toMatchObject([
        { artist: 'Anna', trackCount: 2 },
        { artist: 'Anna', trackCount: 1 },
      ])
    })

    it('puts a flagged compilation without an album artist under Various Artists', async () => {
      const world = await open()
      await world.put('x/1.mp3', {
        tags: { title: 'One', artist: 'Anna', album: 'Mix', isCompilation: true },
      })
      expect(await world.albums()).toMatchObject([
        { artist: 'Various Artists', isCompilation: true },
      ])
    })

    it('does not call files without an album a compilation', async () => {
      const world = await open()
      await world.put('1.mp3', { tags: { artist: 'Anna' } })
      await world.put('2.mp3', { tags: { artist: 'Bob' } })
      expect(await world.albums()).toMatchObject([
        { name: 'Unknown Album', artist: 'Anna' },
        { name: 'Unknown Album', artist: 'Bob' },
      ])
    })
  })

  describe('artists', () => {
    it('keeps one artist for variants of case and of Unicode form, spelled the same in any order', async () => {
      const spellings = ['Björk', 'BJÖRK', 'bjo\u0308rk', ' björk ']
      for (const order of [spellings, spellings.toReversed()]) {
        const world = await open()
        for (const [i, artist] of order.entries()) {
          await world.put(`${i}.mp3`, { tags: { title: `${artist} ${i}`, artist } })
        }
        expect(await world.artists()).toMatchObject([{ name: 'BJÖRK', trackCount: 4 }])
      }
    })

    it('lets artists and albums vanish with their last track, and come back under their ids', async () => {
      const world = await open()
      const song = { tags: { title: 'One', artist: 'Anna', album: 'Live' } }
      await world.put('a/1.mp3', song)
      const before = [await world.artists(), await world.albums()]
      await world.lose('a/1.mp3')
      expect([await world.artists(), await world.albums()]).toEqual([[], []])
      expect((await world.catalogue.search(1, 'anna live', 10)).albums).toEqual([])
      await world.put('b/1.mp3', song)
      expect([await world.artists(), await world.albums()]).toEqual(before)
    })

    it('names every artist of a track', async () => {
      const world = await open()
      await world.put('1.mp3', { tags: { artist: 'Anna & Bob', artists: ['Anna', 'Bob', 'ANNA'] } })
      expect((await world.artists()).map(({ name }) => name)).toEqual(['Anna', 'Bob'])
      expect(await world.tracks()).toMatchObject([{ artist: 'Anna & Bob' }])
    })
  })

  describe('a file that moves', () => {
    const kinds: Record<string, Song> = {
      'by its stable id, retagged on the way': { id: 'x' },
      'by its content hash': { contentHash: 'sha256:x', tags: {} },
      'by its tags': { tags: { title: 'One', artist: 'Anna' } },
    }
    for (const [how, song] of Object.entries(kinds)) {
      const moved = song.id === undefined ? song : { ...song, tags: { title: 'Other' }, size: 7 }

      it(`keeps its track when the new place is seen first, ${how}`, async () => {
        const world = await open()
        await world.put('old.mp3', song)
        const before = await world.at('old.mp3')
        const roundStartMs = ++world.nowMs
        await world.put('new.mp3', moved)
        await world.lose('old.mp3', roundStartMs)
        await world.lose('old.mp3', roundStartMs)
        expect((await world.tracks()).map(({ id, path }) => [id, path])).toEqual([
          [before?.id, 'new.mp3'],
        ])
      })

      it(`keeps its track when the old place is missed first, ${how}`, async () => {
        const world = await open()
        await world.put('old.mp3', song)
        const before = await world.at('old.mp3')
        await world.lose('old.mp3')
        expect(await world.tracks()).toEqual([])
        world.nowMs += tombstoneMs
        await world.put('new.mp3', moved)
        await world.put('new.mp3', moved)
        expect((await world.tracks()).map(({ id, path }) => [id, path])).toEqual([
          [before?.id, 'new.mp3'],
        ])
      })
    }

    it('keeps its track when it moves to another drive of its owner, and never to another owner', async () => {
      const world = await open([[1, 1], [2, 1], [3, 2]]) // prettier-ignore
      const song = { tags: { title: 'One' } }
      await world.put('a.mp3', song)
      const before = await world.at('a.mp3')
      await world.lose('a.mp3')
      await world.put('a.mp3', song, 3)
      expect((await world.at('a.mp3', 2))?.id).not.toBe(before?.id)
      await world.put('b.mp3', song, 2)
      expect((await world.at('b.mp3'))?.id).toBe(before?.id)
    })

    it('is a new track once its tombstone is older than 30 days', async () => {
      const world = await open()
      await world.put('a.mp3', { tags: { title: 'One' } })
      const before = await world.at('a.mp3')
      await world.lose('a.mp3')
      world.nowMs += tombstoneMs + 1
      await world.put('b.mp3', { tags: { title: 'One' } })
      expect((await world.at('b.mp3'))?.id).not.toBe(before?.id)
    })

    it('is not confused with a copy that was there before the round', async () => {
      const world = await open()
      const song = { tags: { title: 'One' } }
      await world.put('a.mp3', song)
      await world.put('copy.mp3', song)
      const copy = await world.at('copy.mp3')
      expect(await world.tracks()).toHaveLength(2)
      await world.lose('a.mp3', ++world.nowMs)
      expect((await world.tracks()).map(({ id }) => id)).toEqual([copy?.id])
    })

    it('is claimed once: of two lost copies one lives on at the one new place', async () => {
      const world = await open()
      const song = { tags: { title: 'One' } }
      await world.put('a.mp3', song)
      await world.put('b.mp3', song)
      const [a, b] = [await world.at('a.mp3'), await world.at('b.mp3')]
      const roundStartMs = ++world.nowMs
      await world.put('c.mp3', song)
      await world.lose('a.mp3', roundStartMs)
      await world.lose('b.mp3', roundStartMs)
      expect((await world.tracks()).map(({ id }) => id)).toEqual([a?.id])
      await world.put('d.mp3', song)
      expect((await world.at('d.mp3'))?.id).toBe(b?.id)
    })

    it('is not taken over once it was recognised itself, however new it is', async () => {
      const world = await open()
      const song = { tags: { title: 'One' } }
      await world.put('old.mp3', song)
      const roundStartMs = ++world.nowMs
      await world.put('new.mp3', song)
      const recent = await world.at('new.mp3')
      await world.lose('new.mp3', ++world.nowMs)
      await world.put('newer.mp3', song)
      await world.lose('old.mp3', roundStartMs)
      expect((await world.at('newer.mp3'))?.id).toBe(recent?.id)
    })

    it('comes back to itself at its own place', async () => {
      const world = await open()
      await world.put('a.mp3', { tags: { title: 'One' } })
      const before = await world.tracks()
      await world.lose('a.mp3')
      await world.put('a.mp3', { tags: { title: 'One' } })
      expect(await world.tracks()).toEqual(before)
    })

    it('may go where a lost file lay: both keep their tracks', async () => {
      const world = await open()
      const [one, two] = [{ tags: { title: 'One' } }, { tags: { title: 'Two' } }]
      await world.put('one.mp3', one)
      await world.put('two.mp3', two)
      const [a, b] = [await world.at('one.mp3'), await world.at('two.mp3')]
      await world.lose('two.mp3')
      const roundStartMs = ++world.nowMs
      await world.put('two.mp3', one)
      await world.lose('one.mp3', roundStartMs)
      await world.put('three.mp3', two)
      expect((await world.at('two.mp3'))?.id).toBe(a?.id)
      expect((await world.at('three.mp3'))?.id).toBe(b?.id)
    })
  })

  describe('a version that is no good', () => {
    it('hides the track until a good one comes', async () => {
      const world = await open()
      await world.put('a.mp3', { tags: { title: 'One', artist: 'Anna' } })
      const before = await world.at('a.mp3')
      await world.skip('a.mp3', { version: '2' })
      await world.skip('a.mp3', { version: '2' })
      expect(await world.visible()).toEqual(await (await open()).visible())
      await world.put('a.mp3', { tags: { title: 'Two' }, version: '3' })
      expect((await world.at('a.mp3'))?.id).toBe(before?.id)
    })

    it('is no tombstone: an equal file elsewhere is another track', async () => {
      const world = await open()
      await world.put('a.mp3', { tags: { title: 'One' } })
      const before = await world.at('a.mp3')
      await world.skip('a.mp3', { version: '2' })
      await world.put('b.mp3', { tags: { title: 'One' } })
      expect((await world.at('b.mp3'))?.id).not.toBe(before?.id)
    })
  })

  describe('a copy', () => {
    it('has what the other item has, under the names of its own path', async () => {
      const world = await open()
      await world.put('old.mp3', { tags: { artist: 'Anna' }, id: 'x' })
      const from = (await world.item('old.mp3', { id: 'x' })).rowId
      const copy = { kind: 'copy', from, fromVersion: '1', names: { title: 'New name' } } as const
      await world.apply('new.mp3', copy, { id: 'x' })
      expect(await world.at('new.mp3')).toMatchObject({ artist: 'Anna', title: 'New name' })
    })

    it('is refused, to be read anew, when the other item has changed', async () => {
      const world = await open()
      await world.put('old.mp3', { version: '2' })
      const from = (await world.item('old.mp3')).rowId
      const copy = { kind: 'copy', from, fromVersion: '1', names: { title: '' } } as const
      await expect(world.apply('new.mp3', copy)).rejects.toMatchObject({ code: 'changed' })
    })
  })

  describe('covers', () => {
    const place = { start: 10, end: 20, mime: 'image/png', form: 'raw' } as const

    it('shows a track with its own picture, else with the best of its folder', async () => {
      const world = await open()
      await world.put('a/1.mp3', { tags: { title: 'One', cover: place } })
      await world.put('a/2.mp3', { tags: { title: 'Two' } })
      await world.put('b/3.mp3', { tags: { title: 'Three' } })
      await world.apply('a/back.jpg', { kind: 'picture', rank: 5 })
      await world.apply('a/cover.jpg', { kind: 'picture', rank: 1 })
      const coverOf = async (path: string) => {
        const track = await world.at(path)
        return track?.coverId == null ? null : world.catalogue.cover(track.coverId)
      }
      expect(await coverOf('a/1.mp3')).toMatchObject({ place, item: { key: 'a/1.mp3' } })
      expect(await coverOf('a/2.mp3')).toMatchObject({ place: null, item: { key: 'a/cover.jpg' } })
      expect(await coverOf('b/3.mp3')).toBeNull()
      await world.lose('a/cover.jpg')
      expect(await coverOf('a/2.mp3')).toMatchObject({ item: { path: ['a', 'back.jpg'] } })
    })

    it('keeps what the bytes were until the item has another version', async () => {
      const world = await open()
      await world.put('1.mp3', { tags: { cover: place } })
      const id = (await world.item('1.mp3')).rowId
      const old = (await world.catalogue.cover(id))!
      await world.catalogue.keepCover(old, 'hash', 'image/png')
      await world.put('1.mp3', { tags: { cover: place } })
      expect(await world.catalogue.cover(id)).toMatchObject({ hash: 'hash', mime: 'image/png' })
      await world.put('1.mp3', { tags: { cover: place }, version: '2' })
      await world.catalogue.keepCover(old, 'hash', 'image/png')
      expect(await world.catalogue.cover(id)).toMatchObject({ hash: null, mime: null })
    })
  })

  describe('a source that is removed', () => {
    it('takes everything of its own with it at once, and nothing else, however much is cleared away already', async () => {
      const world = await open([[1, 1], [2, 1]]) // prettier-ignore
      const rest = await open([[1, 1], [2, 1]]) // prettier-ignore
      for (const [i, artist] of ['Anna', 'Bob', 'anna'].entries()) {
        await world.put(`a/${i}.mp3`, { tags: { title: `s${i}`, artist, album: 'Hits' } })
        for (const each of [world, rest]) {
          await each.put(
            `b/${i}.mp3`,
            { tags: { title: `s${i}`, artist: 'Anna', album: 'Hits' } },
            2,
          )
        }
      }
      await world.apply('a/cover.jpg', { kind: 'picture', rank: 1 })
      await world.put('a/4.mp3', { tags: { cover: { start: 1, end: 2, mime: '', form: 'raw' } } })
      const covers = [await world.item('a/cover.jpg'), await world.item('a/4.mp3')]
      await world.put('a/5.mp3', { tags: { title: 's5', artist: 'Only here', album: 'Alone' } })
      const [track] = (await world.catalogue.search(1, 'only here', 9)).tracks
      expect(await world.catalogue.file(1, track!.id)).not.toBeNull()
      const seen = await rest.visible()
      await world.hideSource(1)
      let cleared = 0
      for (let rows = 2; rows === 2; cleared += rows) {
        expect({ ...(await world.visible()), indexed: null }).toEqual({ ...seen, indexed: null })
        const found = await world.catalogue.search(1, 'only', 1)
        expect(found).toEqual({ artists: [], albums: [], tracks: [] })
        // However few are asked for, those that are there are among them.
        expect((await world.catalogue.search(1, 's', 1)).tracks).toHaveLength(1)
        expect(await world.catalogue.file(1, track!.id)).toBeNull()
        for (const { rowId } of covers) expect(await world.catalogue.cover(rowId)).toBeNull()
        rows = await world.clear(1, 2)
      }
      expect(cleared).toBe(6)
      expect(await world.clear(1, 2)).toBe(0)
      expect(await world.visible()).toEqual(await rest.visible())
      expect(await world.db.all('select * from cover')).toEqual([])
    })

    it('gives nothing of what it was to a file of another source that is the same', async () => {
      const world = await open([[1, 1], [2, 1]]) // prettier-ignore
      const song = { tags: { title: 'same', artist: 'Anna' }, contentHash: 'hash' }
      await world.put('a.mp3', song)
      const before = await world.at('a.mp3')
      await world.lose('a.mp3')
      await world.hideSource(1)
      await world.put('a.mp3', song, 2)
      expect((await world.at('a.mp3'))?.id).not.toBe(before!.id)
      while ((await world.clear(1, 1)) === 1);
      expect(await world.tracks()).toHaveLength(1)
    })

    it('takes over nothing from a file that went away elsewhere', async () => {
      const world = await open([[1, 1], [2, 1]]) // prettier-ignore
      const song = { tags: { title: 'same', artist: 'Anna' }, contentHash: 'hash' }
      await world.put('a.mp3', song, 2)
      const before = await world.at('a.mp3')
      await world.put('b.mp3', song)
      await world.hideSource(1)
      await world.lose('a.mp3', 0, 2)
      while ((await world.clear(1, 1)) === 1);
      await world.put('a.mp3', song, 2)
      expect((await world.at('a.mp3'))?.id).toBe(before!.id)
    })
  })

  describe('purging', () => {
    it('forgets tombstones and empty artists and albums in bounded bites, and nothing that is shown', async () => {
      const world = await open()
      await world.put('stays.mp3', { tags: { title: 'Stays', artist: 'Bob' } })
      const songs = [0, 1, 2].map((i) => ({ tags: { title: `${i}`, artist: 'Anna' } }))
      for (const [i, song] of songs.entries()) await world.put(`${i}.mp3`, song)
      const before = await world.at('0.mp3')
      for (const i of songs.keys()) await world.lose(`${i}.mp3`)
      const visible = await world.visible()
      expect(await world.writer.purge(world.nowMs, 2)).toBe(0)
      world.nowMs += dayMs
      expect(await world.writer.purge(world.nowMs, 2)).toBe(4)
      expect(await world.writer.purge(world.nowMs, 2)).toBe(1)
      expect(await world.writer.purge(world.nowMs, 2)).toBe(0)
      expect(await world.visible()).toEqual(visible)
      await world.put('0.mp3', songs[0])
      expect((await world.at('0.mp3'))?.id).not.toBe(before?.id)
    })

    // SQLite has one writer at a time.
    if (kind === 'PostgreSQL')
      it('spares what comes back at that very moment', async () => {
        const world = await open()
        const song = { tags: { title: 'One', artist: 'Anna', album: 'Live' } }
        await world.put('a.mp3', song)
        const before = [await world.tracks(), await world.albums(), await world.artists()]
        await world.lose('a.mp3')
        world.nowMs += dayMs
        const item = await world.item('a.mp3', song)
        let purging = Promise.resolve(0)
        await world.db.transaction(async (tx) => {
          await world.writer.applied(tx, [{ item, effect: effectOf('a.mp3', song) }])
          purging = world.writer.purge(world.nowMs, 10)
          await expect
            .poll(() => world.db.get('select 1 from pg_locks where not granted'))
            .toBeDefined()
        })
        expect(await purging).toBe(0)
        expect([await world.tracks(), await world.albums(), await world.artists()]).toEqual(before)
      })
  })

  it('keeps a track without tags by the name of its file', async () => {
    const world = await open()
    await world.put('x.mp3', { tags: tagsOf() })
    expect(await world.tracks()).toMatchObject([
      { title: 'x.mp3', artist: 'Unknown Artist', album: 'Unknown Album', track: null, year: null },
    ])
  })

  describe('what is written together', () => {
    it('recognises each file that moved, and no tombstone twice', async () => {
      const world = await open()
      const song = { tags: { title: 'One' } }
      await world.put('a.mp3', song)
      await world.put('b.mp3', { ...song, size: 7 })
      const [a, b] = [await world.at('a.mp3'), await world.at('b.mp3')]
      await world.lose('a.mp3')
      await world.lose('b.mp3')
      await world.putAll([
        ['c.mp3', song],
        ['d.mp3', song],
        ['a.mp3', { ...song, size: 7 }],
        ['b.mp3', { tags: { title: 'Two' } }],
      ])
      expect(Object.fromEntries((await world.tracks()).map(({ path, id }) => [path, id]))).toEqual({
        'a.mp3': b?.id,
        'b.mp3': expect.any(Number),
        'c.mp3': a?.id,
        'd.mp3': expect.any(Number),
      })
    })

    it('counts the last time when a file is there several times', async () => {
      const world = await open()
      await world.putAll([
        ['a.mp3', { tags: { title: 'One', artist: 'Anna' } }],
        ['a.mp3', { tags: { title: 'Two', artist: 'Bob' }, version: '2' }],
      ])
      expect(await world.tracks()).toMatchObject([{ title: 'Two' }])
      expect((await world.artists()).map(({ name }) => name)).toEqual(['Bob'])
    })

    it('becomes a compilation at once, and takes with it what stood there', async () => {
      const world = await open()
      const live = (artist: string, title: string): Song => ({
        tags: { title, artist, album: 'Live' },
      })
      await world.put('x/1.mp3', live('Anna', 'One'))
      const songs = [['x/2.mp3', live('Bob', 'Two')], ['x/3.mp3', live('Cleo', 'Three')]] as const // prettier-ignore
      await world.putAll(songs)
      expect(await world.albums()).toMatchObject([{ artist: 'Various Artists', trackCount: 3 }])
      await world.putAll(songs.map(([path]) => [path, live('Anna', path)]))
      expect(await world.albums()).toMatchObject([{ artist: 'Anna', trackCount: 3 }])
      expect((await world.artists()).map(({ name }) => name)).toEqual(['Anna'])
    })

    // SQLite is not asked over a wire.
    if (kind === 'PostgreSQL')
      it('takes a number of statements that does not grow with it', async () => {
        const world = await open()
        const songs = Array.from({ length: 64 }, (_, i) => {
          const [artist, album] = [`Artist ${i % 8}`, `Album ${i % 8}`]
          return [`${i % 8}/${i}.mp3`, { tags: { title: `${i}`, artist, album } }] as const
        })
        expect(await world.statementsOf(songs)).toBeLessThanOrEqual(14)
        expect(await world.statementsOf(songs)).toBeLessThanOrEqual(3)
      })
  })

  describe('names that no index takes as they are', () => {
    it('stay apart however long they are the same, and shown as they are', async () => {
      const world = await open()
      // Nothing that could be compressed: some indexes do that.
      const noise = Array.from({ length: 24 }, (_, i) => hash('sha256', `${i}`, 'base64url'))
      const long = (end: string): string => `${noise.join(' ')} ${end}`
      for (const end of ['eins', 'zwei']) {
        const tags = {
          title: long(end),
          artist: long(end),
          album: long(end),
          musicBrainz: { release: long(end) },
        }
        await world.put(`${noise.join('/')}/${end}.mp3`, {
          tags,
          id: long(end),
          contentHash: long(end),
        })
      }
      expect((await world.albums()).map(({ name }) => name).sort()).toEqual([
        long('eins'),
        long('zwei'),
      ])
      expect(await world.artists()).toHaveLength(2)
      const before = await world.tracks()
      expect(before.map(({ title }) => title).sort()).toEqual([long('eins'), long('zwei')])
      await world.lose(before.find(({ title }) => title === long('eins'))!.path)
      await world.put('a.mp3', { id: long('eins'), tags: { title: 'Other' } })
      expect((await world.at('a.mp3'))?.id).toBe(
        before.find(({ title }) => title === long('eins'))?.id,
      )
    })

    it('are kept without what no database keeps, and are known again', async () => {
      const world = await open()
      const odd = 'a\0b\ud800c'
      const tags = { title: odd, artist: odd, album: odd, genres: [odd] }
      await world.put(`x/${odd}.mp3`, { tags, id: odd, version: odd })
      const before = await world.tracks()
      expect(before).toMatchObject([{ title: 'a\ufffdb\ufffdc', genres: [odd] }])
      expect(await world.statementsOf([[`x/${odd}.mp3`, { tags, id: odd, version: odd }]])).toBe(2)
      await world.lose(`x/${odd}.mp3`)
      await world.put('y.mp3', { tags, id: odd })
      expect((await world.at('y.mp3'))?.id).toBe(before[0]?.id)
    })
  })
})
