import { SyncError } from '../base/errors.ts'
import type { Handler, Item } from '../engine/handler.ts'
import type { ListedItem, Source } from '../engine/source.ts'
import type { LibraryEffect } from './effect.ts'
import { rangeFetch } from './range-fetch.ts'
import { isAudio, isCoverImage } from './tags/audio-names.ts'
import { fromPath } from './tags/names.ts'
import type { Fetch } from './tags/read-tags.ts'
import type { Tags } from './tags.ts'

/** What an audio file says of itself: `readTags` with its parser. */
export type TagReader = (
  file: { readonly name: string; readonly size: number },
  fetch: Fetch,
  signal: AbortSignal,
) => Promise<Tags>

export interface LibraryHandlerParts {
  readonly readTags: TagReader
}

/** Files become music: an audio file is a track, a picture with the right name stands for its folder. */
export class LibraryHandler implements Handler {
  readonly #readTags: TagReader

  constructor({ readTags }: LibraryHandlerParts) {
    this.#readTags = readTags
  }

  /** Empty files, too: one that was full before has to lose what the library has of it. */
  wants(item: ListedItem): boolean {
    const name = nameOf(item)
    return isAudio(name) || isCoverImage(name)
  }

  /** Throws `not-audio` or `unparsable` for what is empty, and what reading tags throws. */
  async read(
    item: Item,
    known: Item | null,
    source: Source,
    signal: AbortSignal,
  ): Promise<LibraryEffect> {
    const name = nameOf(item)
    if (item.size === 0) {
      const code = isAudio(name) ? 'not-audio' : 'unparsable'
      throw new SyncError(code, `${name} is empty.`)
    }
    if (isCoverImage(name)) return { kind: 'picture', rank: pictureRank(name) }
    const names = fromPath(item.path)
    if (known !== null && isAudio(nameOf(known))) {
      return { kind: 'copy', from: known.rowId, fromVersion: known.version, names }
    }
    const file = { name, size: item.size }
    const tags = await this.#readTags(file, rangeFetch(source, item, signal), signal)
    return { kind: 'track', tags, names }
  }
}

function nameOf(item: ListedItem): string {
  return item.path.at(-1) ?? ''
}

/** `cover.jpg` is shown rather than `folder.jpg`, which may be a small copy that a player left there. */
function pictureRank(name: string): number {
  const rank = ['cover', 'front', 'folder', 'album'].findIndex((word) =>
    name.toLowerCase().startsWith(word),
  )
  return rank < 0 ? Number.MAX_SAFE_INTEGER : rank
}
