/** What the collection holds: invented people, invented records. */
import type { Arrangement } from './make-collection-arrangement.ts'

export type Format = 'mp3' | 'flac' | 'm4a' | 'ogg' | 'opus' | 'wav'

export interface Album {
  readonly owner: 'anna' | 'bob' | 'charlie'
  readonly artist: string
  readonly title: string
  readonly year: number
  readonly genre: string
  readonly format: Format
  /** Inside each file, beside the files as folder.jpg or folder.png, or nowhere. */
  readonly cover: 'png' | 'jpeg' | 'folder.jpg' | 'folder.png' | 'none'
  readonly isCompilation?: boolean
  readonly arrangement: Arrangement
  readonly tracks: readonly Track[]
}

export interface Track {
  readonly title: string
  /** Where it is another one than the album's. */
  readonly artist?: string
  readonly disc?: number
  /** Degrees of the scale, as in `Arrangement.chords`. */
  readonly chords: readonly number[]
  /** Beats a minute more or less than the album's. */
  readonly faster?: number
}

export const albums: readonly Album[] = [
  {
    owner: 'anna',
    artist: 'Lágrima Verde',
    title: 'Barro y Canela',
    year: 2019,
    genre: 'Folk',
    format: 'flac',
    cover: 'png',
    arrangement: {
      tempo: 96,
      tonic: 57,
      scale: 'minor',
      chords: [],
      layers: [
        { play: 'arpeggio', voice: 'pluck', gain: 0.8 },
        { play: 'bass', voice: 'bass', gain: 0.7 },
        { play: 'melody', voice: 'pluck', gain: 1 },
      ],
    },
    tracks: [
      { title: 'Patio de Lluvia', chords: [0, 5, 3, 0] },
      { title: 'La Mañana Descalza', chords: [0, 3, 6, 2], faster: 8 },
      { title: '¿Quién Llama?', chords: [5, 6, 0, 0], faster: 14 },
    ],
  },
  {
    owner: 'anna',
    artist: 'The Wren Quartet',
    title: 'Small Hours',
    year: 2011,
    genre: 'Classical',
    format: 'mp3',
    cover: 'folder.jpg',
    arrangement: {
      tempo: 84,
      tonic: 62,
      scale: 'major',
      chords: [],
      layers: [
        { play: 'chords', voice: 'strings', gain: 0.5 },
        { play: 'walk', voice: 'strings', gain: 0.6 },
        { play: 'melody', voice: 'strings', gain: 0.75 },
      ],
    },
    tracks: [
      { title: 'Prelude for an Empty Kitchen', chords: [0, 3, 4, 0] },
      { title: 'Moth Waltz', chords: [5, 3, 1, 4, 0], faster: 24 },
      { title: 'Nocturne in Slippers', chords: [0, 5, 1, 0] },
      { title: 'Birds, Already', chords: [0, 4, 3, 0], faster: 16 },
    ],
  },
  {
    owner: 'anna',
    artist: '硝子の庭',
    title: '夜の窓',
    year: 2022,
    genre: 'Ambient',
    format: 'opus',
    cover: 'jpeg',
    arrangement: {
      tempo: 76,
      tonic: 64,
      scale: 'pentatonic',
      chords: [],
      layers: [
        { play: 'arpeggio', voice: 'bell', gain: 0.6 },
        { play: 'chords', voice: 'pad', gain: 0.5 },
        { play: 'melody', voice: 'bell', gain: 0.6 },
      ],
    },
    tracks: [
      { title: '雨あがり', chords: [0, 3, 0] },
      { title: '終電のあと', chords: [3, 1, 0] },
      { title: '金魚', chords: [0, 1, 3, 0], faster: 20 },
    ],
  },
  {
    owner: 'anna',
    artist: 'Various Artists',
    title: 'Kitchen Table Sessions, Vol. 2',
    year: 2023,
    genre: 'Acoustic',
    format: 'm4a',
    cover: 'jpeg',
    isCompilation: true,
    arrangement: {
      tempo: 100,
      tonic: 60,
      scale: 'major',
      chords: [],
      layers: [
        { play: 'chords', voice: 'keys', gain: 0.6 },
        { play: 'bass', voice: 'bass', gain: 0.7 },
        { play: 'melody', voice: 'pluck', gain: 0.9 },
        { play: 'drums', kit: 'brushes', gain: 0.5 },
      ],
    },
    tracks: [
      { title: 'Teaspoon Blues', artist: 'Odile Marchetti Trio', chords: [0, 3, 0, 4, 0] },
      {
        title: 'Overpass (Unplugged)',
        artist: 'Neon Kestrel',
        chords: [5, 3, 0, 4, 0],
        faster: 12,
      },
      { title: 'Canela', artist: 'Lágrima Verde', chords: [1, 4, 0, 0] },
      {
        title: 'Łódź in the Rain',
        artist: 'Zofia Wilk & Harmonium Weather',
        chords: [5, 1, 4, 0],
        faster: -12,
      },
    ],
  },
  {
    owner: 'bob',
    artist: 'Neon Kestrel',
    title: 'Night Bus Home',
    year: 2020,
    genre: 'Synthwave',
    format: 'm4a',
    cover: 'png',
    arrangement: {
      tempo: 108,
      tonic: 57,
      scale: 'minor',
      chords: [],
      layers: [
        { play: 'pulse', voice: 'sawbass', gain: 0.8 },
        { play: 'arpeggio', voice: 'lead', gain: 0.35, octave: 1 },
        { play: 'chords', voice: 'pad', gain: 0.45 },
        { play: 'drums', kit: 'straight', gain: 0.8 },
      ],
    },
    tracks: [
      { title: 'Last Stop, Everyone Off', chords: [0, 5, 2, 6, 0] },
      { title: 'Rain on the Upper Deck', chords: [5, 6, 0, 2, 0], faster: -8 },
      { title: 'Driver’s Mirror', chords: [0, 3, 5, 6, 0], faster: 10 },
      { title: 'Depot', chords: [2, 6, 3, 0], faster: -16 },
    ],
  },
  {
    owner: 'bob',
    artist: 'Neon Kestrel',
    title: 'Overpass',
    year: 2023,
    genre: 'Electronic',
    format: 'mp3',
    cover: 'jpeg',
    arrangement: {
      tempo: 116,
      tonic: 60,
      scale: 'dorian',
      chords: [],
      layers: [
        { play: 'pulse', voice: 'sawbass', gain: 0.8 },
        { play: 'stabs', voice: 'keys', gain: 0.4 },
        { play: 'melody', voice: 'lead', gain: 0.6 },
        { play: 'drums', kit: 'broken', gain: 0.8 },
      ],
    },
    tracks: [
      { title: 'Overpass', disc: 1, chords: [0, 3, 0, 6, 0] },
      { title: 'Sodium Light', disc: 1, chords: [0, 2, 3, 6, 0], faster: 6 },
      { title: 'Overpass (Dub)', disc: 2, chords: [0, 0, 3, 3, 0], faster: -20 },
      { title: 'Sodium Light (Instrumental)', disc: 2, chords: [3, 2, 6, 0], faster: -6 },
    ],
  },
  {
    owner: 'bob',
    artist: 'DJ Größenwahn',
    title: 'Türsteherballaden',
    year: 2017,
    genre: 'Techno',
    format: 'ogg',
    cover: 'none',
    arrangement: {
      tempo: 126,
      tonic: 55,
      scale: 'minor',
      chords: [],
      layers: [
        { play: 'drums', kit: 'fourfloor', gain: 1 },
        { play: 'pulse', voice: 'bass', gain: 0.7 },
        { play: 'stabs', voice: 'organ', gain: 0.3 },
      ],
    },
    tracks: [
      { title: 'Heute nicht', chords: [0, 0, 5, 5, 6, 0] },
      { title: 'Gästeliste plus eins', chords: [0, 3, 0, 6, 0, 0], faster: 4 },
      { title: 'Fünf Uhr früh', chords: [0, 5, 3, 6, 0], faster: -10 },
    ],
  },
  {
    owner: 'charlie',
    artist: 'Odile Marchetti Trio',
    title: 'Third Floor, No Lift',
    year: 1998,
    genre: 'Jazz',
    format: 'flac',
    cover: 'folder.jpg',
    arrangement: {
      tempo: 112,
      tonic: 58,
      scale: 'dorian',
      chords: [],
      layers: [
        { play: 'walk', voice: 'bass', gain: 0.9 },
        { play: 'stabs', voice: 'keys', gain: 0.35 },
        { play: 'melody', voice: 'keys', gain: 0.8 },
        { play: 'drums', kit: 'brushes', gain: 0.7 },
      ],
    },
    tracks: [
      { title: 'Forty-Two Steps', chords: [1, 4, 0, 0] },
      { title: 'The Concierge Knows', chords: [0, 3, 1, 4, 0], faster: 20 },
      { title: 'Piano, by Rope', chords: [3, 2, 1, 0], faster: -16 },
    ],
  },
  {
    owner: 'charlie',
    artist: 'Северный Ветер',
    title: 'Лёд',
    year: 2015,
    genre: 'Ambient',
    format: 'ogg',
    cover: 'jpeg',
    arrangement: {
      tempo: 66,
      tonic: 55,
      scale: 'lydian',
      chords: [],
      layers: [
        { play: 'chords', voice: 'pad', gain: 0.8 },
        { play: 'bass', voice: 'bass', gain: 0.5 },
        { play: 'melody', voice: 'bell', gain: 0.5 },
      ],
    },
    tracks: [
      { title: 'Первый снег', chords: [0, 1, 0] },
      { title: 'Полынья', chords: [4, 1, 0] },
      { title: 'Ледоход', chords: [0, 2, 1, 0], faster: 14 },
    ],
  },
  {
    owner: 'charlie',
    artist: 'Harmonium Weather',
    title: 'Field Notes',
    year: 2008,
    genre: 'Experimental',
    format: 'wav',
    cover: 'folder.png',
    arrangement: {
      tempo: 132,
      tonic: 62,
      scale: 'major',
      chords: [],
      layers: [
        { play: 'chords', voice: 'organ', gain: 0.5 },
        { play: 'melody', voice: 'organ', gain: 0.6 },
      ],
    },
    tracks: [
      { title: 'Fog, Lifting by Noon', chords: [0, 3, 0] },
      { title: 'Gate, Unlatched', chords: [4, 3, 0] },
    ],
  },
  {
    owner: 'charlie',
    artist: 'Zofia Wilk',
    title: 'Ćma',
    year: 2021,
    genre: 'Singer-Songwriter',
    format: 'mp3',
    cover: 'png',
    arrangement: {
      tempo: 92,
      tonic: 59,
      scale: 'minor',
      chords: [],
      layers: [
        { play: 'arpeggio', voice: 'pluck', gain: 0.7 },
        { play: 'chords', voice: 'strings', gain: 0.25 },
        { play: 'melody', voice: 'lead', gain: 0.5 },
      ],
    },
    tracks: [
      { title: 'Żarówka', chords: [0, 5, 2, 0] },
      { title: 'Cicho, Śpij', chords: [3, 0, 6, 0], faster: -10 },
    ],
  },
]

/** What a phone leaves behind: no tags at all, only a name. */
export const untagged = {
  path: 'bob/Demos/take 3 (final) final.mp3',
  arrangement: {
    tempo: 104,
    tonic: 60,
    scale: 'major',
    chords: [0, 4, 5, 3, 0],
    layers: [
      { play: 'chords', voice: 'keys', gain: 0.6 },
      { play: 'melody', voice: 'lead', gain: 0.5 },
      { play: 'drums', kit: 'straight', gain: 0.6 },
    ],
  },
} as const satisfies { readonly path: string; readonly arrangement: Arrangement }
