import { Type } from 'typebox'
import { list, nullable, ref } from './schema.ts'

const text = Type.String()
const whole = Type.Integer()
const isIt = Type.Boolean()
const ms = Type.Integer({ description: 'Milliseconds.' })

const ReplayGain = Type.Object({
  trackGain: Type.Optional(Type.Number({ description: 'dB, relative to -18 LUFS.' })),
  albumGain: Type.Optional(Type.Number()),
  trackPeak: Type.Optional(Type.Number({ description: 'Linear, 1 is full scale.' })),
  albumPeak: Type.Optional(Type.Number()),
})

const MusicBrainzIds = Type.Object({
  recording: Type.Optional(text),
  track: Type.Optional(text),
  release: Type.Optional(text),
  releaseGroup: Type.Optional(text),
  artists: Type.Optional(list(text)),
  albumArtists: Type.Optional(list(text)),
})

const CoverId = nullable(Type.Integer({ description: 'See /api/covers/:id.' }))

/** What of a track is told: the properties of the catalogue's, but for whose it is. */
export const Track = Type.Object(
  {
    id: Type.Integer({ description: 'Survives a move of the file.' }),
    sourceId: whole,
    path: Type.String({ description: 'In its source, for showing.' }),
    title: text,
    artist: text,
    artistId: whole,
    albumArtist: text,
    album: text,
    albumId: whole,
    isCompilation: isIt,
    track: nullable(whole),
    disc: nullable(whole),
    year: nullable(whole),
    genres: list(text),
    durationMs: nullable(ms),
    isDurationEstimated: isIt,
    codec: text,
    isLossless: isIt,
    bitrate: nullable(Type.Number({ description: 'Bits a second.' })),
    sampleRate: nullable(Type.Number({ description: 'Hertz.' })),
    channels: nullable(whole),
    size: Type.Integer({ description: 'Bytes.' }),
    replayGain: nullable(ReplayGain),
    musicBrainz: nullable(MusicBrainzIds),
    coverId: CoverId,
  },
  { $id: 'Track', description: 'A track, as it is shown.' },
)

export const Artist = Type.Object(
  {
    id: whole,
    name: text,
    albumCount: Type.Integer({ description: 'Albums that are his.' }),
    trackCount: Type.Integer({
      description: 'Tracks on which he plays, or which are on his albums.',
    }),
  },
  { $id: 'Artist', description: 'Somebody who plays, or whose album it is.' },
)

export const Album = Type.Object(
  {
    id: whole,
    name: text,
    artist: text,
    artistId: whole,
    year: nullable(whole),
    isCompilation: isIt,
    trackCount: whole,
    durationMs: ms,
    coverId: CoverId,
  },
  { $id: 'Album', description: 'An album, as it is shown.' },
)

export const TrackPage = Type.Object(
  {
    tracks: list(ref(Track)),
    next: Type.Optional(
      Type.String({ description: 'Give it as `after` to go on; absent on the last page.' }),
    ),
  },
  { description: 'Tracks in their order.' },
)

export const SearchResult = Type.Object(
  {
    artists: list(ref(Artist)),
    albums: list(ref(Album)),
    tracks: list(ref(Track)),
  },
  { description: 'What was found, of each kind.' },
)
