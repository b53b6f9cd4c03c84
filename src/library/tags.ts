/** Where a picture lies inside a file, so that it is read when first wanted and not before. */
export interface CoverPlace {
  /** Bytes of the file, end exclusive. */
  readonly start: number
  readonly end: number
  /** As the file says (`image/jpeg`, `image/png` ...); data, not to be trusted. */
  readonly mime: string
  /**
   * How the bytes become a picture: `raw` as they are; `unsync` after undoing ID3v2 unsynchronisation;
   * `ogg-base64` after taking off the Ogg page headers, decoding base64 and unwrapping a FLAC picture block;
   * `flac-base64` the same without Ogg pages.
   */
  readonly form: 'raw' | 'unsync' | 'ogg-base64' | 'flac-base64'
}

export interface ReplayGain {
  /** dB, relative to -18 LUFS. */
  readonly trackGain?: number
  readonly albumGain?: number
  /** Linear, 1 is full scale. */
  readonly trackPeak?: number
  readonly albumPeak?: number
}

export interface MusicBrainzIds {
  readonly recording?: string
  readonly track?: string
  readonly release?: string
  readonly releaseGroup?: string
  readonly artists?: readonly string[]
  readonly albumArtists?: readonly string[]
}

/** What an audio file says of itself. Texts are trimmed, without control characters, at most `maxTextLength` characters. */
export interface Tags {
  readonly title?: string
  /** As one line, for showing. */
  readonly artist?: string
  /** Every artist by himself, where the file tells them apart; else `[artist]`, or empty. */
  readonly artists: readonly string[]
  readonly albumArtist?: string
  readonly album?: string
  readonly track?: number
  readonly trackTotal?: number
  readonly disc?: number
  readonly discTotal?: number
  readonly year?: number
  readonly genres: readonly string[]
  readonly isCompilation: boolean
  readonly durationMs?: number
  /** True where the duration is worked out from a sample of frames (VBR without an index). */
  readonly isDurationEstimated: boolean
  /** `mp3`, `aac`, `alac`, `flac`, `vorbis`, `opus`, `pcm`, `wma`, `wavpack`, `ape`, or what the parser says. */
  readonly codec: string
  readonly isLossless: boolean
  /** Bits a second. */
  readonly bitrate?: number
  readonly sampleRate?: number
  readonly bitsPerSample?: number
  readonly channels?: number
  readonly replayGain?: ReplayGain
  readonly musicBrainz?: MusicBrainzIds
  readonly cover?: CoverPlace
}

/** Characters of one text field; what is longer is cut. */
export const maxTextLength = 1_000
