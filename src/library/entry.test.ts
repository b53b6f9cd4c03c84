import { expect, it } from 'vitest'
import { tagsOf } from '../../test/library/world.ts'
import { entryOf } from './entry.ts'

it('takes from the path what the tags leave out, and says so when neither knows', () => {
  const names = { title: 'Song', artist: 'Anna', album: 'Live', track: 3 }
  expect(entryOf(tagsOf({ title: ' ', track: 4 }), names)).toMatchObject({
    title: 'Song',
    artist: 'Anna',
    artists: ['Anna'],
    album: 'Live',
    albumArtist: null,
    track: 4,
    disc: 0,
  })
  expect(entryOf(tagsOf(), { title: 'x' })).toMatchObject({
    artist: 'Unknown Artist',
    album: 'Unknown Album',
    albumArtist: 'Unknown Artist',
  })
})

it('knows who leads, without his guests', () => {
  for (const artist of ['Anna', 'Anna feat. Bob', 'Anna (ft Bob)', 'ANNA Featuring Bob & Eve']) {
    expect(entryOf(tagsOf({ artist }), { title: 'x' }).leadKey).toBe('anna')
  }
  for (const artist of ['Feat', 'Little Feat', 'feat. Bob', 'Anna & Bob']) {
    expect(entryOf(tagsOf({ artist }), { title: 'x' }).leadKey).toBe(artist.toLowerCase())
  }
})

it('lets the album artist go before the mark of a compilation', () => {
  const tags = { artist: 'Anna', album: 'Mix', isCompilation: true }
  const names = { title: 'x' }
  expect(entryOf(tagsOf(tags), names).albumArtist).toBe('Various Artists')
  expect(entryOf(tagsOf({ ...tags, albumArtist: 'DJ' }), names).albumArtist).toBe('DJ')
})
