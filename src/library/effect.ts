import type { Tags } from './tags.ts'

/** What the path of a file says where its tags say nothing. */
export interface PathNames {
  readonly title: string
  readonly artist?: string
  readonly album?: string
  readonly track?: number
  readonly disc?: number
}

/** An audio file that has been read. */
export interface TrackEffect {
  readonly kind: 'track'
  /** As the file says; what is missing here is shown from `names`. */
  readonly tags: Tags
  readonly names: PathNames
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
  readonly names: PathNames
}

/** A picture that stands for its folder (`folder.jpg`): nothing has been opened. */
export interface PictureEffect {
  readonly kind: 'picture'
  /** Of several pictures in a folder the one with the smallest rank is shown. */
  readonly rank: number
}

/** What a change of a file does to the library. */
export type LibraryEffect = TrackEffect | CopyEffect | PictureEffect
