import { expect, test } from 'vitest'
import { maxTextLength } from '../tags.ts'
import { type NativeTag, textsOf } from './texts.ts'

function texts(...tags: readonly (readonly [string, unknown])[]): ReturnType<typeof textsOf> {
  return textsOf([tags.map(([id, value]): NativeTag => ({ id, value }))])
}

test('the first of two titles wins', () => {
  expect(texts(['TITLE', 'First'], ['TITLE', 'Second']).title).toBe('First')
})

test('the first block that knows a field decides it', () => {
  const blocks = [
    [{ id: 'TIT2', value: 'Long title' }],
    [
      { id: 'title', value: 'Long t' },
      { id: 'album', value: 'Rounds' },
    ],
  ]
  expect(textsOf(blocks)).toMatchObject({ title: 'Long title', album: 'Rounds' })
})

test('several artists are one line, and each by himself', () => {
  const found = texts(['ARTIST', 'Anna'], ['ARTIST', 'Bob'], ['ARTIST', 'Anna'])
  expect(found).toMatchObject({ artist: 'Anna, Bob', artists: ['Anna', 'Bob'] })
  const listed = texts(['ARTIST', 'Anna & Bob'], ['ARTISTS', 'Anna'], ['ARTISTS', 'Bob'])
  expect(listed).toMatchObject({ artist: 'Anna & Bob', artists: ['Anna', 'Bob'] })
})

test('genres are split and said once', () => {
  expect(texts(['GENRE', 'Rock; Pop'], ['GENRE', 'Pop\0Jazz']).genres).toEqual([
    'Rock',
    'Pop',
    'Jazz',
  ])
})

test('text is clean, whole characters, and not too long', () => {
  expect(texts(['TITLE', '  a\u0007b\ud800c\u0000 ']).title).toBe('a b c')
  const long = texts(['TITLE', `${'x'.repeat(maxTextLength - 1)}😀`]).title
  expect(long).toBe('x'.repeat(maxTextLength - 1))
})

test('numbers that make no sense are left out', () => {
  const found = texts(['TRACKNUMBER', '99999/0'], ['DISCNUMBER', '-1'], ['DATE', '0000'])
  expect(Object.keys(found)).toEqual(['artists', 'genres', 'isCompilation'])
})

test.each([
  ['2004', 2004],
  ['2004-05-01', 2004],
  ['01.05.2004', 2004],
  ['20040501', 2004],
  ['unknown', undefined],
])('the year of %s', (date, year) => {
  expect(texts(['DATE', date]).year).toBe(year)
})

test('ReplayGain is read in all its spellings', () => {
  const plain = texts(
    ['REPLAYGAIN_TRACK_GAIN', '-7.25 dB'],
    ['replaygain_album_peak', '0.98'],
    ['REPLAYGAIN_ALBUM_GAIN', 'NaN'],
  )
  expect(plain.replayGain).toEqual({ trackGain: -7.25, albumPeak: 0.98 })
  expect(texts(['TXXX:replaygain_track_gain', '+1,5 dB']).replayGain).toEqual({ trackGain: 1.5 })
  // 256 ths of a decibel, five below.
  expect(texts(['R128_TRACK_GAIN', '-512']).replayGain).toEqual({ trackGain: 3 })
})

test('MusicBrainz ids are found wherever they are written', () => {
  const id = '0df56b21-d4d9-3a84-8eb0-8cb2cda2ea5a'
  const other = '11111111-2222-3333-4444-555555555555'
  const owner = { owner_identifier: 'http://musicbrainz.org', identifier: Buffer.from(id) }
  expect(texts(['UFID', owner], ['TXXX:MusicBrainz Album Id', other]).musicBrainz).toEqual({
    recording: id,
    release: other,
  })
  expect(
    texts(['MUSICBRAINZ_TRACKID', id], ['MUSICBRAINZ_RELEASETRACKID', other]).musicBrainz,
  ).toEqual({ recording: id, track: other })
  expect(
    texts(['----:com.apple.iTunes:MusicBrainz Artist Id', `${id}/${other}`]).musicBrainz,
  ).toEqual({ artists: [id, other] })
  expect(texts(['MUSICBRAINZ_TRACKID', 'not an id']).musicBrainz).toBeUndefined()
})

test.each(['1', 'true', 1, true])('a compilation says so by %s', (value) => {
  expect(texts(['cpil', value]).isCompilation).toBe(true)
  expect(texts(['cpil', '0']).isCompilation).toBe(false)
})
