import { expect, test } from 'vitest'
import { isAudio, isCoverImage } from './audio-names.ts'
import { fromPath } from './names.ts'

test.each([
  ['Anna/Rounds/03 - Refrain.mp3', { artist: 'Anna', album: 'Rounds', track: 3, title: 'Refrain' }],
  ['Anna/Rounds/03. Refrain.mp3', { artist: 'Anna', album: 'Rounds', track: 3, title: 'Refrain' }],
  [
    'Anna/2004 - Rounds/03 Refrain.mp3',
    { artist: 'Anna', album: 'Rounds', track: 3, title: 'Refrain' },
  ],
  [
    'Anna/Rounds (2004)/CD 2/03 Refrain.mp3',
    { artist: 'Anna', album: 'Rounds', disc: 2, track: 3, title: 'Refrain' },
  ],
  [
    'Anna/Rounds/203 Refrain.flac',
    { artist: 'Anna', album: 'Rounds', disc: 2, track: 3, title: 'Refrain' },
  ],
  [
    'Anna/Rounds/2-03 Refrain.flac',
    { artist: 'Anna', album: 'Rounds', disc: 2, track: 3, title: 'Refrain' },
  ],
  ['Anna - Rounds/03_Refrain.ogg', { artist: 'Anna', album: 'Rounds', track: 3, title: 'Refrain' }],
  ['Anna - Refrain.ogg', { artist: 'Anna', title: 'Refrain' }],
  ['Downloads/Anna - Refrain.ogg', { artist: 'Anna', title: 'Refrain' }],
  [
    'Various/Hits/04 - Bob - Refrain - Live.mp3',
    { artist: 'Bob', album: 'Hits', track: 4, title: 'Refrain - Live' },
  ],
  ['Anna/1999/1999.mp3', { artist: 'Anna', album: '1999', title: '1999' }],
  ['a_song_by_nobody.mp3', { title: 'a song by nobody' }],
  ['.mp3', { title: '.mp3' }],
])('%s is understood', (path, expected) => {
  expect(fromPath(path.split('/'))).toEqual(expected)
})

test('audio is known by its extension, covers by their whole name', () => {
  const names = ['a.mp3', 'b.FLAC', 'c.txt', 'mp3', '.ogg', 'd.opus.part']
  expect(names.filter(isAudio)).toEqual(['a.mp3', 'b.FLAC'])
  const images = [
    'Folder.jpg',
    'cover.jpeg',
    'AlbumArt.png',
    'front.webp',
    'cover.txt',
    'mycover.jpg',
  ]
  expect(images.filter(isCoverImage)).toEqual([
    'Folder.jpg',
    'cover.jpeg',
    'AlbumArt.png',
    'front.webp',
  ])
})
