import type { Tags } from './tags.ts'
import type { NamedTrack } from './tags/names.ts'

/** An audio file that has been read. */
export interface TrackEffect {
  readonly kind: 'track'
  /** As the file says. */
  readonly tags: Tags
  /** What the path says, where the tags say nothing. */
  readonly names: NamedTrack
  /** Of the whole content, with the name of its algorithm (`sha256:...`), where a source tells it. */
  readonly contentHash?: string
}

/** The same content as another item, which is in the catalogue already: nothing has been opened. */
export interface CopyEffect {
  readonly kind: 'copy'
  /** `rowId` of the other item. */
  readonly from: number
  /** The version the other item had; if it has another one by now, the copy is refused with `changed`. */
  readonly fromVersion: string
  readonly names: NamedTrack
}

/** A picture that stands for its folder (`folder.jpg`): nothing has been opened. */
export interface PictureEffect {
  readonly kind: 'picture'
  /** Of several pictures in a folder the one with the smallest rank is shown. */
  readonly rank: number
}

/** What a change of a file does to the library. */
export type LibraryEffect = TrackEffect | CopyEffect | PictureEffect
