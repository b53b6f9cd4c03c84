import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { type LibraryWorld, onEveryDatabase } from '../../../test/library/world.ts'

onEveryDatabase((open, kind) => {
  const songs = async (): Promise<LibraryWorld> => {
    const world = await open()
    await world.put('Straße/AC-DC — Träume.mp3', {
      tags: { title: 'Cafe\u0301 del Mar', artist: 'Björk', album: 'Homogénic' },
    })
    await world.put('2.mp3', { tags: { title: 'Other', artist: 'Mar y Sol', album: 'Del' } })
    return world
  }
  const found = async (world: LibraryWorld, text: string, limit = 10) => {
    const { tracks } = await world.catalogue.search(1, text, limit)
    return tracks.map(({ title }) => title.normalize('NFC'))
  }

  it('finds by the beginnings of words of title, artist, album and path, in any case and Unicode form', async () => {
    const world = await songs()
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
      expect(await found(world, text), text).toContain('Café del Mar')
    }
    for (const text of ['afé', 'café sol', 'x']) expect(await found(world, text), text).toEqual([])
  })

  it('gives those first whose own title has the words', async () => {
    const world = await songs()
    expect(await found(world, 'mar')).toEqual(['Café del Mar', 'Other'])
    expect(await found(world, 'del')).toEqual(['Café del Mar', 'Other'])
    expect(await found(world, 'mar', 1)).toEqual(['Café del Mar'])
  })

  it('finds artists and albums', async () => {
    const world = await songs()
    expect(await world.catalogue.search(1, 'bjork', 10)).toMatchObject({
      artists: [{ name: 'Björk' }],
      albums: [{ name: 'Homogénic' }],
    })
  })

  it('takes whatever is typed for words, never for syntax', async () => {
    const world = await songs()
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

  it('takes no accent of any script for a difference, nor a letter that is spelt by two', async () => {
    const world = await open()
    await world.put('a.mp3', {
      tags: { title: 'Ёлка Παντρεύομαι Ærø がく नमस्ते Łódź', artist: 'Sigur Rós' },
    })
    for (const text of ['елка', 'ЁЛКА', 'παντρευ', 'aero', 'がく', 'नमस्ते', 'lodz', 'sigur ros']) {
      expect(await found(world, text), text).toHaveLength(1)
    }
    for (const text of ['лка', 'odz']) expect(await found(world, text), text).toEqual([])
  })

  it('finds names of any length, by their beginnings too', async () => {
    const world = await open()
    const long = 'x'.repeat(900)
    const many = Array.from({ length: 150 }, (_, i) => `word${i}`).join(' ')
    await world.put('a.mp3', { tags: { title: long, artist: many } })
    for (const text of [long, long.slice(0, 30), 'word149']) {
      expect(await found(world, text), text).toHaveLength(1)
    }
  })

  it('finds nothing that is not shown any more', async () => {
    const world = await open()
    await world.put('a.mp3', { tags: { title: 'One', artist: 'Anna', album: 'Live' } })
    await world.put('a.mp3', { tags: { title: 'Two', artist: 'Bob', album: 'Best' }, version: '2' })
    for (const text of ['one', 'anna', 'live']) {
      const nothing = { artists: [], albums: [], tracks: [] }
      expect(await world.catalogue.search(1, text, 5), text).toEqual(nothing)
    }
    expect(await found(world, 'bob best two')).toEqual(['Two'])
  })

  it('sees the words of no other owner', async () => {
    const world = await open([[1, 1], [2, 2], [3, 12]]) // prettier-ignore
    for (const source of [1, 2, 3]) {
      await world.put('a.mp3', { tags: { title: `Song ${source}` } }, source)
    }
    for (const [owner, title] of [
      [1, 'Song 1'],
      [2, 'Song 2'],
      [12, 'Song 3'],
    ] as const) {
      // prettier-ignore
      const { tracks } = await world.catalogue.search(owner, 'song', 1)
      expect(tracks.map((track) => track.title)).toEqual([title])
    }
  })

  it('walks over no more of the index than the words of one owner', async () => {
    const { db } = await open()
    const [text, value]: readonly [string, string] =
      kind === 'SQLite'
        ? [
            'explain query plan select rowid from track_search where track_search match ? and rowid > 1',
            'a',
          ]
        : ['explain select id from track_search where words @@ cast(? as tsquery)', `'1:a':*`]
    const plan = await db.transaction(async (tx) => {
      if (kind === 'PostgreSQL') await tx.run('set local enable_seqscan = off')
      return JSON.stringify(await tx.all(text, value))
    })
    // FTS5 tells of the bounds of its numbers as "<" and ">".
    expect(plan).toMatch(kind === 'SQLite' ? /VIRTUAL TABLE INDEX \S*M\S*>/ : /track_search_words/)
  })
})
